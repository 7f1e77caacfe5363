"""One channel of the channels file as a publisher, for one machine."""

from collections.abc import Awaitable, Callable

from trapline_common.domain.errors import TransientError
from trapline_notifier.message import AlertMessage
from trapline_notifier.publishers.channels import Channels

PAUSES = (0.5, 2.0)
"""Seconds before the second and the third attempt. `trapline crawl` may end before the ledger's own back-off does."""


class ChatPublisher:
    """A ``Publisher`` to the channel ``name``; what one channel can't take is none of another's business."""

    __slots__ = ("_channels", "_name", "_sleep")

    def __init__(self, channels: Channels, name: str, *, sleep: Callable[[float], Awaitable[None]]) -> None:
        self._channels = channels
        self._name = name
        self._sleep = sleep

    async def publish(self, message: AlertMessage) -> str:
        """Send it; the receipt is the message's own id. Raises ``TransientError`` when three attempts failed."""
        for pause in (0.0, *PAUSES):
            if pause:
                await self._sleep(pause)
            outcome = await self._channels.deliver((self._name,), subject=message.subject, text=message.chat)
            if not outcome.failed:
                return message.id
        raise TransientError(f"channel {self._name} did not take the message")
