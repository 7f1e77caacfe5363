"""The durable function with a real Chromium: each slice has a browser of its own, and the session goes through them."""

from dataclasses import replace
from pathlib import Path

from support.crawler_stage import Stage
from support.crawling import LIMITS, KnownSecrets, crawl, new_browser
from support.durable_function import DurableFunction
from support.hostile import hostile_site
from support.postgres import as_role
from trapline_common.config.models import LaneConfig
from trapline_common.ledger.connection import Database
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_crawler.durable_handler import walk
from trapline_crawler.visit.visitor import BrowserVisitor

LANE = LaneConfig.model_validate({"orchestrator": "durable", "tasks_per_invocation": 1, "host_delay": 20})


async def test_a_session_goes_through_three_browsers(dsn: str, database: Database, tmp_path: Path) -> None:
    """On the SDK's own thread, as on Lambda: three pages a host wants 20 s apart, and the site counts one visitor."""
    stage = Stage(dsn=as_role(dsn, "trapline_crawler"), database=database, artifacts=tmp_path)
    function, store = DurableFunction(dsn=dsn), DirectoryArtifacts(tmp_path)
    browsers = []

    def visitor() -> BrowserVisitor:
        browsers.append(new_browser())
        return BrowserVisitor(browsers[-1], artifacts=store, secrets=KnownSecrets(), limits=LIMITS)

    async with hostile_site() as site:
        pages = [f"{site.origin}/counter?page={number}" for number in range(3)]
        await stage.open(pages, lane=LANE, crawl=crawl(ordered=True, urls=pages, robots="ignore"))
        (message,) = await stage.asked()
        services = replace(stage.services(), visitor=visitor)
        ran = await function.run(message.event(), lambda event, context: walk(event, context, services))
    assert (ran.status, ran.answer["done"]) == ("SUCCEEDED", 1)
    assert await stage.rows("SELECT text FROM trapline.observation ORDER BY position") == [("n=1",), ("n=2",), ("n=3",)]
    assert await stage.rows("SELECT status::text, lease_seq FROM trapline.task") == [("done", 1)]
    assert len(browsers) == 3
