"""The ports that send. The outbox's port is in ``trapline_common.domain.ports``, since the ledger implements it."""

from dataclasses import dataclass
from typing import Protocol

from trapline_notifier.message import AlertMessage


class Publisher(Protocol):
    """Sends one message to one channel."""

    async def publish(self, message: AlertMessage) -> str:
        """Send it, and return the receiving side's id for it.

        Raises ``RefusedError`` when its content will never be taken, ``TransientError`` when it may work later; then
        it may have arrived all the same.
        """
        ...


class Operations(Protocol):
    """Reports to those who run Trapline the alerts that its users will not get."""

    async def report(self, *, subject: str, text: str) -> None:
        """Send the report. Raises as ``Publisher.publish``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One place that alerts go to; the ledger keeps deliveries and a back-off for each."""

    name: str
    """As ``alert.to`` and the ledger call it."""
    publisher: Publisher
    """Sends to it."""
    everything: bool = False
    """Whether it takes every alert, whatever its ``to`` says."""
    paced: bool = True
    """Whether it takes one message a second at most."""
