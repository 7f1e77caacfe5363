"""The messages services exchange. Each carries ``v``; a consumer accepts its own version and the one before."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from trapline_common.domain.errors import MessageRefusedError

VERSION: Literal[1] = 1
"""What this release sends; it accepts this one and the one before."""
MAX_HOP = 10
"""Nudges stop here: Lambda ends chains of functions that invoke each other after about 16 hops."""

RunNumber = Annotated[int, Field(ge=1, le=2**63 - 1)]
"""Postgres' ``bigint``: a larger one can't be the number of any run."""
Hop = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""Postgres' ``int``, though no sender goes beyond ``MAX_HOP``."""


class Message(BaseModel):
    """Unknown keys are ignored: a newer sender may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[0, 1] = VERSION

    def event(self) -> dict[str, Any]:
        """Return the JSON object that goes over the wire."""
        return self.model_dump(mode="json")


class Tick(Message):
    """A schedule fired. ``scheduled_for`` (with its zone) is what makes a tick delivered twice open one run."""

    type: Literal["tick"] = "tick"
    crawl: str
    scheduled_for: AwareDatetime


class OpenRun(Message):
    """Open a run now, by hand. ``request`` makes it idempotent. ``retry_of``: only that run's failed tasks."""

    type: Literal["open"] = "open"
    crawl: str
    request: UUID
    retry_of: RunNumber | None = None


class Enqueue(Message):
    """Add tasks to an open run; unique by (run, URL)."""

    type: Literal["enqueue"] = "enqueue"
    run_id: RunNumber
    urls: tuple[str, ...] = Field(min_length=1, max_length=10_000)


class Count(Message):
    """Count a lane again: tasks remain that its running invocations will not take. ``lane`` None means every lane."""

    type: Literal["count"] = "count"
    lane: str | None = None
    hop: Hop = 0


class Reap(Message):
    """The every-minute tick: rescue, resume, re-invoke, end runs, count every lane, sweep alerts."""

    type: Literal["reap"] = "reap"


class Crawl(Message):
    """One asynchronous call of the crawler."""

    type: Literal["crawl"] = "crawl"
    invocation_id: UUID
    lane: str
    hop: Hop = 0


class Drain(Message):
    """Drain the alert outbox now."""

    type: Literal["drain"] = "drain"


DispatcherMessage = Annotated[Tick | OpenRun | Enqueue | Count | Reap, Field(discriminator="type")]

_DISPATCHER: TypeAdapter[Tick | OpenRun | Enqueue | Count | Reap] = TypeAdapter(DispatcherMessage)
M = TypeVar("M")

_CRAWL = TypeAdapter(Crawl)
_DRAIN = TypeAdapter(Drain)


def _parse(adapter: TypeAdapter[M], event: object) -> M:
    try:
        return adapter.validate_python(dict(event) if isinstance(event, Mapping) else event)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise MessageRefusedError(f"{where}: {first['msg']}") from error


def parse_dispatcher(event: object) -> Tick | OpenRun | Enqueue | Count | Reap:
    """Read an event of the dispatcher. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_DISPATCHER, event)


def parse_crawl(event: object) -> Crawl:
    """Read an event of the crawler. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_CRAWL, event)


def parse_drain(event: object) -> Drain:
    """Read an event of the notifier. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_DRAIN, event)
