"""Invocations of one lane, held to what a host wants by the ledger they share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from support.crawler_stage import Stage
from support.visitor import bad
from trapline_common.config.models import CrawlConfig, LaneConfig, Robots
from trapline_common.domain.errors import TransientError
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.egress.fetch import NOBODY, Fetched, NoFileError, Sender, TryLaterError

SITE = "https://site.example"
PAGES = [f"{SITE}/{number}" for number in range(8)]


@dataclass(slots=True, kw_only=True)
class RobotsTxt:
    """A ``Fetch`` with one answer for every origin."""

    answer: str | Callable[[str], Exception]
    """The file, or what makes the error from the URL."""
    asked: list[str] = field(default_factory=list)
    """The URLs it was asked for, in order."""

    async def __call__(self, url: str, sender: Sender = NOBODY) -> Fetched:
        self.asked.append(url)
        await asyncio.sleep(0.02)
        if isinstance(self.answer, str):
            return Fetched(url=url, body=self.answer.encode())
        raise self.answer(url)


def _lane(**values: object) -> LaneConfig:
    return LaneConfig.model_validate({"max_invocations": 4, "tasks_per_invocation": 2} | values)


async def _all_live(stage: Stage) -> None:
    await asyncio.gather(*(stage.live(message) for message in await stage.asked()))


def _refusal(url: str, *, retry_after: float | None = None) -> Observation:
    failure = Failure(reason=Reason.BLOCKED, detail="status 429", retry=True)
    return Observation(url=url, status=429, failure=failure, retry_after=retry_after)


async def test_the_delay_of_a_host_holds_across_invocations(stage: Stage) -> None:
    """Four invocations with three pages in flight each: no two visits of the host begin closer than ``host_delay``."""
    await stage.open(PAGES, lane=_lane(host_delay=0.4))
    began: list[float] = []
    stage.visitor.on_visit = lambda _: began.append(asyncio.get_running_loop().time())
    await _all_live(stage)
    assert await stage.tasks() == {"done": 8}
    assert min(later - sooner for sooner, later in pairwise(sorted(began))) > 0.1


async def test_no_more_than_host_concurrency_visit_at_once(stage: Stage) -> None:
    """Four invocations at a host with two slots: never three visits at once, and all pages are done."""
    stage.pace = type(stage.pace)(linger=0.0, patience=30.0)
    await stage.open(PAGES, lane=_lane(host_concurrency=2))
    await _all_live(stage)
    assert await stage.tasks() == {"done": 8}
    assert stage.visitor.most_in_flight <= 2


async def test_a_refusal_keeps_all_invocations_away_and_charges_one_page(stage: Stage) -> None:
    """Of eight pages the one that met the 429 is retried; the others wait for the host uncharged; other hosts go on."""
    stage.pace = type(stage.pace)(linger=0.0, patience=0.0)
    other = "https://other.example/"
    await stage.open([*PAGES[:3], other], lane=_lane(max_invocations=1, tasks_per_invocation=4, pages_in_flight=1))
    stage.visitor.script(PAGES[0], _refusal(PAGES[0], retry_after=60))
    result = await stage.live()
    assert (result["done"], result["retried"], result["put_off"]) == (1, 1, 2)
    assert stage.visitor.visited == [PAGES[0], other]
    rows = await stage.rows(
        "SELECT attempts, extract(epoch FROM run_at - now())::int FROM trapline.task "
        "WHERE status = 'created' ORDER BY id"
    )
    assert [attempts for attempts, _ in rows] == [1, 0, 0]
    assert all(50 <= wait <= 60 for _, wait in rows)


async def test_a_host_that_answers_again_is_free(stage: Stage) -> None:
    """A short back-off is waited for; the visit that finds the host well opens it for all."""
    await stage.open(PAGES[:3], lane=_lane(max_invocations=1, tasks_per_invocation=3, pages_in_flight=3))
    stage.visitor.script(PAGES[0], _refusal(PAGES[0]))
    stage.pace = type(stage.pace)(linger=30.0, patience=30.0)
    assert (await stage.live())["done"] == 3
    assert await stage.rows("SELECT refusals FROM trapline.host") == [(0,)]


async def test_a_host_that_always_refuses_is_given_up(stage: Stage) -> None:
    """After six refusals in a row its pages fail as blocked, unvisited, with an alert of their own kind."""
    crawl = CrawlConfig.model_validate(
        {"name": "docs", "urls": PAGES[:2], "retries": 0, "alert": {"after_failures": 1}}
    )
    await stage.open(PAGES[:2], crawl=crawl, lane=_lane(max_invocations=1))
    await stage.rows(
        "INSERT INTO trapline.host (host, refusals, not_before) VALUES ('site.example', 6, now() + interval '5 min')"
    )
    assert (await stage.live())["failed"] == 2
    assert stage.visitor.visited == []
    reasons = await stage.rows("SELECT DISTINCT reason FROM trapline.task")
    assert (reasons, await stage.alerts()) == ([("blocked",)], ["blocked", "blocked"])


async def test_a_blocked_page_is_never_a_baseline(stage: Stage) -> None:
    """A refusal with a body of its own neither becomes the baseline nor counts as a change."""
    crawl = CrawlConfig(name="docs", urls=(PAGES[0],), retries=0)
    for step in (None, bad(PAGES[0], Reason.BLOCKED), None):
        await stage.open(PAGES[:1], crawl=crawl)
        if step is not None:
            stage.visitor.script(PAGES[0], step)
        await stage.live()
    assert await stage.rows("SELECT baseline_text, failures FROM trapline.page") == [("hello", 0)]
    assert await stage.rows("SELECT count(*) FROM trapline.observation WHERE changed") == [(0,)]


async def test_robots_txt_is_fetched_once_for_all_invocations(stage: Stage) -> None:
    """Four invocations that start together ask the site once, and so does the next run within the hour."""
    stage.fetch = robots = RobotsTxt(answer="User-agent: *\nAllow: /\n")
    for _ in range(2):
        await stage.open(PAGES, lane=_lane())
        await _all_live(stage)
    assert await stage.tasks() == {"done": 16}
    assert robots.asked == [f"{SITE}/robots.txt"]


async def test_a_closed_page_is_not_visited(stage: Stage) -> None:
    """It fails with a reason of its own and is not retried; the rest of the site is visited."""
    stage.fetch = RobotsTxt(answer="User-agent: trapline\nDisallow: /3\n")
    await stage.open(PAGES, lane=_lane(max_invocations=1, tasks_per_invocation=8))
    assert (await stage.live())["done"] == 7
    assert PAGES[3] not in stage.visitor.visited
    assert await stage.rows("SELECT reason FROM trapline.task WHERE status = 'failed'") == [("robots",)]


async def test_robots_ignore_asks_for_nothing(stage: Stage) -> None:
    """Your own site: no robots.txt is fetched."""
    stage.fetch = robots = RobotsTxt(answer="User-agent: *\nDisallow: /\n")
    await stage.open(PAGES[:1], crawl=CrawlConfig(name="docs", urls=(PAGES[0],), robots=Robots.IGNORE))
    assert (await stage.live())["done"] == 1
    assert robots.asked == []


async def test_crawl_delay_is_a_host_delay(stage: Stage) -> None:
    """``Crawl-delay`` of the robots.txt spaces visits out in a lane that asks for none itself."""
    stage.fetch = RobotsTxt(answer="User-agent: *\nCrawl-delay: 0.5\n")
    await stage.open(PAGES[:4], lane=_lane(max_invocations=2))
    began: list[float] = []
    stage.visitor.on_visit = lambda _: began.append(asyncio.get_running_loop().time())
    await _all_live(stage)
    assert min(later - sooner for sooner, later in pairwise(sorted(began))) > 0.2


async def test_a_5xx_means_wait_and_is_given_up_in_the_end(stage: Stage) -> None:
    """While robots.txt answers 503 nothing is visited and nothing is charged; the fifth time the pages fail."""
    stage.fetch = robots = RobotsTxt(answer=lambda url: TryLaterError(url, 503))
    await stage.open(PAGES[:2], lane=_lane(max_invocations=1))
    assert (await stage.live())["put_off"] == 2
    assert len(robots.asked) == 1
    await stage.rows("UPDATE trapline.robots SET failures = 4, retry_at = now()")
    await stage.rows("UPDATE trapline.task SET run_at = now()")
    assert (await stage.live())["failed"] == 2
    assert stage.visitor.visited == []
    ((reason, detail),) = await stage.rows("SELECT DISTINCT reason, detail FROM trapline.task")
    assert (reason, detail) == ("robots", f"{SITE}/robots.txt can't be read: HTTP 503")


@pytest.mark.parametrize("error", [lambda url: NoFileError(url, 404), lambda url: TransientError(f"{url}: no route")])
async def test_no_robots_txt_closes_nothing(stage: Stage, error: Callable[[str], Exception]) -> None:
    """A 4xx allows everything; an origin that gives no answer is left to the visit, which says it in its own words."""
    stage.fetch = RobotsTxt(answer=error)
    await stage.open(PAGES[:2])
    assert (await stage.live())["done"] == 2


async def test_a_site_that_does_not_answer_is_asked_once_and_keeps_no_other_waiting(stage: Stage) -> None:
    """Four invocations ask a site that never answers once together, and visit another site's pages meanwhile."""
    released = asyncio.Event()
    other = "https://other.example/"
    asked: list[str] = []

    async def fetch(url: str, sender: Sender = NOBODY) -> Fetched:
        asked.append(url)
        if url.startswith(SITE):
            await released.wait()
        raise TransientError(f"{url}: no answer")

    stage.fetch = fetch
    stage.visitor.on_visit = lambda url: released.set() if url == other else None
    await stage.open([*PAGES[:7], other], lane=_lane(pages_in_flight=2))
    await _all_live(stage)
    assert await stage.tasks() == {"done": 8}
    assert sorted(asked) == ["https://other.example/robots.txt", f"{SITE}/robots.txt"]
