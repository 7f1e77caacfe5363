"""What the text of a page is: what a person sees, as the site wrote it, wherever in the page it stands."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from support.crawling import LIMITS, crawl
from support.hostile import HostileSite, Page, hostile_site, page, raw
from trapline_common.domain.observation import Reason
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NewVisitor = Callable[..., BrowserVisitor]

_ELEMENT = (
    "<script>customElements.define('x-price', class extends HTMLElement { connectedCallback() {"
    "this.attachShadow({mode: 'open'}).innerHTML = this.dataset.html } })</script>"
)
_NESTED = "<x-price data-html='<x-price data-html=\"<i class=p>7 EUR</i>\"></x-price>'></x-price>"


def _shadow(content: str) -> str:
    return f"<div id=host><template shadowrootmode=open>{content}</template>light</div>"


# path: (body, what the crawl names, text)
READ: dict[str, tuple[str, dict[str, Any], str]] = {
    # shadow roots
    "/shadow": (f"<h1>Shop</h1><x-price data-html='<b class=p>42 EUR</b>'></x-price>{_ELEMENT}", {}, "Shop\n42 EUR"),
    "/shadow-in-shadow": (f"{_NESTED}{_ELEMENT}", {"watch": ".p"}, "7 EUR"),
    "/declarative": (_shadow("<p>a</p><p>b</p>"), {}, "a\nb"),
    "/slots": (
        (
            "<div><template shadowrootmode=open><p>in</p><slot name=s>none</slot><slot></slot></template>"
            "<b>out</b><i slot=s>first</i></div>"
        ),
        {},
        "in\nfirstout",
    ),
    "/slot-without": (_shadow("<slot name=s>what stands in it</slot>"), {}, "what stands in it"),
    "/style-in-shadow": (_shadow("<style>p { color: red }</style><p>text</p><script>let x</script>"), {}, "text"),
    "/across": (_shadow("<p class=p>deep</p>"), {"watch": "#host .p"}, "deep"),
    "/child-across": (_shadow("<p class=p>deep</p>"), {"watch": "div > .p, #host > p[title='a > b, c']"}, "deep"),
    "/order": (
        f"<p class=p>1</p>{_shadow('<p class=p>2</p>')}<p class=p>3</p>",
        {"watch": ".p"},
        "1\n2\n3",
    ),
    # frames
    "/frame": ("<h1>Board</h1><iframe src=/inner></iframe>", {}, "Board\nopening 7"),
    "/frame-named": ("<iframe id=f src=/inner></iframe>", {"watch": "#f"}, "opening 7"),
    "/frame-inside": ("<iframe id=f src=/inner></iframe>", {"watch": "#f .n", "wait_for": ".n"}, "7"),
    "/frame-written": ("<iframe srcdoc='<p>written</p>'></iframe>", {}, "written"),
    "/frame-in-frame": ("<iframe src=/frame></iframe>", {}, "Board\nopening 7"),
    "/frame-hidden": ("<p>a</p><iframe src=/inner style='display: none'></iframe>", {}, "a"),
    "/frame-elsewhere": ("<p>a</p><iframe src=data:text/html,b>old browser</iframe>", {}, "a"),
    "/object": ("<object data=/inner type=text/html width=99 height=99>none</object>", {}, "opening 7"),
    # ignored, whatever the style sheets say
    "/important": (
        "<p>News</p><div class=ad style='display: block !important'>Offer</div>",
        {"ignore": [".ad"]},
        "News",
    ),
    "/sheet": (
        "<style>.ad { display: block !important; visibility: visible !important }</style><p>News</p><p class=ad>O</p>",
        {"ignore": [".ad"]},
        "News",
    ),
    "/in-hidden": (
        "<div id=t style='display: none'><p>Plan 5</p><p class=ad>Offer</p></div><p>x</p>",
        {"watch": "#t", "ignore": [".ad"]},
        "Plan 5",
    ),
    "/in-svg": (
        "<svg width=90 height=90><title>t</title><text y=20>shown</text><text class=ad y=40>Offer</text></svg>",
        {"ignore": [".ad"]},
        "shown",
    ),
    "/in-shadow": (_shadow("<p>News</p><p class=ad>Offer</p>"), {"ignore": [".ad"]}, "News"),
    "/in-frame": ("<iframe src=/inner></iframe>", {"ignore": [".n"]}, "opening"),
    "/within": (
        "<div class=ad><p class=p>Offer</p></div><p class=p>News</p>",
        {"watch": ".p", "ignore": [".ad"]},
        "News",
    ),
    # hidden
    "/body-hidden": (
        (
            "<style>body { display: none }</style><p>Hello</p><script>var nonce = 1</script><template>t</template>"
            "<noscript>n</noscript>"
        ),
        {},
        "Hello",
    ),
    "/hidden": (
        (
            "<p hidden>a</p><p style='visibility: hidden'>b<i style='visibility: visible'>c</i></p>"
            "<details><summary>d</summary>e</details><p style='content-visibility: hidden'>f</p>"
            "<div>k<p style='content-visibility: hidden'>l</p></div><div>m<p hidden=until-found>n</p></div>"
            "<div style='display: contents'>g</div><canvas>h</canvas><video>i</video>"
        ),
        {},
        "c\nd\nk\nm\ng",
    ),
    "/below": (
        "<div style='height: 9000px'></div><p style='content-visibility: auto'>far</p>",
        {},
        "far",
    ),
    # as written
    "/painted": (
        "<p style='text-transform: uppercase'>Sold out</p><style>p::after { content: '!' }</style>",
        {},
        "Sold out",
    ),
    "/unseen": (
        "<p>Pri&#8203;ce&nbsp;5&#8239;EUR&#xfeff;</p><p>&lrm;co&shy;operate&rlm;</p><p>a&#8205;b&#8204;&#8288;</p>",
        {},
        "Price 5 EUR\ncooperate\nab",
    ),
    "/joined": (
        "<p>\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645</p><p>\U0001f468\u200d\U0001f469</p>",
        {},
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645\n\U0001f468\u200d\U0001f469",
    ),
    "/lines": (
        "<pre>one\ntwo</pre><p>three\nfour<br>five</p><textarea>six\nseven</textarea><p style='white-space: pre'>8\n9",
        {},
        "one\ntwo\nthree four\nfive\nsix\nseven\n8\n9",
    ),
    "/table": ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", {}, "a b\nc d"),
    # forms
    "/form": (
        (
            "<form><select><option>S<option selected>M</select><input value=text><input type=hidden value=token>"
            "<input type=password value=secret><input type=checkbox checked><input type=checkbox>"
            "<input type=radio checked><textarea>area</textarea><button>Send</button><input type=submit value=Go>"
        ),
        {},
        "Mtext\u2611\u2610\u25c9areaSendGo",
    ),
    "/chosen": (
        "<select id=s multiple><option selected>S<option>M<option selected label=Large>L</select>",
        {"watch": "#s"},
        "S\nLarge",
    ),
    "/nested": ("<div class=r>a<p class=r>b</p></div><p class=r>c</p>", {"watch": ".r"}, "a\nb\nc"),
}


def _pages() -> dict[str, Page]:
    pages: dict[str, Page] = {path: page(body) for path, (body, _, _) in READ.items()}
    pages["/inner"] = page("<p>opening <b class=n>7</b></p>")
    pages["/frameset"] = raw(
        b"<!doctype html><frameset cols=50%,50%><frame src=/inner><frame src=/table></frameset>", kind="text/html"
    )
    pages["/rows"] = page("<table>" + "".join(f"<tr class=r><td>row {n}" for n in range(10_000)) + "</table>")
    pages["/deep"] = page("<script>let n = document.body; for (let i = 0; i < 1500; i++) n = n.appendChild("
                          "document.createElement('i')); n.append('deep')</script>")  # fmt: skip
    pages["/empty-parts"] = page("<h1>x</h1><p id=e> &#8203;&nbsp;</p><p id=i><b class=ad>Offer</b></p>"
                                 "<p id=h><b hidden>h</b></p>")  # fmt: skip
    pages["/fields"] = page(
        "<p class=p style='display: none'>old</p><p class=p>5 EUR</p><select id=s><option>S<option selected>M</select>"
        "<input id=a type=checkbox checked><input id=b type=checkbox><meta id=m content=meta>"
        "<script id=j type=application/json>{}</script><p id=h hidden>only hidden</p>" + _shadow("<b id=d>deep</b>")
    )
    return pages


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def texts() -> AsyncIterator[HostileSite]:
    """The pages."""
    async with hostile_site(more=_pages()) as running:
        yield running


@pytest.mark.parametrize("path", list(READ))
async def test_text_is_what_a_person_sees(new_visitor: NewVisitor, texts: HostileSite, path: str):
    """Each of these pages is read to the letter: shadow roots, frames, what is ignored, hidden, painted, filled in."""
    _, named, text = READ[path]
    found = await new_visitor().visit(texts.origin + path, crawl(isolation="crawl", **named))
    assert found.failure is None
    assert found.text == text


async def test_frames_of_a_frameset_are_read(new_visitor: NewVisitor, texts: HostileSite):
    """A page that is nothing but frames is read through them."""
    found = await new_visitor().visit(texts.origin + "/frameset", crawl())
    assert (found.failure, found.text) == (None, "opening 7\na b\nc d")


async def test_fields_are_what_is_shown(new_visitor: NewVisitor, texts: HostileSite):
    """A hidden copy is passed over; a choice, a tick, a value are what a person sees; what has no box is read too."""
    extract = {"p": ".p", "s": "#s", "a": "#a", "b": "#b", "m": "#m", "j": "#j", "d": "#host #d"}
    found = await new_visitor().visit(texts.origin + "/fields", crawl(extract=extract))
    assert found.failure is None
    assert found.fields == {
        "p": "5 EUR", "s": "M", "a": "checked", "b": "unchecked", "m": "meta", "j": "{}", "d": "deep",
    }  # fmt: skip
    hidden = await new_visitor().visit(texts.origin + "/fields", crawl(extract={"h": "#h"}))
    assert hidden.failure is not None
    assert hidden.failure.reason is Reason.SELECTOR


@pytest.mark.parametrize("named", [{"watch": "#e"}, {"watch": "#i", "ignore": [".ad"]}, {"watch": "#h"}])
async def test_nothing_to_watch_is_a_failure(new_visitor: NewVisitor, texts: HostileSite, named: dict[str, Any]):
    """A watched part without text, or all of which is ignored or hidden, is no baseline."""
    found = await new_visitor().visit(texts.origin + "/empty-parts", crawl(**named))
    assert found.failure is not None
    assert (found.failure.reason, found.text) == (Reason.SELECTOR, "")
    assert "holds no text" in found.failure.detail


async def test_many_parts_are_read_in_linear_time(new_visitor: NewVisitor, texts: HostileSite):
    """10,000 watched rows cost about what their table costs; a tree that is 1,500 deep is read as well."""
    visitor = new_visitor(replace(LIMITS, text=4_000_000))
    took = {}
    for watch in ("table", "tr.r"):
        found = await visitor.visit(texts.origin + "/rows", crawl(watch=watch, ignore=[".ad"]))
        assert found.failure is None
        assert (found.text or "").endswith("row 9999")
        took[watch] = (found.timings.total or 0) - (found.timings.load or 0)
    assert took["tr.r"] < 3 * took["table"] + 500
    deep = await visitor.visit(texts.origin + "/deep", crawl(watch="body, i"))
    assert (deep.failure, deep.text) == (None, "deep")
