"""Draining the outbox: make the deliveries of what is due, and serve each channel. Guarantee 5 rests on it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ports import Outbox
from trapline_common.domain.web_view import WebView
from trapline_common.platform.lambda_runtime import Deadline
from trapline_common.platform.logging import get_logger
from trapline_notifier.channel_drain import ChannelDrain, DrainCounts, DrainLimits
from trapline_notifier.message import NOWHERE
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Channel, Operations

_log = get_logger("notifier")


@dataclass(slots=True, kw_only=True)
class OutboxDrain:
    """One drain. The parts come from ``wiring``; ``run`` is called once."""

    outbox: Outbox
    """The alerts, on a connection of this drain's own."""
    channels: Sequence[Channel]
    """Where alerts go now. What waits for any other channel is dropped."""
    operations: Operations
    """Takes reports about alerts that a channel will never take."""
    pacer: Pacer
    """Keeps the pace between two messages of a channel."""
    deadline: Deadline
    """The end of this invocation."""
    closed: bool = False
    """Whether there are no other channels than these, so that an ``alert.to`` that names none of them is a mistake."""
    web: WebView = NOWHERE
    """Where messages link to."""
    limits: DrainLimits = field(default_factory=DrainLimits)
    """The bounds of this drain."""
    result: DrainCounts = field(default_factory=DrainCounts)
    """The drain's counts so far."""

    async def run(self) -> DrainCounts:
        """Send until nothing is due or the deadline nears, to all channels side by side.

        A channel that is slow, away, or served by another notifier keeps no other waiting. A message whose content a
        channel refuses is reported to operations and blocks nothing. Raises ``TransientError`` at the end when
        something could not be sent for now: the ledger says when it is tried again, and the platform retries the event.
        """
        if self.deadline.earlier(self.limits.reserve).passed:
            return self.result
        nowhere = await self.outbox.spread(
            [channel.name for channel in self.channels],
            everything=[channel.name for channel in self.channels if channel.everything],
            closed=self.closed and not all(channel.everything for channel in self.channels),
            hold_seconds=self.limits.hold,
        )
        for alert in nowhere:
            self.result.refused += 1
            await self._report_nowhere(alert)
        drains = [self._of(channel) for channel in self.channels]
        ends = await asyncio.gather(*(drain.run() for drain in drains), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        failed = [(drain.channel.name, error) for drain in drains for error in drain.failed]
        if failed:
            name, first = failed[0]
            count = len(failed)
            put_off = TransientError(f"{count} message(s) could not be sent for now; the first, to {name}: {first}")
            put_off.again_after = first.again_after
            raise put_off from first
        return self.result

    def _of(self, channel: Channel) -> ChannelDrain:
        return ChannelDrain(
            channel=channel,
            outbox=self.outbox,
            operations=self.operations,
            pacer=self.pacer,
            deadline=self.deadline,
            limits=self.limits,
            web=self.web,
            counts=self.result,
        )

    async def _report_nowhere(self, alert: int) -> None:
        text = f"Alert {alert}: its `alert.to` names no channel that there is. `trapline config` shows the names.\n"
        _log.error("alert_for_no_channel", alert=alert)
        try:
            await self.operations.report(subject="Trapline: an alert names no channel", text=text)
        except (RefusedError, TransientError) as error:
            _log.error("report_lost", alert=alert, reason=str(error))
