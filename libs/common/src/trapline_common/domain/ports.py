"""The ports: protocols for all that the services use from outside; the adapters are in ``aws`` and ``local``."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from trapline_common.domain.ids import AlertId, RunId

ArtifactLocation = Callable[[str], str]
"""Returns where a person finds an artifact, by its key: a path or a URL (``ArtifactStore.location``)."""


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

    def location(self, key: str) -> str:
        """Return where a person finds it: a path or a URL."""
        ...


class Archive(Protocol):
    """Whole objects under keys of the caller's choice, for other tools to read."""

    async def write(self, key: str, parts: AsyncIterator[bytes]) -> None:
        """Store ``parts``, one after the other, under ``key``; nothing is there until all is. Again replaces it.

        Every part but the last is at least 5 MiB, and only one is held at a time. Raises ``TransientError``.
        """
        ...


class Invoker(Protocol):
    """Asynchronous calls of the crawler (``InvocationType="Event"``)."""

    async def invoke(self, message: Mapping[str, Any]) -> None:
        """Hand the event over; returns once it was accepted (202).

        Raises ``TransientError`` when it may work later or the answer is unknown, ``RefusedError`` when it never will.
        """
        ...


class Nudger(Protocol):
    """Wakes another service early. A lost nudge costs a minute, never an alert or a task, so a nudger never raises."""

    async def nudge(self, service: str, message: Mapping[str, Any]) -> None:
        """Send ``message`` to ``dispatcher`` or ``notifier``; what goes wrong is logged."""
        ...


class SecretSource(Protocol):
    """Resolves ``${secret:NAME}`` at the visit."""

    async def resolve(self, name: str) -> str:
        """Return the secret's value. Raises ``KeyError`` when there is none by that name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow:
    """One alert as the outbox hands it out."""

    id: AlertId
    """The alert's number in the ledger: with it a receiver drops repeats."""
    kind: str
    """``failure``, ``change``, ``recovery``, ``summary`` and others; set in the transaction that caused it."""
    crawl: str
    """The crawl, by its name."""
    run_id: RunId | None
    """The run that caused it; ``None`` for a test alert, or when the run is no longer kept."""
    payload: Mapping[str, Any]
    """The facts that the notifier makes texts of, as ``alerts/payloads.py`` defines them."""
    to: tuple[str, ...]
    """Names of channels; empty means all of them. From the crawl's ``alert``."""
    created_at: datetime
    """When its cause was committed, by the database's clock."""
    attempts: int = 1
    """How many claims it took so far, this one counted; the outbox counts."""


class Outbox(Protocol):
    """The alerts whose cause has committed. Each call is a transaction of its own."""

    async def claim(self, limit: int, hold_seconds: float) -> Sequence[AlertRow]:
        """Return up to ``limit`` due alerts, oldest first, and hide them from every other claim for ``hold_seconds``.

        An alert whose hold ran out is handed out again: that is what keeps it from being lost with its notifier.
        """
        ...

    async def mark_sent(self, ids: Sequence[AlertId], message_id: str) -> None:
        """Record that the alerts went out, in the message that the channel calls ``message_id``."""
        ...

    async def refuse(self, ids: Sequence[AlertId], reason: str) -> None:
        """Record that no channel will ever take these alerts as they are; they are not handed out again."""
        ...

    async def turn(self, interval: float) -> float:
        """Take the next turn to publish, ``interval`` seconds after the last; return the seconds until it comes."""
        ...

    async def release(self, ids: Sequence[AlertId], delay: float) -> None:
        """Hand the alerts out again once ``delay`` seconds have passed."""
        ...
