"""The ports: protocols for all that the services use from outside; the adapters are in ``aws`` and ``local``."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from trapline_common.domain.ids import AlertId, PageId, RunId
from trapline_common.domain.messages import Asleep, WaveItem
from trapline_common.domain.run_ended import RunEnded

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


class TickSchedule(Protocol):
    """The schedule of the minute's tick. Either call may be repeated; both raise ``TransientError``."""

    async def every_minute(self) -> None:
        """Let a ``Reap`` come each minute."""
        ...

    async def every_hour(self, asleep: Asleep) -> None:
        """Let a ``Reap`` come once an hour in place of that, with ``asleep``; one falls on its ``until``."""
        ...


class Waves(Protocol):
    """Executions of the wave machine, each of which calls the invocations of one count."""

    async def start(self, wave: UUID, items: Sequence[WaveItem]) -> None:
        """Start the execution named ``wave``, or find it started. ``items`` are of one lane; at least one.

        Raises ``TransientError`` when it may work later or the answer is unknown, ``RefusedError`` when there is no
        such machine (any more).
        """
        ...


class Waiters(Protocol):
    """Those who wait with a task token. That nobody waits any more is no error.

    Each call raises ``TransientError``, and ``RefusedError`` for what is no token.
    """

    async def answer(self, token: str, output: Mapping[str, Any], *, error: str | None = None) -> None:
        """Tell the end: success with ``output``; with ``error``, its name, a failure whose cause is ``output``."""
        ...

    async def heartbeat(self, token: str) -> None:
        """Tell that the work goes on."""
        ...


class Announcer(Protocol):
    """Tells whoever subscribed that runs ended."""

    async def run_ended(self, ended: Sequence[RunEnded]) -> None:
        """Tell of one to ten runs. Raises ``TransientError`` when one of them could not be told."""
        ...


class Nudger(Protocol):
    """Wakes another service early. A lost nudge costs a minute, never an alert or a task, so a nudger never raises."""

    async def nudge(self, service: str, message: Mapping[str, Any]) -> None:
        """Send ``message`` to ``dispatcher`` or ``notifier``; what goes wrong is logged."""
        ...


class SecretSource(Protocol):
    """Resolves ``${secret:NAME}`` at the visit."""

    async def resolve(self, name: str) -> str:
        """Return the secret's value. Raises ``KeyError`` when there is none by that name.

        ``SecretUnreadableError``, which is one: there is something by that name, and it can't be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertHead:
    """What decides in which message, and in which order, an alert is told."""

    id: AlertId
    """The alert's number in the ledger: with it a receiver drops repeats. Of one page, it grows with time."""
    kind: str
    """``failure``, ``change``, ``recovery``, ``summary`` and others; set in the transaction that caused it."""
    crawl: str
    """The crawl, by its name."""
    page_id: PageId | None = None
    """The page that it is about; ``None`` for one about a whole run, and for a test alert."""
    to: tuple[str, ...] = ()
    """Names of channels; empty means all of them. From the crawl's ``alert``."""
    since: float = 0.0
    """When it fell due in the channel, in seconds of the database's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRow(AlertHead):
    """One alert as the outbox hands it out to be sent."""

    run_id: RunId | None
    """The run that caused it; ``None`` for a test alert, or when the run is no longer kept."""
    payload: Mapping[str, Any]
    """The facts that the notifier makes texts of, as ``alerts/payloads.py`` defines them."""
    created_at: datetime
    """When its cause was committed, by the database's clock."""
    attempts: int = 1
    """How often a notifier tried to send it to the channel, this attempt counted; the outbox counts."""
    joined: bool = False
    """Whether it waited for the sum of its cause: an earlier message told the channel of that cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedMessage:
    """A message that was attempted and may have arrived: it is sent again as it was."""

    id: str
    """Its id, which a repeat keeps."""
    alerts: tuple[AlertId, ...]
    """The alerts that it tells."""
    since: float
    """When it fell due again, in seconds of the database's clock."""


class Outbox(Protocol):
    """The alerts whose cause has committed, and their deliveries. Each call is a transaction of its own.

    What concerns one channel is asked for by its holder: ``hold`` makes this outbox the holder.
    """

    async def channels(self) -> Sequence[str]:
        """Return the channels that notifiers served last, by name."""
        ...

    async def spread(
        self, channels: Sequence[str], *, everything: Sequence[str], closed: bool, hold_seconds: float
    ) -> Sequence[AlertId]:
        """Make the deliveries of every alert that has none, to ``channels``; what waits for other channels is dropped.

        Channels in ``everything`` take alerts whatever their ``to``. ``closed``: these are all there are. Then alerts
        whose ``to`` names none of them are a mistake, and their ids are returned.
        """
        ...

    async def hold(self, channel: str, hold_seconds: float) -> int | None:
        """Become the one that serves ``channel``, for ``hold_seconds``, unless another does or it is to be left alone.

        Return how many messages in a row it did not take for now; ``None``: it is not this outbox's.
        """
        ...

    async def let_go(self, channel: str) -> None:
        """Let another notifier serve the channel."""
        ...

    async def untold(self, channel: str, limit: int) -> Sequence[AlertHead]:
        """Return up to ``limit`` alerts that were never attempted there, oldest first.

        None of a thread (a page, or the runs of a crawl) of which an earlier alert was attempted and still waits.
        """
        ...

    async def again(self, channel: str) -> RepeatedMessage | None:
        """Return the message that has waited longest for another attempt, if one may be attempted by now."""
        ...

    async def attempt(
        self, channel: str, alerts: Sequence[AlertId], message_id: str, hold_seconds: float
    ) -> Sequence[AlertRow]:
        """Note that these alerts are about to be told by that message, and return them; none for a former holder.

        From then on the message may have arrived. When nothing more is heard of it, it is due again after
        ``hold_seconds``; for as long the channel stays this holder's.
        """
        ...

    async def split(self, channel: str, parts: Mapping[str, Sequence[AlertId]]) -> None:
        """Make smaller messages of one that was refused for its content, by their ids."""
        ...

    async def mark_sent(self, channel: str, alerts: Sequence[AlertId], receipt: str) -> None:
        """Record that the channel took the alerts, in the message that it calls ``receipt``; its back-off is over."""
        ...

    async def refuse(self, channel: str, alerts: Sequence[AlertId], reason: str) -> None:
        """Record that the channel will never take these alerts as they are."""
        ...

    async def put_off(self, channel: str, alerts: Sequence[AlertId], delay: float) -> None:
        """Have the message that tells these alerts attempted again after ``delay`` seconds."""
        ...

    async def back_off(self, channel: str, reason: str, pause: float) -> None:
        """Record that the channel took a message not for now; no notifier tries it for ``pause`` seconds."""
        ...

    async def turn(self, channel: str, interval: float, burst: int) -> float:
        """Take the channel's next turn to publish; return the seconds until it.

        ``burst`` turns may be taken at once; each is given back after ``interval`` seconds.
        """
        ...
