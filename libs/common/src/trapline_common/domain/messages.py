"""The messages that services exchange. Each carries ``v``; a consumer accepts its own version and the one before."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.storable_text import first_fault, text_fault

VERSION: Literal[1] = 1
"""The version that this release sends; it accepts this one and the one before."""
MAX_HOP = 10
"""Nudges stop here: Lambda ends chains of functions that invoke each other after about 16 hops."""

RunNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""Postgres' ``bigint``: a larger one can't be the number of any run."""
Hop = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""Postgres' ``int``, though no sender goes beyond ``MAX_HOP``."""
Name = Annotated[str, Field(max_length=63)]
"""Of a crawl or a lane; ``crawls.yaml`` allows no longer one."""

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""Bounds of a schedule's time: beyond them Postgres holds what Python can't read back in every time zone."""


def _in_range(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise ValueError(f"a time from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d} is expected")
    return at


_ON_FIRST_USE = ConfigDict(defer_build=True)
"""pydantic builds a model when it is first used: each process reads one or two kinds of message, and pays at its start
for no others."""

TickTime = Annotated[AwareDatetime, AfterValidator(_in_range)]
"""The time of a tick, with its zone."""


class Message(BaseModel):
    """Unknown keys are ignored: a newer sender may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    v: Literal[0, 1] = VERSION
    """The version of the message; the sender sets it."""

    def event(self) -> dict[str, Any]:
        """Return the JSON object that goes over the wire."""
        return self.model_dump(mode="json")


class Tick(Message):
    """A schedule fired."""

    type: Literal["tick"] = "tick"
    """Which message this is."""
    crawl: Name
    """The crawl whose schedule fired, by its name in ``crawls.yaml``."""
    scheduled_for: TickTime
    """When it was to fire, with its zone; the scheduler sets it. A tick delivered twice opens one run by it."""


class OpenRun(Message):
    """Open a run now, by hand."""

    type: Literal["open"] = "open"
    """Which message this is."""
    crawl: Name
    """The crawl, by its name in ``crawls.yaml``."""
    request: UUID
    """Made by the sender, once for what a person asked: the same request again opens no second run."""
    retry_of: RunNumber | None = None
    """Take only the failed tasks of this run, under its frozen config; ``None``: all the crawl's pages."""


class Enqueue(Message):
    """Add tasks to an open run; unique by (run, URL)."""

    type: Literal["enqueue"] = "enqueue"
    """Which message this is."""
    run_id: RunNumber
    """The open run."""
    urls: tuple[str, ...] = Field(min_length=1, max_length=10_000)
    """The pages, in the order in which they are to be visited."""


class Count(Message):
    """Count a lane again: tasks remain that its running invocations will not take."""

    type: Literal["count"] = "count"
    """Which message this is."""
    lane: Name | None = None
    """The lane, by its name; ``None``: every lane that has work."""
    hop: Hop = 0
    """How many nudges led here, one from the other; the sender adds one. ``MAX_HOP`` ends the chain."""


class Reap(Message):
    """The every-minute tick: rescue, resume, re-invoke, end runs, count every lane, sweep alerts."""

    type: Literal["reap"] = "reap"
    """Which message this is."""


class Crawl(Message):
    """One asynchronous call of the crawler."""

    type: Literal["crawl"] = "crawl"
    """Which message this is."""
    invocation_id: UUID
    """The invocation's row in the ledger; the dispatcher sets it."""
    lane: Name
    """The invocation's lane, by its name."""
    hop: Hop = 0
    """The hop of the count that asked for the invocation."""


class Drain(Message):
    """Drain the alert outbox now."""

    type: Literal["drain"] = "drain"
    """Which message this is."""


class ListChannels(Message):
    """Say which chat channels there are."""

    type: Literal["channels"] = "channels"
    """Which message this is."""


class Deliver(Message):
    """Hand one alert message to one chat channel, and answer when the channel has it."""

    type: Literal["deliver"] = "deliver"
    """Which message this is."""
    channel: str
    """The channel, by its name in the channels file."""
    id: Annotated[str, Field(min_length=1)]
    """The alert message's id, which a repeat keeps."""
    subject: Annotated[str, Field(min_length=1)]
    """The alert message's subject."""
    text: Annotated[str, Field(min_length=1)]
    """The alert message as short Markdown."""


DispatcherMessage = Annotated[Tick | OpenRun | Enqueue | Count | Reap, Field(discriminator="type")]

_DISPATCHER: TypeAdapter[Tick | OpenRun | Enqueue | Count | Reap] = TypeAdapter(DispatcherMessage, config=_ON_FIRST_USE)
M = TypeVar("M")

_CRAWL = TypeAdapter(Crawl)
_DRAIN = TypeAdapter(Drain)
_RELAY: TypeAdapter[ListChannels | Deliver] = TypeAdapter(
    Annotated[ListChannels | Deliver, Field(discriminator="type")], config=_ON_FIRST_USE
)


def _parse(adapter: TypeAdapter[M], event: object) -> M:
    fault = first_fault(event)
    if fault is not None:
        kind = event.get("type") if adapter is _DISPATCHER and isinstance(event, Mapping) else None
        raise MessageRefusedError(f"{kind}.{fault}" if isinstance(kind, str) and text_fault(kind) is None else fault)
    try:
        return adapter.validate_python(dict(event) if isinstance(event, Mapping) else event)
    except ValidationError as error:
        raise MessageRefusedError(first_problem(error)) from error


def first_problem(error: ValidationError, *, whole: str = "message") -> str:
    """Return the first field that is wrong, and why; ``whole`` names what the field is in, where it is all of it."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or whole
    return f"{where}: {first['msg']}"


def parse_dispatcher(event: object) -> Tick | OpenRun | Enqueue | Count | Reap:
    """Read an event of the dispatcher. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_DISPATCHER, event)


def parse_crawl(event: object) -> Crawl:
    """Read an event of the crawler. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_CRAWL, event)


def parse_drain(event: object) -> Drain:
    """Read an event of the notifier. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_DRAIN, event)


def parse_relay(event: object) -> ListChannels | Deliver:
    """Read a question of the notifier to the relay. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_RELAY, event)
