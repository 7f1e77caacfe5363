"""What each screen says, as HTML and as its model."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from support.ledger import open_run, urls, value
from support.web_ledger import crawled, digest, seen
from support.web_stage import Stage, addresses
from support.web_view import Recorded, Served, served
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.ledger import known_crawls, mutes
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.crawls import pages
from trapline_common.ledger.views.health import problems
from trapline_common.ledger.views.screens.catalogue import SCREENS, read_screen
from trapline_common.ledger.views.status import failing_pages, read_status
from trapline_common.ledger.views.together import read_alone
from trapline_web.ports import Place

ANSWERS = {
    "overview": "1 page fails; the rest is fine",
    "runs": "4 of the newest 9 runs had a failure; 1 goes on",
    "run": r"Run \d+ of products: 2 done, 1 failed, nothing changed",
    "run-open": r"Run \d+ of docs goes on: 1 of 4 done",
    "cancel": r"Cancel run \d+\?",
    "pages": "1 of 7 pages fails",
    "page": "Kettle - Northern Outfitters is well; it changed 4 times",
    "page-side": "Kettle - Northern Outfitters is well; it changed 4 times",
    "page-failing": r"Tent - Northern Outfitters fails for 12h( \d+m)?",
    "crawl": "products: 1 of 3 pages fails",
    "changes": r"5 changes of 2 pages, the newest 6h( \d+m)? ago",
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


async def test_a_run_of_one_page_says_so_and_who_asked(dsn: str, shop: Stage) -> None:
    """It is a part of the run before, and retries nothing."""
    async with await Database.connect(dsn) as database:
        crawl = CrawlConfig(name="docs", urls=tuple(urls(1)))
        before = await crawled(database, crawl, [seen(urls(1)[0], "x", {})])
        run = await open_run(database, urls(1), crawl=crawl)
        page = await value(database, "SELECT id FROM trapline.page")
        await database.connection.execute(
            "UPDATE trapline.run SET retry_of = $2, page_id = $3, acted_by = 'ann@host' WHERE id = $1",
            run,
            before,
            page,
        )
    async with served(dsn, shop.artifacts) as view:
        text = (await view.get(f"/runs/{run}")).text
    assert f'<a href="/pages/{page}">page {page}</a> alone by <bdi>ann@host</bdi>' in text
    assert "retries run" not in text


async def test_a_picture_that_waits_can_be_accepted(dsn: str, shop: Stage) -> None:
    """As a text that waits: the screen offers what `trapline accept` does, and only then."""
    async with await Database.connect(dsn) as database:
        page = await value(
            database,
            "INSERT INTO trapline.page (crawl, url, visual_key, visual) VALUES ('docs', 'https://site.example/', 'k', "
            """'{"baseline": {}, "candidate": null}') RETURNING id""",
        )
        async with served(dsn, shop.artifacts, actions=Recorded()) as view:
            assert "Accept as baseline" not in (await view.get(f"/pages/{page}")).text
            await database.connection.execute("""UPDATE trapline.page SET visual = visual || '{"candidate": {}}'""")
            text = (await view.get(f"/pages/{page}")).text
    assert f'action="/pages/{page}/accept"' in text
    assert "another picture was seen" in text


async def test_pages_that_are_visited_no_more_fail_no_more(dsn: str, shop: Stage) -> None:
    """In the list of every crawl's pages as in that of one crawl: the crawl's last whole run left them out."""
    async with await Database.connect(dsn) as database:
        run = await crawled(database, CrawlConfig(name="docs", urls=tuple(urls(1))), [seen(urls(1)[0], "x", {})])
        await database.connection.execute(
            "INSERT INTO trapline.page (crawl, url, failures, failing_since, judged_run) "
            "VALUES ('docs', 'https://site.example/gone', 3, now(), $1)",
            run - 1,
        )
        for crawl in (None, "docs"):
            shown = await read_alone(database, pages(limit=10, crawl=crawl))
            assert [(page.url, page.gone) for page in shown.rows] == [
                ("https://site.example/0", False),
                ("https://site.example/gone", True),
            ], crawl
            assert shown.total == 2
    async with served(dsn, shop.artifacts) as view:
        assert heading((await view.get("/pages")).text) == "2 pages, none fails"


async def test_failures_of_one_reason_are_counted_by_themselves(dsn: str, shop: Stage) -> None:
    """The title counts those that are shown, also where more pages fail than the screen shows."""
    async with await Database.connect(dsn) as database:
        failures = [Failure(reason=Reason.HTTP_STATUS, detail="x", retry=False)] * 2
        failures.append(Failure(reason=Reason.DNS, detail="x", retry=False))
        visits = [Observation(url=url, failure=one) for url, one in zip(urls(3), failures, strict=True)]
        await crawled(database, CrawlConfig(name="docs", urls=tuple(urls(3))), visits)
        found = await read_alone(database, failing_pages(limit=1, reason="dns"))
        assert ([page.reason for page in found.pages], found.total) == (["dns"], 1)
    async with served(dsn, shop.artifacts) as view:
        assert heading((await view.get("/failures")).text) == "3 pages fail for 2 reasons"
        text = (await view.get("/failures?reason=dns")).text
    assert heading(text) == "1 page fails for 1 reason"
    assert "with the reason dns" in text


@pytest.mark.parametrize(
    ("place", "typed", "begins"),
    [
        (Place(name="x"), "trapline export 7", "trapline crawl crawls.yaml"),
        (Place(name="x", options="--env x"), "trapline export 7 --env x", "trapline run NAME --env x"),
    ],
)
def test_what_a_person_types_is_of_the_place_that_is_shown(place: Place, typed: str, begins: str) -> None:
    """A line that is copied from a deployment's view asks the deployment, not this machine."""
    assert (place.typed("export 7"), place.begins) == (typed, begins)


def test_no_template_makes_a_command_line_by_itself() -> None:
    """So that none forgets what belongs behind it."""
    folder = files("trapline_web").joinpath("templates")
    assert [one.name for one in folder.iterdir() if "place.command" in one.read_text("utf-8")] == []


async def test_a_muted_crawl_says_so(dsn: str, shop: Stage, actions: Recorded) -> None:
    """Until when, by whom and why; and what can be done is to mute it or to unmute it, never both."""
    crawl = CrawlConfig(name="shop", urls=("https://shop.example/",))
    async with await Database.connect(dsn) as database, served(dsn, shop.artifacts, actions=actions) as view:
        await crawled(database, crawl, [seen("https://shop.example/", "text", {})])
        await known_crawls.take(database, [crawl], source="crawls.yaml")
        loud = (await view.get("/crawls/shop")).text
        await mutes.mute(database, "shop", None, until=timedelta(days=1), reason="redesign", acted_by="ann")
        quiet = (await view.get("/crawls/shop")).text
    assert ("/crawls/shop/mute" in loud, "/crawls/shop/unmute" in loud) == (True, False)
    assert ("/crawls/shop/mute" in quiet, "/crawls/shop/unmute" in quiet) == (False, True)
    assert "ann</bdi>: <bdi>redesign" in quiet


async def test_a_page_shows_the_pictures_that_it_had(dsn: str, shop: Stage) -> None:
    """Each picture once, where it began, newest first; two visits with one picture have nothing to slide over."""
    url, names = "https://shop.example/", ("a", "a", "b", "a")
    keys = {name: f"{digest(name.encode())[:2]}/{digest(name.encode())}.png" for name in names}
    crawl = CrawlConfig(name="shop", urls=(url,))
    async with await Database.connect(dsn) as database, served(dsn, shop.artifacts) as view:
        for name in names:
            await crawled(database, crawl, [seen(url, "text", {}, screenshot=keys[name])])
        page = await value(database, "SELECT id FROM trapline.page")
        ids = [row["id"] for row in await database.connection.fetch("SELECT id FROM trapline.observation ORDER BY id")]
        text = (await view.get(f"/pages/{page}")).text
        same = (await view.get(f"/pages/{page}?from={ids[0]}&to={ids[1]}")).text
    film = re.findall(rf'href="/pages/{page}\?to=(\d+)"[^>]*><img src="/thumbnails/([^"]+)"', text)
    assert film == [(str(ids[place]), keys[names[place]]) for place in (3, 2, 0)]
    assert text.count('<img src="/pictures/') == 2
    assert same.count('<img src="/pictures/') == 1
    assert "the same picture" in same


async def test_executions_stand_beside_the_lanes_that_they_call(dsn: str, shop: Stage) -> None:
    """Of a lane whose orchestrator is not self: the execution's name, and how it goes by its invocations' rows."""
    wave, arn = "7d3c1c1e-0000-4000-8000-00000000000a", "arn:aws:lambda:eu-central-1:1:function:x:1/durable-execution/y"
    async with await Database.connect(dsn) as database:
        await database.connection.execute(
            "SET session_replication_role = replica; "  # the guards want each status in its turn
            "INSERT INTO trapline.lane VALUES ('waves', 5, 25, 3, 0), ('ordered', 5, 25, 3, 0), ('plain', 5, 25, 3, 0);"
            "INSERT INTO trapline.invocation (lane, slot, via, wave, delivery, status, ended_at, reason) VALUES "
            f"('waves', 1, 'map', '{wave}', NULL, 'created', NULL, NULL), "
            f"('waves', 2, 'map', '{wave}', 'child', 'failed', now(), 'Boom'), "
            f"('ordered', 1, 'durable', NULL, '{arn}', 'terminated', now(), NULL), "
            "('ordered', 2, 'durable', NULL, 'old', 'terminated', now() - interval '2 days', NULL), "
            "('plain', 1, 'event', NULL, NULL, 'created', NULL, NULL)"
            "; RESET session_replication_role"
        )
        lanes = await read_screen(database, "lanes", {})
        found = {one.execution: (one.lane, one.invocations, one.active, one.failed) for one in lanes.executions}
        assert found == {wave: ("waves", 2, 1, 1), arn: ("ordered", 1, 0, 0)}
    async with served(dsn, shop.artifacts) as view:
        text = (await view.get("/lanes")).text
    assert wave in text
    assert "under way" in text
