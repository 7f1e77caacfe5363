"""The messages that services exchange. Each carries ``v``; a consumer accepts its own version and the one before."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.storable_text import first_fault, text_fault
from trapline_common.domain.via import Via

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

TaskToken = Annotated[str, Field(min_length=1, max_length=2048)]
"""What Step Functions gives to whom it waits for; whoever answers sends it back. In no log: it is a right."""
Delivery = Annotated[str, Field(min_length=1, max_length=80)]
"""Name of an execution of Step Functions, which has no longer one."""

ActedBy = Annotated[str, Field(min_length=1, max_length=300)]
"""Who asked for something by hand, for people."""

UNNAMED = "an operator"
"""Who did something by hand, where they were not named."""

Execution = Annotated[str, Field(min_length=1, max_length=2048)]
"""ARN of an execution."""

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

    left_out: ClassVar[frozenset[str]] = frozenset()
    """Keys that are not sent where they have no value: the release before did not know them."""

    v: Literal[0, 1] = VERSION
    """The version of the message; the sender sets it."""

    def event(self) -> dict[str, Any]:
        """Return the JSON object that goes over the wire."""
        body = self.model_dump(mode="json")
        return {key: value for key, value in body.items() if value is not None or key not in self.left_out}


class Tick(Message):
    """A schedule fired."""

    left_out = frozenset({"task_token", "execution"})
    type: Literal["tick"] = "tick"
    """Which message this is."""
    crawl: Name
    """The crawl whose schedule fired, by its name in ``crawls.yaml``."""
    scheduled_for: TickTime
    """When it was to fire, with its zone; the scheduler sets it. A tick delivered twice opens one run by it."""
    task_token: TaskToken | None = Field(default=None, repr=False)
    """The sender waits with it for the run's end; ``None``: nobody waits."""
    execution: Execution | None = None
    """The ARN of the execution that waits, for people; ``None``: it does not say."""


class OpenRun(Message):
    """Open a run now, by hand."""

    left_out = frozenset({"task_token", "execution", "acted_by"})
    type: Literal["open"] = "open"
    """Which message this is."""
    crawl: Name
    """The crawl, by its name in ``crawls.yaml``."""
    request: UUID
    """Made by the sender, once for what a person asked: the same request again opens no second run."""
    retry_of: RunNumber | None = None
    """Take only the failed tasks of this run, under its frozen config; ``None``: all the crawl's pages."""
    task_token: TaskToken | None = Field(default=None, repr=False)
    """The sender waits with it for the run's end; ``None``: nobody waits."""
    execution: Execution | None = None
    """The ARN of the execution that waits, for people; ``None``: it does not say."""
    acted_by: ActedBy | None = None
    """Who asked; ``None``: the sender does not say."""


class VisitPage(Message):
    """Open a run of one page now, by hand. A message of its own: a dispatcher that does not know it opens nothing."""

    left_out = frozenset({"acted_by"})
    type: Literal["visit"] = "visit"
    """Which message this is."""
    page_id: RunNumber
    """The page, by its number in the ledger."""
    request: UUID
    """Made by the sender, once for what a person asked: the same request again opens no second run."""
    acted_by: ActedBy | None = None
    """Who asked; ``None``: the sender does not say."""


class Await(Message):
    """Let whoever has a task token know when a run ends that was opened before. Either ``run_id`` or ``request``."""

    left_out = frozenset({"run_id", "request", "execution"})
    type: Literal["await"] = "await"
    """Which message this is."""
    run_id: RunNumber | None = None
    """The run."""
    request: UUID | None = None
    """The request that opened it."""
    task_token: TaskToken = Field(repr=False)
    """With which the sender waits."""
    execution: Execution | None = None
    """The ARN of the execution that waits, for people; ``None``: it does not say."""

    @model_validator(mode="after")
    def _one_run(self) -> Self:
        if (self.run_id is None) == (self.request is None):
            raise ValueError("give either `run_id` or `request`")
        return self


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


class Asleep(BaseModel):
    """What a tick that sleeps looks at once an hour, without the ledger."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    until: AwareDatetime
    """When it wakes up by itself: something is due then, or a day is over."""
    since: AwareDatetime
    """When a run succeeded last, or the ledger was made: what was due since then is compared with it."""
    crawls: Annotated[str, Field(max_length=64)] = ""
    """The digest of the crawls as it fell asleep; others wake it up."""


class Reap(Message):
    """The every-minute tick: rescue, resume, re-invoke, end runs, count every lane, sweep alerts."""

    left_out = frozenset({"asleep"})
    type: Literal["reap"] = "reap"
    """Which message this is."""
    asleep: Asleep | None = None
    """The tick sleeps, and this is its hourly look; ``None``: it is awake. A dispatcher of the release before reaps."""


class Crawl(Message):
    """One call of the crawler: by an asynchronous Invoke, or by an execution that waits for its end."""

    left_out = frozenset({"task_token", "delivery"})
    type: Literal["crawl"] = "crawl"
    """Which message this is."""
    invocation_id: UUID
    """The invocation's row in the ledger; the dispatcher sets it."""
    lane: Name
    """The invocation's lane, by its name."""
    hop: Hop = 0
    """The hop of the count that asked for the invocation."""
    task_token: TaskToken | None = Field(default=None, repr=False)
    """An execution waits with it for the invocation's end (``via`` queue); ``None``: none does."""
    delivery: Delivery | None = None
    """The name of the child execution that calls; ``None`` for an asynchronous Invoke. Who has one counts again, and
    the crawler does not."""


class Check(Message):
    """Say what works where the crawler runs; no task is touched."""

    type: Literal["check"] = "check"
    """Which message this is."""


class WaveItem(Crawl):
    """One line of the object that an execution of the wave machine reads: what a child calls the crawler with."""

    via: Via
    """``map`` or ``queue``: how the child hands it over."""
    wave: UUID
    """The execution's name."""


class Lost(Message):
    """A child execution could not call the crawler, or the call ended in an error."""

    type: Literal["lost"] = "lost"
    """Which message this is."""
    invocation_id: UUID
    """The invocation of the child's item."""
    error: str = ""
    """The error's name, as Step Functions has it: ``Lambda.TooManyRequestsException``, or of the function's own."""
    cause: str = ""
    """The error's cause; of the function's own error a JSON object with ``errorMessage``."""
    delivery: Delivery | None = None
    """The child execution's name."""


class WaveEnded(Message):
    """An execution of the wave machine was stopped, or failed, or timed out."""

    type: Literal["wave_ended"] = "wave_ended"
    """Which message this is."""
    wave: UUID
    """The execution's name."""
    status: Annotated[str, Field(max_length=40)] = ""
    """``ABORTED``, ``FAILED`` or ``TIMED_OUT``."""


class Next(Message):
    """A child execution whose crawler ended asks for another one, since tasks wait."""

    type: Literal["next"] = "next"
    """Which message this is."""
    lane: Name
    """The lane, by its name."""
    wave: UUID
    """The name of the child's parent execution."""
    delivery: Delivery
    """The child execution's name: asked again, it gets the same answer."""


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
    long_text: str = ""
    """The same, longer, for a channel that takes it; a notifier of the release before sends none."""
    mail: str = ""
    """The whole message as plain text, for mail; a notifier of the release before sends none."""


DispatcherMessage = Tick | OpenRun | VisitPage | Await | Enqueue | Count | Reap | Lost | WaveEnded | Next

_DISPATCHER: TypeAdapter[DispatcherMessage] = TypeAdapter(
    Annotated[DispatcherMessage, Field(discriminator="type")], config=_ON_FIRST_USE
)
M = TypeVar("M")

_CRAWL = TypeAdapter(Crawl)
_CHECK = TypeAdapter(Check)
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


def parse_dispatcher(event: object) -> DispatcherMessage:
    """Read an event of the dispatcher. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_DISPATCHER, event)


def parse_crawl(event: object) -> Crawl:
    """Read an event of the crawler. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_CRAWL, event)


def parse_crawler(event: object) -> Crawl | Check:
    """Read an event of the crawler function, as ``parse_crawl`` does; a durable function is never asked to check."""
    checks = isinstance(event, Mapping) and event.get("type") == "check"
    return _parse(_CHECK, event) if checks else _parse(_CRAWL, event)


def parse_drain(event: object) -> Drain:
    """Read an event of the notifier. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_DRAIN, event)


def parse_relay(event: object) -> ListChannels | Deliver:
    """Read a question of the notifier to the relay. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_RELAY, event)
