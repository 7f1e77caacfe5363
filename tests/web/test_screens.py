"""What each screen says, as HTML and as its model."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from support.web_stage import Stage, addresses
from support.web_view import Served
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.health import problems
from trapline_common.ledger.views.screens.catalogue import SCREENS, read_screen
from trapline_common.ledger.views.status import read_status

ANSWERS = {
    "overview": "1 page fails; the rest is fine",
    "runs": "4 of the newest 9 runs had a failure; 1 goes on",
    "run": r"Run \d+ of products: 2 done, 1 failed, nothing changed",
    "run-open": r"Run \d+ of docs goes on: 1 of 4 done",
    "cancel": r"Cancel run \d+\?",
    "pages": "1 of 7 pages fails",
    "page": "Kettle - Northern Outfitters is well; it changed 4 times",
    "page-side": "Kettle - Northern Outfitters is well; it changed 4 times",
    "page-failing": r"Tent - Northern Outfitters fails for 12h",
    "crawl": "products: 1 of 3 pages fails",
    "changes": r"5 changes of 2 pages, the newest 6h ago",
    "failures": "1 page fails for 1 reason",
    "lanes": r"The machine works: .*",
    "invocations": r"1 invocation active; 0 of \d ended badly in the last 24 hours",
    "alerts": "Every alert was delivered",
    "costs": r"Browsers ran for .*|No browser ran.*",
    "find": "1 found for “kettle”",
}
"""Each screen's first sentence."""


class Page(HTMLParser):
    """What of a page tests look at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.wanted: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [given["href"]] if tag == "a" and given.get("href") else []
        for name in ("for", "aria-labelledby"):
            self.wanted += (given.get(name) or "").split()


def heading(text: str) -> str:
    """Return the words of the first heading."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)
    assert found is not None
    return re.sub(r"<[^>]+>", "", found[1]).strip()


async def test_each_screen_answers_its_question_in_its_first_sentence(view: Served, shop: Stage) -> None:
    """The heading is the answer, there is one, and the title says it too."""
    for name, path in addresses(shop).items():
        reply = await view.get(path)
        assert reply.status == 200, name
        assert re.fullmatch(ANSWERS[name], heading(reply.text)), (name, heading(reply.text))
        assert reply.text.count("<h1") == 1, name
        title = re.search(r"<title>(.*?) · Trapline test</title>", reply.text)
        assert title is not None, name
        assert re.fullmatch(ANSWERS[name], title[1]), name


async def test_each_link_of_each_screen_leads_somewhere(view: Served, shop: Stage) -> None:
    """Every id that is referred to exists, once, and every address of the view answers."""
    seen: set[str] = set()
    for name, path in addresses(shop).items():
        page = Page((await view.get(path)).text)
        assert len(page.ids) == len(set(page.ids)), name
        assert set(page.wanted) <= set(page.ids), name
        seen.update(link for link in page.links if link.startswith("/"))
        assert not [link for link in page.links if not link.startswith(("/", "?", "#", "https://"))], name
    assert len(seen) > 30
    for link in sorted(seen):
        if not link.startswith("/changes.atom"):
            assert (await view.get(link.replace(" ", "%20"))).status == 200, link


async def test_the_overview_says_what_trapline_status_says(shop: Stage) -> None:
    """The verdict is made of the same words as the command's."""
    async with await Database.connect(shop.dsn) as database:
        status = await read_status(database, failing=10)
        screen = await read_screen(database, "overview", {})
    assert list(screen.problems) == problems(status)
    assert screen.failing == status.failing
    assert screen.failing_total == 1


def _parameters(shop: Stage) -> Iterator[tuple[str, dict[str, str]]]:
    for name in SCREENS:
        given = {"run": {"id": str(shop.seeded.last["products"])}, "crawl": {"name": "products"}, "find": {"q": "axe"}}
        page = {"id": str(shop.seeded.pages["https://shop.example/products/kettle"])}
        yield name, {**given, "page": page}.get(name, {})


async def test_each_screen_is_the_same_after_its_way_through_json(shop: Stage) -> None:
    """What the operator function sends is, read again, what this machine's ledger shows; and it is small."""
    async with await Database.connect(shop.dsn) as database:
        for name, given in _parameters(shop):
            found = await read_screen(database, name, given)
            sent = SCREENS[name].answer.dump_json(found)
            assert SCREENS[name].answer.validate_json(sent) == found, name
            assert len(sent) < 300_000, name


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/runs/999", "no run 999"),
        ("/pages/999", "no page 999"),
        ("/crawls/nothing", "no crawl nothing"),
        ("/runs/1?offset=x", "offset"),
        ("/changes?since=never", "since"),
        ("/nowhere", "leads to no screen"),
    ],
)
async def test_what_is_not_there_is_said(view: Served, path: str, words: str) -> None:
    """An address that leads nowhere is answered with 404 and words, and no traceback."""
    reply = await view.get(path)
    assert reply.status == 404
    assert words in reply.text


async def test_any_two_versions_are_compared(view: Served, shop: Stage) -> None:
    """The address names both; their fields, words and pictures are set side by side."""
    async with await Database.connect(shop.dsn) as database:
        page = shop.seeded.pages["https://shop.example/products/kettle"]
        screen = await read_screen(database, "page", {"id": str(page)})
        first, newest = screen.visits[-1].id, screen.visits[0].id
    text = (await view.get(f"/pages/{page}?from={first}&to={newest}")).text
    assert "<del><bdi>$34.50</bdi></del>" in text
    assert "<ins><bdi>$29.50</bdi></ins>" in text
    assert "\N{MINUS SIGN}14.5 %" in text
    assert text.count('<img src="/pictures/') == 2
