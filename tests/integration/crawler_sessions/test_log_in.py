"""Steps before the visits: one log-in for many, its session kept, refreshed, and its failures told."""

import asyncio

import pytest

from tests.integration.crawler_sessions.conftest import SessionStage
from trapline_common.config.models import LaneConfig

THREE = LaneConfig(max_invocations=3, tasks_per_invocation=2, pages_in_flight=2)
RESULTS = "SELECT url, reason, detail FROM trapline.observation ORDER BY id"


async def live_together(stage: SessionStage) -> None:
    """Let every invocation that the lane is missing live, all at once, each with a browser of its own."""
    asked = await stage.asked()
    await asyncio.gather(*(stage.live(message, visitor=stage.browser_visitor()) for message in asked))


@pytest.mark.parametrize("isolation", ["page", "crawl"])
async def test_three_invocations_that_start_together_log_in_once(stage: SessionStage, isolation: str):
    """Six pages shared by three crawlers cost one log-in, and each page is visited logged in, once."""
    crawl = stage.crawl(6, isolation=isolation)
    await stage.open(list(crawl.urls), lane=THREE, crawl=crawl)
    await live_together(stage)
    assert await stage.tasks() == {"done": 6}
    assert stage.site.log_ins == stage.site.attempts == 1
    pages = [visit for visit in stage.site.visits if visit[0] != "/account"]
    assert sorted(pages) == [(f"/account/{number}", True) for number in range(6)]
    ((text,),) = await stage.rows("SELECT DISTINCT baseline_text FROM trapline.page WHERE url LIKE '%/account/0'")
    assert text == "Page /account/0"


async def test_the_next_run_uses_the_kept_session_until_it_expires(stage: SessionStage):
    """A second run logs in no more; once the site has let the session expire, one log-in refreshes it."""
    crawl = stage.crawl(2)
    for expected in (1, 1, 2):
        if expected == 2:
            stage.site.expire()
        await stage.open(list(crawl.urls), crawl=crawl)
        await stage.live(visitor=stage.browser_visitor())
        assert stage.site.log_ins == expected
    assert await stage.tasks() == {"done": 6}
    assert await stage.alerts() == []
