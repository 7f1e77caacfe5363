"""The messages services exchange. Each carries ``v``; a consumer accepts its own version and the one before."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from trapline_common.errors import MessageRefusedError

VERSION: Literal[1] = 1
"""What this release sends; it accepts this one and the one before."""
MAX_HOP = 10
"""Nudges stop here: Lambda ends chains of functions that invoke each other after about 16 hops."""


class Message(BaseModel):
    """Unknown keys are ignored: a newer sender may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[0, 1] = VERSION

    def event(self) -> dict[str, Any]:
        """Return the JSON object that goes over the wire."""
        return self.model_dump(mode="json")


class Tick(Message):
    """A schedule fired. ``scheduled_for`` is what makes a tick delivered twice open one run."""

    type: Literal["tick"] = "tick"
    crawl: str
    scheduled_for: datetime


class OpenRun(Message):
    """Open a run now, by hand. ``request`` makes it idempotent. ``retry_of``: only that run's failed tasks."""

    type: Literal["open"] = "open"
    crawl: str
    request: UUID
    retry_of: int | None = None


class Enqueue(Message):
    """Add tasks to an open run; unique by (run, URL)."""

    type: Literal["enqueue"] = "enqueue"
    run_id: int
    urls: tuple[str, ...] = Field(min_length=1, max_length=10_000)


class Count(Message):
    """Count a lane again: tasks remain that its running invocations will not take. ``lane`` None means every lane."""

    type: Literal["count"] = "count"
    lane: str | None = None
    hop: int = Field(default=0, ge=0)


class Reap(Message):
    """The every-minute tick: rescue, resume, re-invoke, end runs, count every lane, sweep alerts."""

    type: Literal["reap"] = "reap"


class Crawl(Message):
    """One asynchronous call of the crawler."""

    type: Literal["crawl"] = "crawl"
    invocation_id: UUID
    lane: str
    hop: int = Field(default=0, ge=0)


class Drain(Message):
    """Drain the alert outbox now."""

    type: Literal["drain"] = "drain"


DispatcherMessage = Annotated[Tick | OpenRun | Enqueue | Count | Reap, Field(discriminator="type")]

_DISPATCHER: TypeAdapter[Tick | OpenRun | Enqueue | Count | Reap] = TypeAdapter(DispatcherMessage)
M = TypeVar("M")

_CRAWL = TypeAdapter(Crawl)
_DRAIN = TypeAdapter(Drain)


def _parse(adapter: TypeAdapter[M], event: Mapping[str, Any]) -> M:
    try:
        return adapter.validate_python(dict(event))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "message"
        raise MessageRefusedError(f"{where}: {first['msg']}") from error


def parse_dispatcher(event: Mapping[str, Any]) -> Tick | OpenRun | Enqueue | Count | Reap:
    """Read an event of the dispatcher. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_DISPATCHER, event)


def parse_crawl(event: Mapping[str, Any]) -> Crawl:
    """Read an event of the crawler. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_CRAWL, event)


def parse_drain(event: Mapping[str, Any]) -> Drain:
    """Read an event of the notifier. Raises ``MessageRefusedError`` with the field and the reason."""
    return _parse(_DRAIN, event)
