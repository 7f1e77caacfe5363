"""The chat channels on AWS: the notifier asks the relay's function, which has their addresses, and waits."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from trapline_common.domain.answers import ChannelNames, Relayed, read_answer
from trapline_common.domain.errors import MessageRefusedError, TransientError, UnreadableAnswerError
from trapline_common.domain.messages import Deliver, ListChannels
from trapline_notifier.message import AlertMessage

WITHIN = 25.0
"""Seconds for one answer: a cold start of the relay, its secrets, and a channel's own 15 s."""

Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Sends one message to the relay and returns the body of its answer. Raises ``TransientError``."""


async def relayed_channels(ask: Ask) -> tuple[str, ...]:
    """Return the names of the relay's channels.

    Raises ``TransientError`` when the relay can't be asked, or is of a release that does not know the question.
    """
    try:
        return read_answer(ChannelNames, await ask(ListChannels().event())).channels
    except (MessageRefusedError, UnreadableAnswerError) as error:
        raise TransientError(f"relay: {error}") from error


class RelayedPublisher:
    """A ``Publisher`` to one of the relay's channels."""

    __slots__ = ("_ask", "_channel")

    def __init__(self, ask: Ask, channel: str) -> None:
        self._ask = ask
        self._channel = channel

    async def publish(self, message: AlertMessage) -> str:
        """Have the relay send it; the receipt is the message's own id. Raises ``TransientError`` unless it says so."""
        asked = Deliver(
            channel=self._channel,
            id=message.id,
            subject=message.subject,
            text=message.chat,
            long_text=message.long_chat,
            mail=message.email,
        )
        try:
            answer = read_answer(Relayed, await self._ask(asked.event()))
        except (MessageRefusedError, UnreadableAnswerError) as error:
            raise TransientError(f"relay: {error}") from error
        if answer.delivered != 1:
            refused = TransientError(
                answer.reason or "relay: of a release that delivers only what comes through the topic"
            )
            refused.again_after = answer.again_after
            raise refused
        return message.id
