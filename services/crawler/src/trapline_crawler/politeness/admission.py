"""Whether a page may be visited now: robots.txt, the host's turn and slot in the lane, and the host's own back-off."""

from urllib.parse import urlsplit

from trapline_common.config.models import CrawlConfig, Robots
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.egress.fetch import Fetch
from trapline_common.ledger import hosts, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_crawler.politeness.decision import LONGEST_HOST_PAUSE, Admitted, Allowed, Deferred
from trapline_crawler.politeness.robots_txt import RobotsFiles
from trapline_crawler.time_budget import TimeBudget

GIVE_UP_AFTER = 6
"""Refusals of a host in a row, some five minutes of doubling back-offs; then its pages fail instead of waiting on."""

LONGEST_PATIENCE = 60.0
"""Seconds; where turns are far apart, waiting for the next one costs less than a cold start up to this."""


def host_of(url: str) -> str:
    """Return what politeness knows a host by: name or address, with a port that is not the scheme's own."""
    return urlsplit(url).netloc


class Admission:
    """The work loop asks it before each visit and reports to it after each.

    The limits hold across all invocations: the ledger keeps each host's turns, slots and refusals.
    """

    def __init__(
        self,
        database: Database,
        held: Held,
        budget: TimeBudget,
        *,
        fetch: Fetch,
        patience: float,
        longest_patience: float = LONGEST_PATIENCE,
    ) -> None:
        """``patience``: seconds to wait for a host's turn before its task is put off.

        Where turns are further apart it is that long, up to ``longest_patience``.
        """
        self._database = database
        self._held = held
        self._budget = budget
        self._patience = patience
        self._longest_patience = longest_patience
        self._clock = budget.deadline.clock
        self._robots = RobotsFiles(database, fetch, clock=self._clock)

    def renew(self, held: Held) -> None:
        """Go by the lane's limits as they are now."""
        self._held = held

    async def ask(self, task: tasks.LeasedTask, url: str, crawl: CrawlConfig) -> Admitted | Deferred | Failure:
        """Wait a bounded time for the turn of ``url``, and start the task.

        ``Failure``: the page is not to be visited at all. Raises ``StoppedError`` when the invocation is asked to stop
        or has no time left for the visit, and ``LeaseLostError``.
        """
        await self._wait(0.0, crawl)
        delay = self._held.host_delay
        if crawl.robots is Robots.RESPECT:
            permission = await self._robots.ask(url, crawl.user_agent)
            if not isinstance(permission, Allowed):
                return permission
            delay = max(delay, permission.delay)
        deferred = await self._turn(task, url, crawl, delay)
        return await self._start(task, url, crawl) if deferred is None else deferred

    async def after(self, task: tasks.LeasedTask, observation: Observation, admitted: Admitted) -> float:
        """Record how the host answered; return its back-off in seconds, 0 when it asks for none.

        A host that refused and then gives no answer at all goes on refusing: else its pages would be tried one after
        the other, each for as long as a visit may take.
        """
        host, failure = host_of(observation.url), observation.failure
        silent = admitted.refusals > 0 and observation.status is None
        if silent or (failure is not None and failure.reason is Reason.BLOCKED and failure.retry):
            return await hosts.refused(self._database, task.lease, host, retry_after=observation.retry_after)
        if admitted.refusals and observation.status is not None:
            await hosts.answered(self._database, host)
        return 0.0

    async def _turn(self, task: tasks.LeasedTask, url: str, crawl: CrawlConfig, delay: float) -> Deferred | None:
        """Wait for the lane's turn at the host. Without a delay and a limit of slots the ledger is not asked."""
        slots = self._held.host_concurrency
        if not delay and slots is None:
            return None
        patience = max(self._patience, min(delay, self._longest_patience))
        until = self._clock() + patience
        while True:
            turn = await hosts.take_turn(
                self._database,
                task.lease,
                lane=self._held.lane,
                host=host_of(url),
                delay=delay,
                slots=slots,
                patience=patience,
            )
            if not turn.taken and self._clock() + turn.wait > until:
                return Deferred(seconds=turn.wait, reason="its host's turn comes later")
            await self._wait(turn.wait, crawl)
            if turn.taken:
                return None

    async def _start(self, task: tasks.LeasedTask, url: str, crawl: CrawlConfig) -> Admitted | Deferred | Failure:
        host = host_of(url)
        until = self._clock() + self._patience
        while True:
            refuses = await tasks.start(self._database, task.lease, host=host, probe=crawl.longest_visit)
            if refuses is None:
                return Admitted()
            if not refuses.wait:
                return Admitted(refusals=refuses.refusals)
            if refuses.refusals >= GIVE_UP_AFTER or refuses.wait > LONGEST_HOST_PAUSE:
                detail = (
                    f"{host} refused {refuses.refusals} times in a row and asks for a pause of {refuses.wait:.0f} s"
                )
                return Failure(reason=Reason.BLOCKED, detail=detail, retry=False)
            if self._clock() + refuses.wait > until:
                return Deferred(seconds=refuses.wait, reason=f"{host} asks for a pause", pause=True)
            await self._wait(refuses.wait, crawl)

    async def _wait(self, seconds: float, crawl: CrawlConfig) -> None:
        await self._budget.wait_to_start(seconds, seconds=crawl.longest_visit)
