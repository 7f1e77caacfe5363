"""Rounds of a crawl of one page: a run is opened, the page is visited, good or not, and the run ends."""

from dataclasses import dataclass, field

from support.ledger import FINGERPRINT, complete, fail_page, location, one_ready, open_run, urls, value
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.config.parts import AlertConfig
from trapline_common.domain.ids import LaneName, PageId
from trapline_common.domain.observation import Observation, Reason
from trapline_common.ledger import runs, tasks
from trapline_common.ledger.connection import Database

__all__ = ["ALERTS", "FINGERPRINT", "Rounds", "location"]

ALERTS = "SELECT kind, status::text, reason FROM trapline.alert WHERE kind <> 'summary' ORDER BY id"
_ON = AlertConfig(on=("failure", "change", "recovery", "summary"), after_failures=1, remind_every=3600)


@dataclass(slots=True, kw_only=True)
class Rounds:
    """A crawl of one page that alerts at its first failure."""

    database: Database
    """The connection on which all is done, but what a test gives another."""
    crawl: CrawlConfig = field(default_factory=lambda: CrawlConfig(name="docs", urls=tuple(urls(1)), alert=_ON))
    """The crawl."""

    async def begin(self) -> tasks.LeasedTask:
        """Open a run and lease its task: the visit is under way."""
        await open_run(self.database, self.crawl.urls, crawl=self.crawl, lane=LaneConfig(tasks_per_invocation=1))
        held = await one_ready(self.database, LaneName(self.crawl.lane))
        (task,) = await tasks.lease_share(self.database, held, share=1, another=False)
        return task

    async def end(
        self, task: tasks.LeasedTask, *, text: str | None, database: Database | None = None
    ) -> tasks.LeasedTask:
        """Complete the visit: the page shows ``text``, or fails with ``None``; then end the run."""
        on = database or self.database
        if text is None:
            await fail_page(on, task, Reason.TIMEOUT)
        else:
            found = Observation(url=task.url, status=200, text=text, content_hash=text)
            await complete(on, task, observation=found)
        assert await runs.end_if_done(on, task.run_id)
        return task

    async def go(self, *texts: str | None) -> None:
        """Visit the page once for each text, in a run each."""
        for text in texts:
            await self.end(await self.begin(), text=text)

    async def page(self) -> PageId:
        """Return the page's number."""
        return PageId(await value(self.database, "SELECT id FROM trapline.page WHERE crawl = $1", self.crawl.name))

    async def told(self, *, after: int = 0) -> list[str]:
        """Return kind and status of each alert about the page behind the first ``after``."""
        rows = await self.database.connection.fetch(ALERTS)
        return [f"{row['kind']} {row['status']}" for row in rows[after:]]
