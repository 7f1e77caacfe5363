"""Values of pages and of documents that are no pages: attributes, all matches, what is shown, paths, patterns."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from support.crawling import LIMITS, crawl
from support.raw_http import Request, listening, read_request, response
from trapline_common.domain.observation import Observation
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.visit.page_script import LONGEST_FIELD
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]

PAGE = """<!doctype html><html lang=de><meta charset=utf-8><meta name=description content="What it is">
<base href=/shop/><title>t</title>
<p class=price style="display:none">1 &euro;</p><p class=price style="visibility:hidden">2 &euro;</p>
<div hidden><p class=price>3 &euro;</p></div><p class=price>1.299,- &euro;</p><p class=price>  499 <b>&euro;</b></p>
<a id=get href="v2.zip?a=1&amp;b=2" data-size=12>Get</a><a class=mail href="mailto:a@b.example">Mail</a>
<a id=gone hidden href=/old>Old</a><img id=sold alt="Sold out" src=//cdn.example/a.png>
<time datetime=2026-01-02>yesterday</time><input id=off type=checkbox disabled><input type=hidden id=token value=t1>
<script type=application/ld+json id=ld>{"price": 5}</script><p id=version>Version 2.10 of May</p><p id=only hidden>x</p>
<select id=size><option value=s>Small<option value=l selected>Large</select>"""
PLANS = [{"id": "a", "price": 1.5, "tags": ["x"]}, {"id": "b", "price": 12345678901234567890}]
DATA = {"plans": PLANS, "at": "10:00"}
FEED = """\n<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>
<title>News & more</title><language>de</language><item><title>One</title><link>http://x.example/1</link>
<dc:creator>Ann</dc:creator><enclosure url="/a.mp3"/></item><item><title><![CDATA[Two <b>]]></title></item></channel>
</rss>"""
TABLE = 'sku;"the price"\r\n"a;1";5\r\n"say ""b""";1.299,00\r\n'
NUMBERS = (
    '{"long": ' + "9" * 6000 + ', "large": 1e400, "fine": 0.1000000000000000055511151231257827, "none": 1e-400,'
    ' "plain": [-0, 0.000, 1.10, 1E5, 9007199254740991, 1000000000000000000000, 0.30000000000000004],'
    ' "rows": [{"id": 12345678901234567890, "name": "one"}, {"id": 12345678901234567891, "name": "two"}]}'
)
XHTML = "http://www.w3.org/1999/xhtml"
SHEET = (
    "<xsl:stylesheet version='1.0' xmlns:xsl='http://www.w3.org/1999/XSL/Transform'><xsl:template match='/'>"
    "<html><body><p>styled <xsl:value-of select='//i'/></p></body></html></xsl:template></xsl:stylesheet>"
)
ROUTES: dict[str, tuple[str, str, str]] = {
    "/page": ("text/html", "", PAGE),
    "/data": ("application/json", "", json.dumps(DATA)),
    "/data.txt": ("text/plain", "", json.dumps(DATA)),
    "/saved": ("application/json", "attachment; filename=data.json", json.dumps(DATA)),
    "/numbers": ("application/json", "", NUMBERS),
    "/guarded": ("application/json", "", f")]}}'\n{json.dumps(DATA)}"),
    "/json-page": ("text/html", "", '{"a": 1}'),
    "/bars": ("text/csv", "", 'sku|"the, price"\na|5'),
    "/excel": ("text/csv", "", "sep=;\r\nsku,x;price\r\na;5,5"),
    "/no-excel": ("text/csv", "", "sep=s\r\nask\r\n"),
    "/xhtml": ("application/xhtml+xml", "", f"<html xmlns='{XHTML}'><body><p id='a'>one</p></body></html>"),
    "/bad-xhtml": ("application/xhtml+xml", "", f"<html xmlns='{XHTML}'><body><p id='a'>one</p>a & b</body></html>"),
    "/styled": ("text/xml", "", "<?xml-stylesheet type='text/xsl' href='/sheet'?><r><i>One</i></r>"),
    "/sheet": ("text/xsl", "", SHEET),
    "/broken": ("application/json", "", '{"a": '),
    "/feed": ("application/rss+xml", "", FEED),
    "/xml": ("application/xml", "", "<r a='1'><i n='1'>One</i><i n='2'>Two</i></r>"),
    "/bad-xml": ("application/xml", "", "<r><i></r>"),
    "/table": ("text/csv", "", TABLE),
    "/export": ("application/octet-stream", 'attachment; filename="export.CSV"', TABLE),
    "/lines": ("text/plain", "", "first\nVERSION=2.10\nlast"),
    "/calendar": ("text/calendar", "", "BEGIN:VCALENDAR\nSUMMARY:Fair\n"),
    "/page-file": ("text/html", "attachment; filename=a.html", "<p id=a>saved</p>"),
    "/zip": ("application/zip", "", "PK"),
    "/no-name": ("application/octet-stream", "", "x"),
}


@dataclass(slots=True, kw_only=True)
class Reader:
    """Visits the routes."""

    origin: str
    """Where they are."""
    visitor: BrowserVisitor
    """Who visits."""

    async def __call__(self, path: str, **values: Any) -> Observation:
        """Visit a route with a crawl of these values."""
        return await self.visitor.visit(self.origin + path, crawl(**values))

    async def fields(self, path: str, **extract: Any) -> dict[str, str | None]:
        """Return the fields of a good visit."""
        found = await self(path, extract=extract)
        assert found.failure is None, found.failure
        return {name: value and value.replace(self.origin, "") for name, value in found.fields.items()}

    async def problem(self, path: str, **values: Any) -> str:
        """Return why a visit failed."""
        found = await self(path, **values)
        assert found.failure is not None
        return str(found.failure)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def origin() -> AsyncIterator[str]:
    """The routes' server."""

    async def answer(reader: Any, writer: Any) -> None:
        request: Request = await read_request(reader)
        kind, disposition, body = ROUTES.get(request.path, ("text/html", "", ""))
        headers = {"Content-Type": kind, **({"Content-Disposition": disposition} if disposition else {})}
        writer.write(response(200 if request.path in ROUTES else 404, body.encode(), headers))
        writer.close()

    async with listening(answer) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def read(new_visitor: NewVisitor, browser: Browser, origin: str) -> Reader:
    """Read the routes in the module's browser."""
    assert browser is not None
    return Reader(origin=origin, visitor=new_visitor(LIMITS))


async def test_attributes_of_a_page(read: Reader) -> None:
    """An attribute is taken as it stands, an address made whole; what no page shows has its text and attributes too."""
    assert await read.fields(
        "/page",
        link="#get@href",
        size="#get@data-size",
        mail=".mail@href",
        alt="#sold@alt",
        src="#sold @src",
        at="time@datetime",
        off="#off@disabled",
        about="meta[name=description]@content",
        meta="meta[name=description]",
        token="#token",
        ld="#ld",
        lang="html@lang",
        old="#gone@href",
        option={"selector": "option", "all": True},
    ) == {
        "link": "/shop/v2.zip?a=1&b=2",
        "size": "12",
        "mail": "mailto:a@b.example",
        "alt": "Sold out",
        "src": "http://cdn.example/a.png",
        "at": "2026-01-02",
        "off": "",
        "about": "What it is",
        "meta": "What it is",
        "token": "t1",
        "ld": '{"price": 5}',
        "lang": "de",
        "old": "/old",
        "option": "Small\nLarge",
    }


async def test_what_is_shown_counts_and_all_of_it_where_asked(read: Reader) -> None:
    """A hidden first match is not the value; all matches are one a line; a pattern takes its group."""
    fields = await read.fields(
        "/page",
        price=".price",
        every={"selector": ".price", "all": True},
        links={"selector": "a", "attribute": "href", "all": True},
        version={"selector": "#version", "pattern": "[0-9.]+"},
        month={"pattern": "of (May|June)"},
        digits={"selector": ".price", "all": True, "pattern": "[0-9]+"},
    )
    assert fields == {
        "price": "1.299,- \u20ac",
        "every": "1.299,- \u20ac\n499 \u20ac",
        "links": "/shop/v2.zip?a=1&b=2\nmailto:a@b.example",
        "version": "2.10",
        "month": "May",
        "digits": "1\n499",
    }
    hidden = await read.problem("/page", extract={"a": "#only"})
    lacking = await read.problem("/page", extract={"a": "#get@rel"})
    assert hidden == 'selector: extract a: only hidden elements match "#only"'
    assert lacking == 'selector: extract a: "#get" has no attribute "rel"'
    assert "the pattern 'x{3}' matches nothing" in await read.problem("/page", extract={"a": {"pattern": "x{3}"}})


async def test_expectations_of_such_values(read: Reader) -> None:
    """Numbers are read as the page's language has it; of all matches each must meet a bound; text may be unwanted."""
    every = {"extract": {"p": {"selector": ".price", "all": True}}}
    assert (await read("/page", **every, expect={"p": "< 1300"})).failure is None
    assert "p: found '1.299,- €', expected < 500" in await read.problem("/page", **every, expect={"p": "< 500"})
    assert (await read("/page", **every, expect={"p": "contains 499"})).failure is None
    unwanted = await read.problem("/page", expect={"not_contains": "Version  2.10"})
    assert unwanted == "expectation: the text contains 'Version 2.10'"
    assert (await read("/page", expect={"not_contains": "Version 3"})).failure is None


@pytest.mark.parametrize("path", ["/data", "/data.txt", "/saved"])
async def test_json(read: Reader, path: str) -> None:
    """JSON is watched and extracted from by JSONPath and by dotted paths, whatever it is served as."""
    assert await read.fields(
        path,
        first="$.plans[0].price",
        dotted="plans.0.price",
        last="$.plans[-1].price",
        named="$.plans[?(@.id == 'a')].tags[0]",
        deep={"selector": "$..id", "all": True},
        held="plans.0.tags",
    ) == {
        "first": "1.5",
        "dotted": "1.5",
        "last": "12345678901234567890",
        "named": "x",
        "deep": "a\nb",
        "held": '[\n"x"\n]',
    }
    found = await read(path, watch="$.plans[*].price", expect={"contains": "1.5"})
    assert (found.text, found.failure) == ("1.5\n12345678901234567890", None)
    whole = (await read(path, ignore=["$.at", "$.plans[1]", ".advert"])).text
    assert whole is not None
    assert json.loads(whole) == {"plans": PLANS[:1]}


async def test_numbers_as_they_are_written(read: Reader) -> None:
    """A number that no floating-point number holds is the text that the document has, and only that equals it."""
    assert await read.fields(
        "/numbers",
        long="$.long",
        large="$.large",
        fine="$.fine",
        none="$.none",
        plain={"selector": "$.plain[*]", "all": True},
        which="$.rows[?@.id == 12345678901234567891].name",
        quoted="$.rows[?@.id == '12345678901234567890'].name",
        above="$.rows[?@.id > 5].name",
    ) == {
        "long": "9" * 6000,
        "large": "1e400",
        "fine": "0.1000000000000000055511151231257827",
        "none": "1e-400",
        "plain": "0\n0\n1.1\n100000\n9007199254740991\n1e+21\n0.30000000000000004",
        "which": "two",
        "quoted": "one",
        "above": "one",
    }
    assert '"id": 12345678901234567890,' in str((await read("/numbers")).text)
    assert "nothing matches" in await read.problem(
        "/numbers", extract={"a": "$.rows[?@.id == 12345678901234567892].name"}
    )
    assert (await read("/numbers", extract={"a": "$.long"}, expect={"a": "> 5"})).failure is None
    assert await read.fields("/guarded", id="$.plans[0].id") == {"id": "a"}


async def test_a_page_of_a_style_sheet_says_what_the_site_wrote(read: Reader) -> None:
    """What Chromium puts into a page that XSLT made, a warning of its own, is none of its text."""
    assert (await read("/styled")).text == "styled One"


async def test_xml_and_feeds(read: Reader) -> None:
    """XML and feeds are selected from as they are, whatever the browser shows around them; slips cost nothing."""
    found = await read("/feed", watch="item > title", extract={"by": "creator", "audio": "enclosure@url"})
    assert (found.text, found.fields, found.failure) == ("One\nTwo <b>", {"by": "Ann", "audio": "/a.mp3"}, None)
    whole = (await read("/feed", ignore=["item"])).text
    assert whole == "News & more\nde"
    fields = await read.fields(
        "/xml", two="i:nth-of-type(2)", n={"selector": "i", "attribute": "n", "all": True}, a="r@a"
    )
    assert fields == {"two": "Two", "n": "1\n2", "a": "1"}
    assert (await read("/xml")).text == "One\nTwo"


@pytest.mark.parametrize("path", ["/table", "/export"])
async def test_tables(read: Reader, path: str) -> None:
    """A CSV is watched as it stands, and its cells are found by row and by the first row's names."""
    assert (await read(path)).text == 'sku;"the price"\n"a;1";5\n"say ""b""";1.299,00'
    assert await read.fields(
        path, price="$[0]['the price']", second="1.sku", by="$[?@.sku == 'say \"b\"']['the price']"
    ) == {"price": "5", "second": 'say "b"', "by": "1.299,00"}


async def test_tables_with_other_signs(read: Reader) -> None:
    """Cells may be parted by bars, or by what a first line names, as Excel has it."""
    assert await read.fields("/bars", price="$[0]['the, price']") == {"price": "5"}
    assert await read.fields("/excel", price="$[0].price", sku="$[0]['sku,x']") == {"price": "5,5", "sku": "a"}
    assert await read.fields("/no-excel", whole="$[0]['sep=s']") == {"whole": "ask"}  # a letter is no separator


async def test_texts(read: Reader) -> None:
    """Plain text, a calendar and a saved page are read as what they are; lines have numbers; patterns take parts."""
    fields = await read.fields("/lines", line="$[1]", version={"pattern": "VERSION=(.*)"})
    assert fields == {"line": "VERSION=2.10", "version": "2.10"}
    assert (await read("/lines", ignore=["$[0]"])).text == "VERSION=2.10\nlast"
    assert (await read("/calendar")).text == "BEGIN:VCALENDAR\nSUMMARY:Fair"
    assert await read.fields("/page-file", a="#a") == {"a": "saved"}


async def test_what_is_wrong_with_a_document_is_told(read: Reader) -> None:
    """What is no text stays a download; a broken document, and a selector that can't be used in it, are named."""
    for path in ("/zip", "/no-name"):
        assert await read.problem(path) == "download: the answer is a file that is no text"
    assert "the document is no well-formed XML" in await read.problem("/bad-xml")
    assert "the document is no valid JSON" in await read.problem("/broken")
    assert "the page is no well-formed XHTML" in await read.problem("/bad-xhtml")
    assert (await read("/xhtml", watch="#a")).text == "one"
    for path in ("/bad-xml", "/broken", "/bad-xhtml"):  # another visit may get a whole one
        failure = (await read(path, watch="#a" if path == "/bad-xhtml" else None)).failure
        assert failure is not None
        assert failure.retry
    path_in_a_page = await read.problem("/json-page", watch="$.a")
    assert path_in_a_page.endswith('"$.a" is a path, and the server says that this document is a page (text/html)')
    assert '"#a" is no path, and this document is no page' in await read.problem("/data", watch="#a")
    assert "watch: nothing matches" in await read.problem("/data", watch="$.none")
    assert "it has no attribute" in await read.problem("/data", extract={"a": "at@href"})
    assert len(str((await read("/page", extract={"a": {"selector": "*", "all": True}})).fields["a"])) <= LONGEST_FIELD
