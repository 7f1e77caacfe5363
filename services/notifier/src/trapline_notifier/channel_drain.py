"""Serving one channel: the next message, published at the pace, marked or put off. One at a time, so in one order."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import AlertId
from trapline_common.domain.ports import AlertRow, Outbox
from trapline_common.domain.web_view import WebView
from trapline_common.platform.lambda_runtime import Deadline
from trapline_common.platform.logging import get_logger
from trapline_notifier.message import AlertMessage, compose, group, halves, id_of
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Channel, Operations

GIVE_UP_AFTER = 3
"""Messages in a row that failed for now: the channel is away. It is left alone for a while, and then tried with one
message at a time until it takes one."""

_LONGEST_WISH = 3_600.0
"""Seconds; a channel that wants to be left alone for longer is asked again after this time."""

_log = get_logger("notifier")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainLimits:
    """The bounds of one drain: alerts, and seconds."""

    claim: int = 10_000
    """Alerts among which the next message is looked for: enough to tell what one bad deploy causes in one message."""
    hold: float = 120.0
    """Seconds that a channel is one notifier's, counted anew with each message; one that dies delays the channel by
    this much."""
    reserve: float = 30.0
    """Seconds before the deadline, and before the hold runs out, in which nothing more is published: one publish and
    its marking take at most this long (``aws.calls.CLIENT_CONFIG``, ``publishers.relayed.WITHIN``)."""
    soonest: float = 15.0
    """Seconds until a message that failed is tried again the first time; they double with each attempt."""
    latest: float = 600.0
    """The most that those seconds grow to."""


@dataclass(slots=True, kw_only=True)
class DrainCounts:
    """The counts of one drain so far, over all channels: an alert counts once for each."""

    sent: int = 0
    """Alerts that went out."""
    refused: int = 0
    """Alerts that the channel will never take; each was reported to operations."""
    released: int = 0
    """Alerts that are to be tried again later."""
    messages: int = 0
    """Messages that went out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Next:
    """The message to send next."""

    id: str
    """Its id; of a repeat, the one that it had."""
    alerts: Sequence[AlertId]
    """What it tells."""


@dataclass(slots=True, kw_only=True)
class ChannelDrain:
    """One drain of one channel; ``run`` is called once."""

    channel: Channel
    """The channel."""
    outbox: Outbox
    """The deliveries."""
    operations: Operations
    """Takes reports about alerts that the channel will never take."""
    pacer: Pacer
    """Keeps the pace between two messages."""
    deadline: Deadline
    """The end of this invocation."""
    limits: DrainLimits
    """The bounds of this drain."""
    web: WebView
    """Where its messages link to."""
    counts: DrainCounts
    """The drain's counts so far, shared with the other channels."""
    failed: list[TransientError] = field(default_factory=list)
    """Why messages could not be sent for now, in order."""
    _in_a_row: int = 0
    """Messages that the channel did not take for now since the last that it took, by any notifier."""

    async def run(self) -> None:
        """Send until nothing is due there, another notifier serves the channel, or the deadline nears."""
        while self._has_time():
            in_a_row = await self.outbox.hold(self.channel.name, self.limits.hold)
            if in_a_row is None:
                return
            self._in_a_row = in_a_row
            try:
                went_on = await self._serve()
            finally:
                # When cancelled, too: otherwise the channel would wait until the hold runs out
                await asyncio.shield(self.outbox.let_go(self.channel.name))
            # A notifier that found the channel held has gone home: what it came for is looked for once more
            if not went_on or await self._next() is None:
                return

    async def _serve(self) -> bool:
        """Send one message after the other while the channel takes them; ``False`` when it is to be left alone."""
        while self._has_time():
            found = await self._next()
            if found is None:
                return True
            if self.channel.paced:
                await self.pacer.wait(self.outbox, self.channel.name)
            if not await self._attempt(found):
                return False
        return False

    async def _next(self) -> _Next | None:
        """Choose between what was never told and what is to be tried again: whichever has waited longer.

        So a message that fails again and again comes behind all that was there before its last attempt.
        """
        untold = await self.outbox.untold(self.channel.name, self.limits.claim)
        again = await self.outbox.again(self.channel.name)
        groups = group(untold)
        if not groups:
            return None if again is None else _Next(id=again.id, alerts=again.alerts)
        first = groups[0]
        since = min(alert.since for alert in untold if alert.id in first)
        if again is not None and again.since <= since:
            return _Next(id=again.id, alerts=again.alerts)
        return _Next(id=id_of(first), alerts=first)

    async def _attempt(self, found: _Next) -> bool:
        """Send the message; ``False`` when the channel is to be left alone, or another notifier has it by now."""
        held = Deadline.after(self.limits.hold - self.limits.reserve, clock=self.deadline.clock)
        rows = await self.outbox.attempt(self.channel.name, found.alerts, found.id, self.limits.hold)
        if not rows or held.passed:
            return False
        try:
            message = _compose(rows, known_as=found.id, web=self.web)
            receipt = await self.channel.publisher.publish(message)
        except RefusedError as error:
            return await self._refused(rows, error)
        except TransientError as error:
            return await self._put_off(rows, error)
        except BaseException:
            # Cancelled while it was sent: it may have arrived, and is repeated at once by whoever comes next
            await asyncio.shield(self.outbox.put_off(self.channel.name, found.alerts, 0.0))
            raise
        await self.outbox.mark_sent(self.channel.name, found.alerts, receipt)
        self._in_a_row = 0
        self.counts.sent += len(rows)
        self.counts.messages += 1
        _log.info(
            "alerts_sent",
            channel=self.channel.name,
            message=message.id,
            receipt=receipt,
            crawl=message.crawl,
            alerts=len(rows),
        )
        return True

    async def _refused(self, rows: Sequence[AlertRow], error: RefusedError) -> bool:
        """Find the alert that can't be sent by halving, so that its neighbours in the message still go out."""
        self._in_a_row = 0
        if len(rows) > 1:
            parts = [[row.id for row in part] for part in halves(rows)]
            await self.outbox.split(self.channel.name, {id_of(part): part for part in parts})
            return True
        row = rows[0]
        _log.error("alert_refused", channel=self.channel.name, alert=row.id, crawl=row.crawl, reason=str(error))
        try:
            await self.operations.report(subject="Trapline: an alert was refused", text=_report(row, error))
        except RefusedError as second:
            _log.error("report_refused", alert=row.id, reason=str(second))
        except TransientError as second:
            return await self._put_off(rows, second)
        await self.outbox.refuse(self.channel.name, [row.id], str(error))
        self.counts.refused += 1
        return True

    async def _put_off(self, rows: Sequence[AlertRow], error: TransientError) -> bool:
        self._in_a_row += 1
        self.failed.append(error)
        delay = self._back_off(max(row.attempts for row in rows))
        if error.again_after is not None:
            delay = min(max(error.again_after, 1.0), _LONGEST_WISH)
        pause = 0.0 if self._in_a_row < GIVE_UP_AFTER else self._back_off(self._in_a_row - GIVE_UP_AFTER + 1)
        _log.warning(
            "alerts_released",
            channel=self.channel.name,
            count=len(rows),
            crawl=rows[0].crawl,
            seconds=delay,
            pause=pause,
            reason=str(error),
        )
        await self.outbox.put_off(self.channel.name, [row.id for row in rows], delay)
        await self.outbox.back_off(self.channel.name, str(error), pause)
        self.counts.released += len(rows)
        return pause <= 0

    def _back_off(self, times: int) -> float:
        return min(self.limits.latest, self.limits.soonest * 2.0 ** min(times - 1, 10))

    def _has_time(self) -> bool:
        return not self.deadline.earlier(self.limits.reserve).passed


def _compose(rows: Sequence[AlertRow], *, known_as: str, web: WebView) -> AlertMessage:
    try:
        return compose(rows, known_as=known_as, web=web)
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
