"""The ports that send. The outbox's port is in ``trapline_common.domain.ports``, since the ledger implements it."""

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
    """Reports to those who run Trapline the alerts that its users will not get."""

    async def report(self, *, subject: str, text: str) -> None:
        """Send the report. Raises as ``Publisher.publish``."""
        ...
