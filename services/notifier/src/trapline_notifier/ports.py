"""What the notifier needs to send; the outbox's port is in ``trapline_common.domain.ports``, because the ledger implements it."""

from typing import Protocol

from trapline_notifier.message import AlertMessage


class Publisher(Protocol):
    """Sends one message."""

    async def publish(self, message: AlertMessage) -> str:
        """Send it, and return the receiving side's id for it.

        Raises ``RefusedError`` when its content will never be taken, ``TransientError`` when it may work later.
        """
        ...


class Operations(Protocol):
    """Tells those who run Trapline what its users will not get."""

    async def report(self, *, subject: str, text: str) -> None:
        """Send the report. Raises as ``Publisher.publish``."""
        ...
