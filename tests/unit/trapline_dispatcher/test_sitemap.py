"""Sitemap files: what is read, and what is refused and why."""

import gzip
import re
import time
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_dispatcher.runs.sitemap import parse_sitemap
from trapline_dispatcher.runs.sitemap_bytes import MAX_BYTES

URL = "https://example.com/sitemap.xml"
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
ONE = f"<urlset {NS}><url><loc>https://example.com/a</loc></url></urlset>".encode()


def refused(body: bytes) -> str:
    """Return the one-line reason, which always names the file."""
    with pytest.raises(InputRefusedError) as caught:
        parse_sitemap(body, URL)
    assert str(caught.value).startswith(f"{URL}: ")
    return str(caught.value)


@pytest.mark.parametrize("head", ["", "\ufeff", '<?xml version="1.0" encoding="UTF-8"?>\n', "\n<!-- made by hand -->"])
def test_pages_in_order(head: str) -> None:
    """A urlset gives its pages in order, with any prologue before its root."""
    first, second = "<loc> https://e.com/b?x=1&amp;y=2 </loc>", "<loc>https://e.com/a</loc>"
    body = f"{head}<urlset {NS}><url>{first}</url><url>{second}</url></urlset>"
    sitemap = parse_sitemap(body.encode(), URL)
    assert not sitemap.files
    assert sitemap.broken is None
    assert sitemap.pages == ("https://e.com/b?x=1&y=2", "https://e.com/a")


@pytest.mark.parametrize(
    "head", ["<br />\n<b>Warning</b>: x in <b>y.php</b><br />\n", "Notice: x <?xml version='1.0'?>\n", "<p/><!-- -->"]
)
def test_what_a_program_printed_before_it_is_no_part_of_a_sitemap(head: str) -> None:
    """A warning before the sitemap costs no page; a comment that quotes a sitemap is none, and HTML stays HTML."""
    assert parse_sitemap(head.encode() + ONE, URL).pages == ("https://example.com/a",)
    assert parse_sitemap(b"<!-- <urlset><url><loc>https://e.com/old</loc></url> -->" + ONE, URL).pages == (
        "https://example.com/a",
    )
    assert refused(b"<p>x</p><html><body>" + ONE).endswith("<p> is neither a sitemap nor a feed")


def test_index() -> None:
    """A sitemapindex gives further sitemaps, and says so."""
    body = f"<sitemapindex {NS}><sitemap><loc>https://e.com/1.xml</loc><lastmod>2024</lastmod></sitemap></sitemapindex>"
    sitemap = parse_sitemap(body.encode(), URL)
    assert not sitemap.pages
    assert sitemap.files == ("https://e.com/1.xml",)


def test_only_the_pages_own_loc_counts() -> None:
    """A loc of an image, or one that lies elsewhere, is no page."""
    body = (
        f'<urlset {NS} xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url><loc>https://e.com/a</loc>'
        "<image:image><image:loc>https://e.com/a.png</image:loc></image:image></url><loc>https://e.com/b</loc></urlset>"
    )
    assert parse_sitemap(body.encode(), URL).pages == ("https://e.com/a",)


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_encodings(encoding: str) -> None:
    """An XML sitemap may declare another encoding than UTF-8."""
    body = f'<?xml version="1.0" encoding="{encoding}"?><urlset><url><loc>https://e.com/ä</loc></url></urlset>'
    assert parse_sitemap(body.encode(encoding), URL).pages == ("https://e.com/ä",)


def test_text() -> None:
    """A text sitemap has one URL a line, blank lines aside."""
    body = "\ufeffhttps://e.com/a\r\n\r\n  https://e.com/b\n".encode()
    assert parse_sitemap(body, URL).pages == ("https://e.com/a", "https://e.com/b")


@pytest.mark.parametrize(
    "body", [gzip.compress(ONE, mtime=0), gzip.compress(ONE[:30], mtime=0) + gzip.compress(ONE[30:], mtime=0)]
)
def test_gzip(body: bytes) -> None:
    """Gzip is known by its first bytes, in one member or several."""
    assert parse_sitemap(body, URL).pages == ("https://example.com/a",)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Not found</body></html>",
        b"\n  <HTML><p>x",
        b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html/>',
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
        b"<!-- soft 404 --><html><body>Not found</body></html>",
    ],
)
def test_html_is_refused_as_html(body: bytes) -> None:
    """HTML where a sitemap should be is called HTML, in every dress it comes in."""
    assert refused(body).endswith("an HTML page, not a sitemap")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf\n", "empty"),
        (b"hello", "neither XML nor a list of URLs"),
        (b"\x89PNG\xff", "neither XML nor a list of URLs"),
        (b'{"urls": []}', "neither XML nor a list of URLs"),
        (b"<urlset><url>", "it ends within <url>"),
        (b"<urlset><url><lo", "it ends within a tag"),
        (b"<opml></opml>", "<opml> is neither a sitemap nor a feed"),
        (gzip.compress(b"", mtime=0), "empty"),
        (b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 20, "broken gzip"),
    ],
)
def test_what_is_no_sitemap_is_refused(body: bytes, reason: str) -> None:
    """Anything else that is no sitemap is refused with its reason."""
    assert reason in refused(body)


WHOLE = ("https://e.com/a?x=1&y=2", "https://e.com/b")
XML = "<urlset><url><loc>https://e.com/a?x=1&amp;y=2</loc></url><url><loc>https://e.com/b</loc></url></urlset>"
SLIPS = {
    "white space first": "\r\n\t " + XML,
    "a byte order mark and a line break": "\ufeff\n" + XML,
    "two byte order marks, a declaration": "\ufeff\ufeff<?xml version='1.0'?>" + XML,
    "a byte order mark behind white space": "\n \ufeff" + XML,
    "a bare ampersand": XML.replace("&amp;", "&"),
    "a numeric reference": XML.replace("&amp;", "&#38;").replace("https://e.com/b", "https://e.com/&#x62;"),
    "CDATA": XML.replace("https://e.com/b", "<![CDATA[https://e.com/b]]>"),
    "CDATA with a bare ampersand": XML.replace("https://e.com/a?x=1&amp;y=2", "<![CDATA[https://e.com/a?x=1&y=2]]>"),
    "a comment in it": XML.replace("https://e.com/b", "<!-- <loc>x</loc> -->https://e.com/b"),
    "capitals": XML.replace("loc>", "LOC>").replace("urlset", "UrlSet"),
    "a prefix": re.sub(r"<(/?)(\w+)", r"<\1sm:\2", XML),
    "a loc that is not closed": XML.replace("https://e.com/b</loc>", "https://e.com/b"),
    "an entry that is not closed": XML.replace("</url><url>", "<url>"),
    "no outermost element": XML.replace("<urlset>", "").replace("</urlset>", ""),
    "a document type with entities": "<!DOCTYPE urlset [<!ENTITY a 'b'><!ENTITY b '&a;&a;'>]>" + XML,
    "an encoding that nobody knows": "<?xml version='1.0' encoding='klingon'?>" + XML,
    "an encoding that it is not in": "<?xml version='1.0' encoding='utf-16'?>" + XML,
    "a style sheet": "<?xml version='1.0'?><?xml-stylesheet href='x.xsl'?>" + XML,
    "foreign elements": XML.replace("</loc>", "</loc><xhtml:link rel='alternate' href='https://e.com/de'/>"),
    "a control character": XML.replace("<url>", "\x01<url>"),
    "RSS": "<rss><channel><link>https://e.com/</link><item><link>https://e.com/a?x=1&amp;y=2</link></item>"
    "<item><atom:link href='https://e.com/feed'/><guid>https://e.com/b</guid></item></channel></rss>",
    "RSS 1.0": "<rdf:RDF><channel><link>https://e.com/</link></channel><item><link>https://e.com/a?x=1&amp;y=2</link>"
    "</item><item><link>https://e.com/b</link><guid>https://e.com/?p=2</guid></item></rdf:RDF>",
    "Atom": "<feed><link href='https://e.com/'/><entry><link rel='self' href='https://e.com/x'/>"
    "<link rel='alternate' href='https://e.com/a?x=1&amp;y=2'/></entry><entry><link href=\"https://e.com/b\"/></entry>"
    "</feed>",
    "text with remarks": "# pages\r\nhttps://e.com/a?x=1&y=2\rhttps://e.com/b\n\n",
}


@pytest.mark.parametrize("form", SLIPS)
def test_slips_of_real_files_cost_nothing(form: str) -> None:
    """Files that no strict parser takes, and the other forms that sitemaps.org names, are read whole."""
    sitemap = parse_sitemap(SLIPS[form].encode(), URL)
    assert (sitemap.pages, sitemap.broken) == (WHOLE, None)


@pytest.mark.parametrize(
    "pack",
    [
        lambda data: gzip.compress(gzip.compress(data)),
        lambda data: gzip.compress(data) + bytes(512),
        zlib.compress,
        lambda data: data.decode().encode("utf-16"),
        lambda data: data.decode().encode("utf-16-le"),
        lambda data: gzip.compress(b"\n" + data.decode().encode("utf-16-be")),
    ],
)
def test_however_it_is_packed(pack: Callable[[bytes], bytes]) -> None:
    """Gzip of gzip, zeros behind it, bare zlib and UTF-16 with and without a mark are known by their bytes."""
    assert parse_sitemap(pack(XML.encode()), URL).pages == WHOLE


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (XML[:-30].encode(), "it ends within <loc>"),
        (XML.replace("</urlset>", "").encode(), "it ends within <urlset>"),
        (gzip.compress(XML.encode() * 50, mtime=0)[:-12], "its gzip ends too early"),
    ],
)
def test_what_there_is_of_a_broken_file_is_read(body: bytes, why: str) -> None:
    """A file that ends too early gives the entries before its end, and says that it is not whole."""
    sitemap = parse_sitemap(body, URL)
    assert sitemap.pages[0] == WHOLE[0]
    assert sitemap.broken == why
    assert all(page in WHOLE for page in sitemap.pages)


def test_the_sitemaps_of_a_robots_txt() -> None:
    """A robots.txt in the place of a sitemap gives its ``Sitemap`` lines."""
    body = b"User-agent: *\nDisallow: /x\nSitemap: https://e.com/1.xml\n sitemap : https://e.com/2.xml\n"
    assert parse_sitemap(body, URL).files == ("https://e.com/1.xml", "https://e.com/2.xml")


@pytest.mark.parametrize(
    "declaration",
    [
        '<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY b SYSTEM "file:///etc/passwd">',
    ],
)
def test_no_entity_is_expanded(declaration: str) -> None:
    """No entity can multiply or read a file: what a file declares is passed over."""
    body = f"<!DOCTYPE urlset [{declaration}]><urlset><url><loc>&b;</loc></url></urlset>"
    assert parse_sitemap(body.encode(), URL).pages == ("&b;",)


def test_a_gzip_bomb_is_bounded() -> None:
    """A file that is small on the wire can't become more than 50 MiB, and is not unpacked to find out."""
    packer = zlib.compressobj(1, wbits=31)
    bomb = packer.compress(b"http://e.com/\n") + b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(150))
    bomb += packer.flush()
    assert len(bomb) < MAX_BYTES // 50
    tracemalloc.start()
    try:
        assert parse_sitemap(bomb, URL).broken == f"longer than {MAX_BYTES} bytes uncompressed"
        assert tracemalloc.get_traced_memory()[1] < 4.5 * MAX_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "piece", [b"<!--", b"<![CDATA[", b"<a ", b"<a>", b"<url><loc>", b"<!DOCTYPE x [", b"&#", b"</x>"]
)
def test_time_is_linear(piece: bytes) -> None:
    """Whatever a hostile file repeats, twice as much of it takes some twice as long, and a bounded time in all."""
    body = b"<urlset><url><loc>http://e.com/</loc></url>" + piece * (4_000_000 // len(piece))
    begun = time.process_time()
    parse_sitemap(body, URL)
    assert time.process_time() - begun < 10
