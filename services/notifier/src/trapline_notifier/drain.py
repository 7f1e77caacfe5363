"""Draining the outbox: claim, group, publish at the pace, mark. Guarantee 5: every due alert goes out at least once."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ports import AlertRow, Outbox
from trapline_common.platform.lambda_runtime import Deadline
from trapline_common.platform.logging import get_logger
from trapline_notifier.message import AlertMessage, compose, group
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Operations, Publisher

GIVE_UP_AFTER = 3
"""Messages in a row that failed for now: the channel is down, and the others would only wait for the same timeout."""

_log = get_logger("notifier")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainLimits:
    """The bounds of one drain: alerts, and seconds."""

    claim: int = 200
    """Alerts in one claim: enough to group what one bad deploy causes, few enough to publish within the hold."""
    hold: float = 180.0
    """Seconds that a claim is hidden from other notifiers; one that dies delays its claim by this much."""
    reserve: float = 20.0
    """Seconds before the deadline, and before the hold runs out, in which nothing more is published: one publish and
    its marking take at most this long (``aws.calls.CLIENT_CONFIG``, ``ledger.connection.Patience``)."""
    soonest: float = 15.0
    """Seconds until an alert that failed is tried again the first time; they double with each attempt."""
    latest: float = 600.0
    """The most that those seconds grow to."""


@dataclass(slots=True, kw_only=True)
class DrainCounts:
    """The counts of one drain so far."""

    sent: int = 0
    """Alerts that went out."""
    refused: int = 0
    """Alerts that no channel will ever take; each was reported to operations."""
    released: int = 0
    """Alerts given back, to be tried again later."""
    messages: int = 0
    """Messages that went out."""


@dataclass(slots=True, kw_only=True)
class OutboxDrain:
    """One drain. The parts come from ``wiring``; ``run`` is called once."""

    outbox: Outbox
    """The alerts, on a connection of this drain's own."""
    publisher: Publisher
    """Sends the messages."""
    operations: Operations
    """Takes reports about alerts that no channel accepts."""
    pacer: Pacer
    """Keeps the pace between two messages."""
    deadline: Deadline
    """The end of this invocation."""
    limits: DrainLimits = field(default_factory=DrainLimits)
    """The bounds of this drain."""
    result: DrainCounts = field(default_factory=DrainCounts)
    """The drain's counts so far."""
    _failed: list[TransientError] = field(default_factory=list)
    """Why messages could not be sent for now, in order."""
    _in_a_row: int = 0
    """Messages that failed for now since the last one that went out."""

    async def run(self) -> DrainCounts:
        """Send until nothing is due or the deadline nears.

        A message whose content is refused is reported to operations and blocks nothing. Raises ``TransientError`` at
        the end when something could not be sent for now: it was released, and the platform retries the event.
        """
        while self._may_go_on(self.deadline.earlier(self.limits.reserve)):
            hold = Deadline.after(self.limits.hold - self.limits.reserve, clock=self.deadline.clock)
            rows = await self.outbox.claim(self.limits.claim, self.limits.hold)
            if not rows:
                break
            groups = group(rows)
            try:
                while groups and self._may_go_on(self.deadline.earlier(self.limits.reserve), hold):
                    await self._send(groups[0])
                    del groups[0]
            finally:
                # When cancelled, too: otherwise the alerts that were not sent would stay hidden until the hold runs out
                await asyncio.shield(self._give_back(groups))
        if self._failed:
            first = self._failed[0]
            count = len(self._failed)
            raise TransientError(f"{count} message(s) could not be sent for now; the first: {first}") from first
        return self.result

    async def _give_back(self, groups: Sequence[Sequence[AlertRow]]) -> None:
        rest = [row.id for left in groups for row in left]
        if rest:
            self.result.released += len(rest)
            await self.outbox.release(rest, 0.0)

    def _may_go_on(self, *ends: Deadline) -> bool:
        return self._in_a_row < GIVE_UP_AFTER and not any(end.passed for end in ends)

    async def _send(self, rows: Sequence[AlertRow]) -> None:
        ids = [row.id for row in rows]
        try:
            message = _compose(rows)
            await self.pacer.wait(self.outbox)
            receipt = await self.publisher.publish(message)
        except RefusedError as error:
            self._in_a_row = 0
            await self._refused(rows, error)
        except TransientError as error:
            await self._release(rows, error)
        else:
            self._in_a_row = 0
            await self.outbox.mark_sent(ids, receipt)
            self.result.sent += len(ids)
            self.result.messages += 1
            _log.info("alerts_sent", message=message.id, receipt=receipt, crawl=message.crawl, alerts=len(ids))

    async def _refused(self, rows: Sequence[AlertRow], error: RefusedError) -> None:
        """Find the alert that can't be sent by halving, so that its neighbours in the message still go out."""
        if len(rows) > 1:
            middle = len(rows) // 2
            await self._send(rows[:middle])
            await self._send(rows[middle:])
            return
        row = rows[0]
        _log.error("alert_refused", alert=row.id, crawl=row.crawl, kind=row.kind, reason=str(error))
        try:
            await self.operations.report(subject="Trapline: an alert was refused", text=_report(row, error))
        except RefusedError as second:
            _log.error("report_refused", alert=row.id, reason=str(second))
        except TransientError as second:
            await self._release(rows, second)
            return
        await self.outbox.refuse([row.id], str(error))
        self.result.refused += 1

    async def _release(self, rows: Sequence[AlertRow], error: TransientError) -> None:
        self._in_a_row += 1
        self._failed.append(error)
        delay = min(self.limits.latest, self.limits.soonest * 2 ** min(max(row.attempts for row in rows) - 1, 10))
        _log.warning("alerts_released", count=len(rows), crawl=rows[0].crawl, seconds=delay, reason=str(error))
        await self.outbox.release([row.id for row in rows], delay)
        self.result.released += len(rows)


def _compose(rows: Sequence[AlertRow]) -> AlertMessage:
    try:
        return compose(rows)
    except Exception as error:
        # No release of ours writes such a payload; if it ended this drain, it would end every later one as well
        _log.exception("alert_unreadable", alerts=[row.id for row in rows])
        raise RefusedError(f"its text can't be made: {type(error).__name__}: {error}") from error


def _report(row: AlertRow, error: RefusedError) -> str:
    return (
        f"Alert {row.id} ({row.kind}) of crawl {row.crawl}, run {row.run_id}, was not sent: "
        "its content was refused.\n\n"
        f"Reason: {error}\n\nIt is kept in the ledger as refused. Its page: {str(row.payload.get('url'))[:2000]}\n"
    )
