"""Several publishers as one, and the channels file's names as one publisher."""

from collections.abc import Awaitable, Callable, Sequence

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.platform.logging import get_logger
from trapline_notifier.message import AlertMessage
from trapline_notifier.ports import Publisher
from trapline_notifier.publishers.channels import Channels

PAUSES = (0.5, 2.0)
"""Seconds before the second and the third attempt at the channels that failed."""

_log = get_logger("notifier")


class ChannelsPublisher:
    """A ``Publisher`` over the channels that ``message.to`` names, for one machine.

    A failed channel is tried again here, alone. If it still fails while another took the message, the message counts as
    sent and the failure is logged: were it released, the good channels would repeat it for as long as the bad one
    lasts.
    """

    __slots__ = ("_channels", "_sleep")

    def __init__(self, channels: Channels, *, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._channels = channels
        self._sleep = sleep

    async def publish(self, message: AlertMessage) -> str:
        """Send it. Raises ``TransientError`` when no channel took it, ``RefusedError`` when ``to`` names no channel."""
        names = self._channels.chosen(message.to)
        if not names:
            raise RefusedError(f"`alert.to` names no channel of channels.yaml: {', '.join(message.to)}")
        done: frozenset[str] = frozenset()
        for pause in (0.0, *PAUSES):
            if pause:
                await self._sleep(pause)
            outcome = await self._channels.deliver(names, subject=message.subject, text=message.chat, done=done)
            done |= frozenset(outcome.delivered)
            if not outcome.failed:
                return message.id
        failed = ", ".join(outcome.failed)
        if not done:
            raise TransientError(f"no channel took the message; failed: {failed}")
        _log.error("channels_missed_alert", message=message.id, channels=list(outcome.failed))
        return message.id


class FanOut:
    """A ``Publisher`` that sends through several; one that fails keeps no other from sending."""

    __slots__ = ("_publishers",)

    def __init__(self, publishers: Sequence[Publisher]) -> None:
        if not publishers:
            raise ValueError("a message needs at least one publisher")
        self._publishers = tuple(publishers)

    async def publish(self, message: AlertMessage) -> str:
        """Send it through each. Raises at the end the first error, a transient one before a refusal."""
        receipts: list[str] = []
        transient: list[TransientError] = []
        refused: list[RefusedError] = []
        for publisher in self._publishers:
            try:
                receipts.append(await publisher.publish(message))
            except TransientError as error:
                transient.append(error)
            except RefusedError as error:
                refused.append(error)
        for failed in (*transient, *refused):
            raise failed
        return receipts[-1]
