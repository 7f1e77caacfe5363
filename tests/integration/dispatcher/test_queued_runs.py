"""Runs that wait for an earlier one of their crawl cost nothing until their turn, and stop nothing."""

import time

import pytest

from support.dispatcher_stage import EAGER, Stage
from support.ledger import make_old
from support.sitemap_site import SitemapSite
from trapline_common.config.models import CrawlConfig
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.runs import list_runs

QUEUE = """
INSERT INTO trapline.run (crawl, lane, scheduled_for, config, fingerprint)
SELECT crawl, lane, scheduled_for + make_interval(mins => 5 * n), config, fingerprint
FROM trapline.run, generate_series(1, $1) AS n WHERE id = 1
"""


async def _queued(stage: Stage, count: int, *, pages: int = 3) -> None:
    """Open a run of many pages, and put ``count`` further ticks of its crawl behind it."""
    urls = ", ".join(f"https://docs.example/catalogue/{number}" for number in range(pages))
    stage.configure(
        f"crawls:\n  docs: {{overlap: queue, urls: [{urls}]}}\n  small: {{urls: [https://small.example/1]}}\n"
    )
    stage.timeouts = EAGER
    await stage.tick("docs")
    await stage.rows(QUEUE, count)


async def test_a_reap_neither_reads_nor_checks_them(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 300 queued ticks of 3,000 pages no config leaves the ledger, nor is any validated."""
    await _queued(stage, 300, pages=3000)
    await stage.reap()
    fetched: list[int] = []
    read = CrawlConfig.model_validate_json

    def counting(text: str, **more: object) -> CrawlConfig:
        fetched.append(len(text))
        return read(text, **more)

    monkeypatch.setattr(CrawlConfig, "model_validate_json", counting)
    began = time.process_time()
    await stage.reap()
    assert fetched == []
    assert time.process_time() - began < 2.0


async def test_each_gets_its_turn_when_the_one_before_has_ended(stage: Stage) -> None:
    """One after the other, in the order of their ticks; one that was cancelled in the queue is passed over."""
    await _queued(stage, 3)
    await stage.rows("UPDATE trapline.run SET status = 'ended', outcome = 'cancelled', ended_at = now() WHERE id = 3")
    for number in (1, 2, 4):
        assert await stage.rows("SELECT id FROM trapline.run WHERE status = 'open'") == [(number,)]
        await stage.end_runs()
        done = await stage.reap()
        assert (done.ended, done.resumed) == (1, int(number != 4))
    assert [status for _, status, _ in await stage.runs()] == ["ended"] * 4


async def test_one_that_cant_be_read_costs_nothing_before_its_turn_and_ends_then(stage: Stage) -> None:
    """Frozen by another release: in its turn it is tried for an hour, then refused, and the one behind it opens."""
    await _queued(stage, 2)
    await stage.rows("""UPDATE trapline.run SET config = jsonb_set(config, '{screenshot}', '"always"') WHERE id = 2""")
    await stage.reap()
    await stage.end_runs()
    with pytest.raises(Exception, match="can't read the config of run 2: screenshot"):
        await stage.reap()
    await make_old(stage.database, "run", "created_at", 7200)
    await make_old(stage.database, "run", "ended_at", 3601)
    await stage.reap()
    assert await stage.rows("SELECT status::text, outcome::text FROM trapline.run ORDER BY id") == [
        ("ended", "completed"),
        ("ended", "refused"),
        ("opening", None),
    ]
    await stage.reap()
    assert await stage.rows("SELECT id FROM trapline.run WHERE status = 'open'") == [(3,)]


async def test_a_sitemap_that_hangs_keeps_no_other_run_waiting(stage: Stage, site: SitemapSite) -> None:
    """Lanes are counted before it is fetched, and the next tick begins with the run that waited longest."""
    stage.fetch_timeout = 0.3
    stage.configure(f"crawls:\n  bad: {{sitemap: {site.origin}/hang}}\n  good: {{urls: [https://good.example/]}}\n")
    with pytest.raises(Exception, match="not answered within"):
        await stage.open("bad")
    await stage.open("good")
    await stage.rows("UPDATE trapline.invocation SET status = 'failed', ended_at = now()")
    stage.timeouts = EAGER
    asked = len(stage.invoker.asked)
    with pytest.raises(Exception, match=r"opening of run 1: .*not answered within"):
        await stage.reap()
    assert len(stage.invoker.asked) == asked + 1
    site.hang.set()


async def test_sitemaps_that_trickle_end_within_their_time(stage: Stage, site: SitemapSite) -> None:
    """A thousand files, each of which comes just in time, would take a day: all are put off after their time."""
    names = [f"/part-{number}" for number in range(1000)]
    for name in names:
        site.urlset(name, "/a")
    stage.timeouts = type(EAGER)(resume_opening_after=0.0, expand_within=0.2)
    stage.configure(f"crawls: {{docs: {{sitemap: {site.index('/sitemap.xml', *names)}}}}}")
    with pytest.raises(Exception, match=r"not read within 0\.2 s; files so far: "):
        await stage.tick()
    assert await stage.runs() == [("docs", "opening", None)]
    await make_old(stage.database, "run", "created_at", 3700)
    await stage.reap()
    assert await stage.runs() == [("docs", "ended", "refused")]


async def test_the_reads_of_a_person_pay_for_none_of_them(stage: Stage, database: Database) -> None:
    """A thousand queued ticks, and what `trapline runs` reads of them: no config is among the columns."""
    await _queued(stage, 1000, pages=3000)
    began = time.process_time()
    rows = await list_runs(database, limit=1000)
    assert len(rows) == 1000
    assert time.process_time() - began < 2.0
