"""Opening a run: once per tick, refused with a reason, in turn, and after a crash half-way."""

import asyncio
import uuid

import pytest

from support.dispatcher_stage import EAGER, Stage
from support.ledger import make_old
from support.races import until_blocked
from support.sitemap_site import SitemapSite
from trapline_common.config.fingerprint import fingerprint
from trapline_common.domain.answers import Opened, Refused
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.ledger import runs
from trapline_common.ledger.connection import Database
from trapline_dispatcher.settings import Timeouts

SITEMAP = "crawls: {{docs: {{sitemap: {url}}}}}"


async def begin(stage: Stage, crawl: str = "docs") -> int:
    """Write a run's row, as a dispatcher does that dies right after it."""
    config = stage.config.crawls[crawl]
    lane = stage.config.lanes[config.lane]
    opening = await runs.begin(stage.database, config, lane, fingerprint=fingerprint(config), request=uuid.uuid4())
    return opening.run_id


async def test_a_tick_delivered_twice_opens_one_run(stage: Stage) -> None:
    """The second delivery changes nothing, asks for no invocation, and says that it was a repetition."""
    first = await stage.tick()
    assert first == Opened(run_id=1, status="open", repeated=False, tasks=3, asked=2)
    assert await stage.tick() == Opened(run_id=1, status="open", repeated=True)
    assert await stage.runs() == [("docs", "open", None)]
    assert len(stage.invoker.asked) == 2


async def test_eight_deliveries_at_once_open_one_run_and_ask_once(stage: Stage) -> None:
    """Eight dispatchers get the tick at one moment: one run, its tasks once, exactly the invocations they need."""
    results = await asyncio.gather(*(stage.tick() for _ in range(8)))
    assert {result.run_id for result in results} == {1}
    assert next(result for result in results if not result.repeated).tasks == 3
    assert await stage.rows("SELECT count(*)::int FROM trapline.task") == [(3,)]
    assert len(stage.invoker.ids) == len(set(stage.invoker.ids)) == 2


async def test_a_request_repeated_by_hand_opens_one_run(stage: Stage) -> None:
    """The request's id does for a run opened by hand what the scheduled time does for a tick."""
    request = uuid.uuid4()
    assert (await stage.open(request=request)).run_id == (await stage.open(request=request)).run_id
    assert len(await stage.runs()) == 1


async def test_a_tick_of_an_unknown_or_disabled_crawl_is_refused_with_its_reason(stage: Stage) -> None:
    """It is dropped, not raised: the platform's retries could not help. A disabled crawl still opens by hand."""
    refused = await stage.tick("nope")
    assert refused == Refused(reason="no crawl 'nope' in the config; it has: asleep, docs, other, patient")
    assert await stage.tick("asleep") == Refused(reason="crawl 'asleep' is disabled")
    assert await stage.runs() == []
    assert (await stage.open("asleep")).status == "open"


async def test_an_overlap_is_skipped_and_recorded(stage: Stage) -> None:
    """While the last run is open the next tick's run ends ``skipped``, with the reason, no task and no invocation."""
    await stage.tick()
    skipped = await stage.tick(at="2026-03-01T09:00:00Z")
    assert skipped == Opened(run_id=2, status="ended", repeated=False, waits_for=1)
    assert await stage.runs() == [("docs", "open", None), ("docs", "ended", "skipped")]
    assert await stage.rows("SELECT reason FROM trapline.run WHERE id = 2") == [("run 1 was still open",)]
    assert len(stage.invoker.asked) == 2
    assert (await stage.tick(at="2026-03-01T09:00:00Z")).repeated is True


async def test_a_queued_overlap_is_opened_by_the_reap_after_the_earlier_ended(stage: Stage) -> None:
    """It waits ``opening``; the very reap that ends the earlier run opens it, though it was looked at a moment ago."""
    stage.timeouts = Timeouts(resume_opening_after=30.0, ask_again_after=0.0)
    await stage.tick("patient")
    queued = await stage.tick("patient", "2026-03-01T09:00:00Z")
    assert queued == Opened(run_id=2, status="opening", repeated=False, waits_for=1)
    await make_old(stage.database, "run", "tried_at", 31)
    assert (await stage.reap()).resumed == 0
    await stage.end_runs()
    done = await stage.reap()
    assert (done.ended, done.resumed) == (1, 1)
    assert await stage.runs() == [("patient", "ended", "completed"), ("patient", "open", None)]


async def test_an_opening_whose_dispatcher_died_is_resumed_by_reap(stage: Stage) -> None:
    """Died after the run's row and before its tasks: once it is stale, reap writes them and asks for crawlers."""
    await begin(stage)
    assert (await stage.reap()).resumed == 0
    await make_old(stage.database, "run", "tried_at", 61)
    done = await stage.reap()
    assert (done.resumed, done.asked) == (1, 2)
    assert await stage.runs() == [("docs", "open", None)]
    assert len(stage.invoker.asked) == 2


async def test_a_retried_event_goes_on_with_its_own_stale_opening(stage: Stage) -> None:
    """The platform delivers the event of a dispatcher that died again: it finds the row, and goes on if it is stale."""
    request = uuid.uuid4()
    config = stage.config.crawls["docs"]
    await runs.begin(
        stage.database, config, stage.config.lanes["default"], fingerprint=fingerprint(config), request=request
    )
    assert await stage.open(request=request) == Opened(run_id=1, status="opening", repeated=True)
    await make_old(stage.database, "run", "tried_at", 61)
    assert await stage.open(request=request) == Opened(run_id=1, status="open", repeated=True, tasks=3, asked=2)


async def test_of_two_dispatchers_that_resume_at_once_one_fills(stage: Stage) -> None:
    """Both reap at one moment: one fetches and writes the tasks, the other leaves it alone."""
    await begin(stage)
    await make_old(stage.database, "run", "tried_at", 61)
    async with await Database.connect(stage.dsn) as holder, holder.transaction():
        await holder.connection.execute("SELECT 1 FROM trapline.run FOR UPDATE")
        both = [asyncio.create_task(stage.reap()) for _ in range(2)]
        await until_blocked(stage.database, 2)
    results = await asyncio.gather(*both)
    assert sorted(result.resumed for result in results) == [0, 1]
    assert await stage.rows("SELECT count(*)::int FROM trapline.task") == [(3,)]
    assert len(set(stage.invoker.ids)) == len(stage.invoker.ids) == 2


async def test_a_slow_dispatcher_that_wakes_after_another_filled_writes_nothing(
    stage: Stage, site: SitemapSite
) -> None:
    """It fetched its sitemap too slowly, reap took over and filled: its own tasks are not written beside the others."""
    stage.configure(SITEMAP.format(url=site.origin + "/hang"))
    stage.fetch_timeout = 15.0
    slow = asyncio.create_task(stage.tick())
    await asyncio.wait_for(site.hanging.wait(), 10)
    found = (await runs.frozen(stage.database, [runs.RunId(1)]))[runs.RunId(1)]
    await runs.fill(stage.database, found.run_id, found.crawl, [site.origin + "/a"])
    site.urlset("/hang", "/b", "/c")
    site.hang.set()
    assert await slow == Opened(run_id=1, status="open", repeated=True)
    assert await stage.rows("SELECT url FROM trapline.task") == [(site.origin + "/a",)]


async def test_a_sitemap_of_real_http_becomes_tasks(stage: Stage, site: SitemapSite) -> None:
    """The pages that the sitemap lists are the run's tasks, in order."""
    stage.configure(SITEMAP.format(url=site.urlset("/sitemap.xml", "/a", "/b")))
    assert (await stage.tick()).tasks == 2
    assert await stage.rows("SELECT url FROM trapline.task ORDER BY id") == [
        (site.origin + "/a",),
        (site.origin + "/b",),
    ]


async def test_a_sitemap_that_is_html_refuses_the_run_with_an_alert(stage: Stage, site: SitemapSite) -> None:
    """The run ends ``refused`` with what is wrong, nothing is asked for, and the notifier gets a nudge at once."""
    stage.configure(
        SITEMAP.format(url=site.put("/sitemap.xml", "<!DOCTYPE html><html>")).replace(
            "}}", ", alert: {on: [failure, summary]}}}"
        )
    )
    result = await stage.tick()
    assert result.status == "ended"
    assert "HTML" in result.pages_refused
    assert result.pages_refused.startswith("crawls.docs.sitemap: ")
    assert await stage.runs() == [("docs", "ended", "refused")]
    assert await stage.rows("SELECT kind, payload->>'outcome', payload->>'detail' FROM trapline.alert") == [
        ("summary", "refused", result.pages_refused)
    ]
    assert stage.nudger.to("notifier") == [{"v": 1, "type": "drain"}]
    assert stage.invoker.asked == []


async def test_a_sitemap_that_is_away_is_tried_again_and_given_up_one_day(stage: Stage, site: SitemapSite) -> None:
    """503: the error is raised for the platform's retry; the run stays ``opening``, and reap tries until it is old."""
    stage.timeouts = EAGER
    url = site.put("/sitemap.xml", "later", status="503 Service Unavailable")
    stage.configure(SITEMAP.format(url=url))
    with pytest.raises(TransientError, match="503"):
        await stage.tick()
    assert await stage.runs() == [("docs", "opening", None)]
    with pytest.raises(TransientError, match="503"):
        await stage.reap()
    assert await stage.runs() == [("docs", "opening", None)]
    await make_old(stage.database, "run", "created_at", 3601)
    await stage.reap()
    assert await stage.runs() == [("docs", "ended", "refused")]
    ((reason,),) = await stage.rows("SELECT reason FROM trapline.run")
    assert reason.startswith("given up after 36")
    assert "HTTP 503" in reason


async def test_a_sitemap_that_comes_back_opens_the_run(stage: Stage, site: SitemapSite) -> None:
    """Resumed by reap after a 503, the run opens with all its pages."""
    stage.timeouts = EAGER
    stage.configure(SITEMAP.format(url=site.put("/sitemap.xml", "later", status="503 Service Unavailable")))
    with pytest.raises(TransientError):
        await stage.tick()
    site.urlset("/sitemap.xml", "/a")
    assert (await stage.reap()).resumed == 1
    assert await stage.runs() == [("docs", "open", None)]


async def test_time_spent_in_the_queue_does_not_count_as_trying(stage: Stage, site: SitemapSite) -> None:
    """A run that waited hours for an earlier one is not given up at its first 503: its hour begins when it may open."""
    stage.timeouts = EAGER
    url = site.urlset("/sitemap.xml", "/a")
    stage.configure(f"crawls: {{docs: {{overlap: queue, sitemap: {url}}}}}")
    await stage.tick()
    await stage.tick(at="2026-03-01T09:00:00Z")
    await make_old(stage.database, "run", "created_at", 7200)
    await stage.end_runs()
    site.put("/sitemap.xml", "later", status="503 Service Unavailable")
    with pytest.raises(TransientError):
        await stage.reap()
    assert await stage.runs() == [("docs", "ended", "completed"), ("docs", "opening", None)]


async def test_one_opening_that_cant_go_on_stops_nothing_else(stage: Stage, site: SitemapSite) -> None:
    """Its error is raised by reap, after the other opening was resumed and the lanes were counted."""
    stage.timeouts = EAGER
    url = site.put("/sitemap.xml", "later", status="503 Service Unavailable")
    stage.configure(f"crawls:\n  bad: {{sitemap: {url}}}\n  good: {{urls: [https://good.example/]}}")
    await begin(stage, "bad")
    await begin(stage, "good")
    with pytest.raises(TransientError, match="503"):
        await stage.reap()
    assert await stage.runs() == [("bad", "opening", None), ("good", "open", None)]
    assert len(stage.invoker.asked) == 1


async def test_an_opening_that_cant_even_be_read_stops_nothing_else_and_is_given_up(stage: Stage) -> None:
    """A frozen config that this release can't read is raised, when the rest is done; after an hour it is refused."""
    stage.timeouts = EAGER
    await begin(stage, "docs")
    await begin(stage, "other")
    await stage.rows("""UPDATE trapline.run SET config = '{"name": 7}' WHERE crawl = 'docs'""")
    with pytest.raises(TransientError, match="this release can't read the config of run 1: name: "):
        await stage.reap()
    assert await stage.runs() == [("docs", "opening", None), ("other", "open", None)]
    assert len(stage.invoker.asked) == 1
    await make_old(stage.database, "run", "created_at", 3601)
    await stage.reap()
    assert await stage.runs() == [("docs", "ended", "refused"), ("other", "open", None)]


async def test_a_config_that_cant_be_used_is_raised(stage: Stage) -> None:
    """A broken ``crawls.yaml`` loses no tick silently: the event fails, is retried, and ends in the failure queue."""
    stage.config_error = InputRefusedError("crawls.yaml:3: crawls.docs.url: unknown key")
    with pytest.raises(InputRefusedError, match="unknown key"):
        await stage.tick()
