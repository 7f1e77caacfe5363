"""One channel of the channels file as a publisher, for one machine."""

from collections.abc import Awaitable, Callable

from trapline_notifier.message import AlertMessage
from trapline_notifier.publishers.channels import Channels, Texts

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
        """Send it; the receipt is the message's own id.

        Raises ``TransientError`` when three attempts failed, or one after which the channel wants to be left alone.
        """
        texts = Texts(subject=message.subject, text=message.chat, long_text=message.long_chat, mail=message.email)
        for pause in (*PAUSES, None):
            outcome = await self._channels.deliver((self._name,), texts)
            if not outcome.failed:
                return message.id
            refused = outcome.refused_for_now(self._name)
            if pause is None or (refused.again_after or 0.0) > PAUSES[-1]:
                break
            await self._sleep(max(pause, refused.again_after or 0.0))
        raise refused
