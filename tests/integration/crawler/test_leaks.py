"""What a visit leaves behind for the next one, by ``isolation``: planted and looked for in every way that we know."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext

from support.crawling import KnownSecrets, crawl, new_browser, until
from support.gates import loopback_gate
from support.leak_site import LeakSite, leak_site, names
from support.own_authority import Authority
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.browser import tab_meter
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.proxy.context_proxy import ContextProxy
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.visitor import BrowserVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS = Authority.made("Leaks")
LONG = {"timeout": 90, "wait_for": "#done", "settle": {"quiet": 0.1, "at_most": 1}}
PATIENT = VisitLimits(wipe=60, wait_for_wipe=60)
"""A loaded machine wipes within these, so that the visit that looks gets the room of the one that planted."""
LEFT_BY_CRAWL = {
    "sent", "cookie", "cookies", "tlsCookies", "local", "session", "indexedDb", "cacheStorage", "files", "oldFiles",
    "buckets", "usage", "caches", "dictionary", "auth", "hints", "strict", "ticket", "name", "history",
    "entries", "canGoBack", "late cookies", "late local", "late session", "late indexedDb", "late cacheStorage",
}  # fmt: skip
"""What visits of one context see of each other."""
LEFT_BY_CLEAN = {"ticket"}
"""What a wiped room does not lose: a TLS ticket, by which a server can know that it is the same browser."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def leaks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LeakSite]:
    """The site."""
    async with leak_site(OURS.server(tmp_path_factory.mktemp("tls"), names=["secure.test"])) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for the module's tests."""
    yield (found := trusting_browser())
    await found.close()


def trusting_browser() -> Browser:
    """Return a browser that knows the site's hosts and trusts its certificate, not launched yet."""
    gate = loopback_gate(names())
    gate.certificates = (OURS.der,)
    return new_browser(gate=gate)


class Visits:
    """Visits of one visitor, and the contexts that they leave open."""

    def __init__(self, browser: Browser, folder: Path, site: LeakSite) -> None:
        self.browser = browser
        self.site = site
        self.visitor = BrowserVisitor(
            browser, artifacts=DirectoryArtifacts(folder), secrets=KnownSecrets(), limits=PATIENT
        )

    async def visit(self, query: str, isolation: str, host: str = "a.localhost") -> dict[str, Any] | str:
        """Visit the page; return what it found, which is its text."""
        found = await self.visitor.visit(self.site.url(query, host), crawl(isolation=isolation, **LONG))
        assert found.failure is None, found.failure
        assert found.text is not None
        answer: dict[str, Any] | str = json.loads(found.text)
        return answer

    @property
    def wiped(self) -> int:
        """How often a room was wiped."""
        return self.visitor.rooms.wiped

    async def contexts(self) -> int:
        """Return how many contexts are open."""
        return len((await self.browser.ready()).browser.contexts)

    async def seen(self, plant: str | None, isolation: str, host: str = "a.localhost") -> dict[str, Any]:
        """Plant at ``a.localhost``, and return what the next visit of ``host`` sees; ``None`` plants nothing."""
        return await self.seen_after("nothing" if plant is None else f"plant={plant}", isolation, host)

    async def seen_after(self, query: str, isolation: str, host: str = "a.localhost") -> dict[str, Any]:
        """Return what a visit of ``host`` sees after one of ``a.localhost`` with ``query``."""
        await self.visit("nothing", isolation)  # so that the host is known, and its rooms are kept
        await self.visit(query, isolation)
        found = await self.visit("look", isolation, host)
        assert isinstance(found, dict)
        return found


@pytest_asyncio.fixture(loop_scope="module")
async def visits(browser: Browser, leaks: LeakSite, tmp_path: Path) -> AsyncIterator[Visits]:
    """A visitor with no room yet, in the module's browser."""
    yield Visits(browser, tmp_path, leaks)
    for context in (await browser.ready()).browser.contexts:
        await context.close()


def differences(seen: dict[str, Any], without: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what is seen after planting, and is not without."""
    return {key: (without.get(key), value) for key, value in seen.items() if value != without.get(key)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def without(browser: Browser, leaks: LeakSite, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a visit sees in a browser context that is its own."""
    return await Visits(browser, tmp_path_factory.mktemp("without"), leaks).seen(None, "page")


LASTING = ("frame", "ownFrame", "worker", "credentials", "hop", "hints", "elsewhere")
"""What a page does and no wipe takes back, as ``leak_page.html`` calls it."""


async def test_page_leaves_nothing(visits: Visits, without: dict[str, Any]):
    """Of all that a page can plant the next visit in another context sees nothing."""
    everything = ",".join((*LASTING, "sharedWorker", "serviceWorker"))
    assert differences(await visits.seen(everything, "page"), without) == {}


async def test_crawl_leaves_all_of_it(visits: Visits, without: dict[str, Any]):
    """Where visits share a context the same page finds what was planted: the suite sees what it is to see."""
    assert differences(await visits.seen("credentials,hints", "crawl"), without).keys() == LEFT_BY_CRAWL


async def test_a_redirects_credentials_stay_in_a_context(visits: Visits, without: dict[str, Any]):
    """The suite sees credentials of a redirect's address where visits share a context."""
    assert "auth" in differences(await visits.seen_after("hop", "crawl"), without)


@pytest.mark.parametrize("host", ["a.localhost", "b.localhost"])
async def test_clean_leaves_a_ticket(visits: Visits, without: dict[str, Any], host: str):
    """A wiped room holds nothing that a page planted, not even one that tries to live on in it."""
    found = differences(await visits.seen("", "clean", host), without)
    assert found.keys() == (LEFT_BY_CLEAN if host == "a.localhost" else set())
    assert visits.site.asked["POST /slow"] > 0  # the page's last words came


async def test_clean_wipes_what_is_simple(visits: Visits):
    """A room is used again as long as its visits are simple, up to its share of them."""
    await visits.visit("nothing", "clean")
    assert await visits.contexts() == 0  # of a host that was not visited before no room is kept
    for _ in range(3):
        await visits.visit("plant=", "clean")
        assert await visits.contexts() == 1
    await until(lambda: visits.wiped == 3)


@pytest.mark.parametrize("lasting", LASTING)
async def test_clean_closes_what_is_not(visits: Visits, lasting: str):
    """A visit that did what no wipe takes back is its room's last."""
    await visits.visit("nothing", "clean")
    await visits.visit(f"plant={lasting}", "clean")
    async with asyncio.timeout(30):
        while await visits.contexts():  # noqa: ASYNC110  (they close in the background)
            await asyncio.sleep(0.02)
    assert visits.wiped == 0


async def test_clean_after_all_of_it(visits: Visits, without: dict[str, Any]):
    """A page that plants in every way leaves the next visit nothing."""
    everything = ",".join((*LASTING, "sharedWorker", "serviceWorker"))
    assert differences(await visits.seen(everything, "clean"), without) == {}


async def test_a_wipe_leaves_its_neighbours_alone(visits: Visits):
    """What a page keeps in its room is there after the room beside it, of the same host, was wiped."""
    await visits.visit("nothing", "clean")
    visits.site.released.clear()
    held = asyncio.ensure_future(visits.visit("held", "clean"))
    await until(lambda: visits.site.asked["/held"] > 0)
    await visits.visit("plant=", "clean")
    await until(lambda: visits.wiped == 1)
    visits.site.released.set()
    assert await held == {
        "cookie": "kept=yes", "cookies": "kept=yes", "local": "yes", "session": "yes", "indexedDb": "kept",
        "cacheStorage": "kept", "asked": 0, "name": "kept",
    }  # fmt: skip


NO_CHECK = ("if (tab.lasting !== null) return tab.lasting;", "return null;")
MUTANTS = {
    "no blank page": (
        [('const { loaderId, errorText } = await this.send(tab, "Page.navigate", { url: NOWHERE });',
          "const { loaderId, errorText } = { loaderId: tab.shown };")],
        {"late local", "late cookies", "local", "cookie"},
    ),
    "no cookies": (  # which are cleared twice
        [
            ('this.send(tab, "Network.clearBrowserCookies"),', ""),
            ('storageTypes: "all"', 'storageTypes: "local_storage"'),
        ],
        {"cookie", "sent"},
    ),
    "no cache": ([('this.send(tab, "Network.clearBrowserCache"),', "")], {"caches"}),
    "no storage": (
        [('this.send(tab, "Storage.clearDataForOrigin", { origin: "*", storageTypes: "all" }),', "")],
        {"local", "session", "indexedDb", "cacheStorage", "files", "buckets"},
    ),
    "no history": ([('this.send(tab, "Page.resetNavigationHistory"),', "")], {"history"}),
    "no name": ([("window.name = ''", "")], {"name"}),
    "no close rule": ([("this.lasting ??= what;", "")], {"auth", "hints"}),
}  # fmt: skip
"""The wipe without one of its steps, and what then is found; the check at its end is out, too."""


@pytest.mark.parametrize("mutant", MUTANTS)
async def test_each_step_is_needed(
    mutant: str, leaks: LeakSite, without: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Without one step of the wipe the suite finds what that step clears."""
    changes, found = MUTANTS[mutant]
    text = Path(tab_meter.__file__).with_suffix(".js").read_text(encoding="utf-8")
    start = text.index("  async check(tab) {")
    text = text[:start] + text[start:].replace(*NO_CHECK, 1)
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    script = tmp_path / "tab_meter.js"
    script.write_text(text, encoding="utf-8")
    monkeypatch.setattr(tab_meter, "_SCRIPT", script)
    monkeypatch.setenv("NODE_OPTIONS", "")
    browser = trusting_browser()
    try:
        visits = Visits(browser, tmp_path, leaks)
        plant = "credentials,hints" if mutant == "no close rule" else ""
        assert differences(await visits.seen(plant, "clean"), without).keys() >= found
    finally:
        await browser.close()


async def test_the_cut_is_needed(visits: Visits, without: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    """A wipe ends each connection; without that an answer to the last visit arrives in the next one."""
    assert differences(await visits.seen_after("slow", "clean"), without) == {}
    await visits.visit("nothing", "clean")
    await until(lambda: visits.wiped > 1 and not visits.site.connections)
    monkeypatch.setattr(ContextProxy, "cut", lambda _: None)
    assert "late cookies" in differences(await visits.seen_after("slow", "clean"), without)


SPOILS: dict[str, Callable[[BrowserContext], Awaitable[Any]]] = {
    "a cookie": lambda context: context.add_cookies([{"name": "a", "value": "b", "url": "http://a.localhost/"}]),
    "a page": lambda context: context.new_page(),
    "another document": lambda context: context.pages[0].goto("data:text/html,elsewhere"),
}


@pytest.mark.parametrize("spoil", SPOILS)
async def test_the_check_finds_what_came_after_the_wipe(visits: Visits, spoil: str):
    """A room that something has come into since it was wiped is not used again."""
    for _ in range(2):
        await visits.visit("nothing", "clean")
    await until(lambda: visits.wiped == 1)
    (context,) = (await visits.browser.ready()).browser.contexts
    await SPOILS[spoil](context)
    await visits.visit("nothing", "clean")
    assert context not in (await visits.browser.ready()).browser.contexts
