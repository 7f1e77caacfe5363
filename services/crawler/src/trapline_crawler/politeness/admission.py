"""Whether a page may be visited now: robots.txt, the host's turn and place in the lane, and what the host asked for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trapline_common.config.models import CrawlConfig, Robots
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.ledger import hosts, tasks
from trapline_crawler.bounded_visit import StoppedError
from trapline_crawler.politeness.decision import Allowed, PutOff
from trapline_crawler.politeness.robots_txt import RobotsFiles

if TYPE_CHECKING:
    from trapline_crawler.work.held_work import Holding

GIVE_UP_AFTER = 6
"""Refusals of a host in a row, some five minutes of doubling back-offs; then its pages fail instead of waiting on."""

LONGEST_WAIT = 3600.0
"""Seconds a page waits for a host that said how long by ``Retry-After``; a run must end one day."""

LONGEST_PATIENCE = 60.0
"""Seconds; where turns are far apart, waiting for the next one costs less than a cold start up to this."""


def host_of(url: str) -> str:
    """Return what politeness knows a host by: name or address, with a port that is not the scheme's own."""
    return urlsplit(url).netloc


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """Visit now; the task is started. ``refusals``: how often the host refused before this visit, which finds out."""

    refusals: int = 0


class Admission:
    """Asked before each visit, told after it. What it holds an invocation to holds across all of them: the ledger knows."""

    def __init__(self, holding: "Holding") -> None:
        self._holding = holding
        self._robots = RobotsFiles(holding.database, holding.services.fetch, clock=holding.deadline.clock)

    async def ask(self, task: tasks.LeasedTask, url: str, crawl: CrawlConfig) -> Go | PutOff | Failure:
        """Wait for the turn of ``url``, a little while, and start the task.

        ``PutOff``: its turn is too far away to be waited for. ``Failure``: it is not to be visited at all. Raises
        ``StoppedError`` when told to stop or there is no time left for the visit, and ``LeaseLostError``.
        """
        await self._wait(0.0, crawl)
        delay = self._holding.held.host_delay
        if crawl.robots is Robots.RESPECT:
            permission = await self._robots.ask(url, crawl.user_agent)
            if not isinstance(permission, Allowed):
                return permission
            delay = max(delay, permission.delay)
        off = await self._turn(task, url, crawl, delay)
        return await self._start(task, url, crawl) if off is None else off

    async def after(self, task: tasks.LeasedTask, observation: Observation, go: Go) -> float:
        """Take note of how the host answered; return the seconds for which it wants to be left alone."""
        holding, host = self._holding, host_of(observation.url)
        failure = observation.failure
        if failure is not None and failure.reason is Reason.BLOCKED and failure.retry:
            return await hosts.refused(holding.database, task.lease, host, retry_after=observation.retry_after)
        if go.refusals and observation.status is not None:
            await hosts.answered(holding.database, host)
        return 0.0

    async def _turn(self, task: tasks.LeasedTask, url: str, crawl: CrawlConfig, delay: float) -> PutOff | None:
        """Wait for the lane's turn at the host; nothing to wait for costs nothing."""
        holding = self._holding
        places = holding.held.host_concurrency
        if not delay and places is None:
            return None
        patience = max(holding.services.pace.patience, min(delay, LONGEST_PATIENCE))
        until = holding.deadline.clock() + patience
        while True:
            turn = await hosts.take_turn(
                holding.database,
                task.lease,
                lane=holding.held.lane,
                host=host_of(url),
                delay=delay,
                places=places,
                patience=patience,
            )
            if not turn.taken and holding.deadline.clock() + turn.wait > until:
                return PutOff(seconds=turn.wait, reason="its host's turn comes later")
            await self._wait(turn.wait, crawl)
            if turn.taken:
                return None

    async def _start(self, task: tasks.LeasedTask, url: str, crawl: CrawlConfig) -> Go | PutOff | Failure:
        holding, host = self._holding, host_of(url)
        until = holding.deadline.clock() + holding.services.pace.patience
        while True:
            refuses = await tasks.start(holding.database, task.lease, host=host, probe=crawl.longest_visit)
            if refuses is None:
                return Go()
            if not refuses.wait:
                return Go(refusals=refuses.refusals)
            if refuses.refusals >= GIVE_UP_AFTER or refuses.wait > LONGEST_WAIT:
                detail = f"{host} refused {refuses.refusals} times in a row and wants {refuses.wait:.0f} s of peace"
                return Failure(reason=Reason.BLOCKED, detail=detail, retry=False)
            if holding.deadline.clock() + refuses.wait > until:
                return PutOff(seconds=refuses.wait, reason=f"{host} wants to be left alone")
            await self._wait(refuses.wait, crawl)

    async def _wait(self, seconds: float, crawl: CrawlConfig) -> None:
        holding = self._holding
        if not holding.may_start(crawl.longest_visit, after=seconds):
            # Nothing more is leased either: what is handed back now would only come again.
            holding.closing = True
            raise StoppedError("no time is left for a visit")
        if not await holding.pause(seconds, seconds=crawl.longest_visit):
            raise StoppedError("told to stop before a visit")
