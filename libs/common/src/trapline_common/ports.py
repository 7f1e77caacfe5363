"""What the services need from outside, as protocols. Adapters live in ``aws`` (AWS) and ``local`` (one machine)."""

from collections.abc import Mapping
from typing import Any, Protocol


class ArtifactStore(Protocol):
    """Screenshots, HTML and long texts under content-addressed keys: the same bytes always have the same key."""

    async def put(self, data: bytes, *, suffix: str) -> str:
        """Store ``data`` and return its key (``<sha256 prefix>/<sha256><suffix>``). Writing twice is harmless.

        Raises ``TransientError`` when the store can't be reached.
        """
        ...

    async def get(self, key: str) -> bytes:
        """Return what was stored under ``key``. Raises ``KeyError`` when there is nothing."""
        ...

    def place(self, key: str) -> str:
        """Return where a person finds it: a path or a URL."""
        ...


class Invoker(Protocol):
    """Asynchronous calls of the crawler (``InvocationType="Event"``)."""

    async def invoke(self, message: Mapping[str, Any]) -> None:
        """Hand the event over; returns once it was accepted (202).

        Raises ``TransientError`` when it may work later or the answer is unknown, ``RefusedError`` when it never will.
        """
        ...


class Nudger(Protocol):
    """Wakes another service early. A lost nudge costs a minute, never an alert or a task, so it never raises."""

    async def nudge(self, service: str, message: Mapping[str, Any]) -> None:
        """Send ``message`` to ``dispatcher`` or ``notifier``; what goes wrong is logged."""
        ...


class SecretSource(Protocol):
    """Resolves ``${secret:NAME}`` at the visit."""

    async def resolve(self, name: str) -> str:
        """Return the secret's value. Raises ``KeyError`` when there is none by that name."""
        ...
