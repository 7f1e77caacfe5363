"""Reported failures: an invocation that Lambda, or an execution, gave up on ends ``failed``, and its tasks go back.

Lambda reports asynchronous Invokes through the crawler's failure queue, the wave machine its own calls by ``Lost``.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trapline_common.domain.answers import FailuresRecorded
from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.ids import InvocationId, LaneName
from trapline_common.domain.messages import Lost, parse_crawl
from trapline_common.ledger import invocations, rescue, runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.separate_jobs import SeparateJobs
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.maintenance.notifier_nudge import nudge_notifier
from trapline_dispatcher.orchestration.count_lanes import count_each
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")

LONGEST_DETAIL = 1000
"""Characters of an error's message that are kept."""

NOT_THE_FUNCTIONS_OWN = ("Lambda.", "SQS.", "States.")
"""How names of errors begin that leave open whether the function has ended: a call that was cut off, or timed out.
Names of the function's own end, ``Runtime.ExitError`` for example or an exception's class, begin in other ways."""

_LOOK_AGAIN = 1.0
"""Seconds between two looks for a sign of life."""

_REQUEST_ID = re.compile(r"RequestId: ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


class _Context(BaseModel):
    """How Lambda delivered the event."""

    model_config = ConfigDict(extra="ignore")

    request_id: str = Field(default="", alias="requestId")
    """Lambda's id of the last delivery. MiniStack's records have none; then only an invocation that is not yet
    ``ready`` is failed."""
    condition: str
    """Why Lambda gave up: ``RetriesExhausted`` or ``EventAgeExceeded``."""


class _Record(BaseModel):
    """Lambda's record for an asynchronous invocation's on-failure destination ("Lambda asynchronous invocation")."""

    model_config = ConfigDict(extra="ignore")

    context: _Context = Field(alias="requestContext")
    """How the event was delivered."""
    payload: dict[str, Any] = Field(alias="requestPayload")
    """The event itself: our ``Crawl`` message."""
    response: Any = Field(default=None, alias="responsePayload")
    """The function's answer; for an error an object with ``errorMessage``. ``None`` when the function never ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """One delivery, as its record describes it."""

    invocation_id: InvocationId
    """The invocation that the event named."""
    request_id: str | None
    """Lambda's id of the delivery; ``None`` where the record has none."""
    delivery: str | None = None
    """The child execution that called; ``None`` where none did, or where the function may run on."""
    reason: str
    """Lambda's condition, such as ``RetriesExhausted``, or the name of the error that the execution met."""
    detail: str | None
    """The function's own error message, if it left one."""


async def take_records(
    services: Services, database: Database, records: Sequence[Mapping[str, Any]]
) -> FailuresRecorded:
    """Fail the invocations that the queue's records are about, rescue their tasks, and count their lanes again.

    A malformed record is dropped with its reason: raising would only bring it back. One that raises stops no other; the
    batch is raised when the rest is done, and a record that was taken changes nothing when it comes again. Raises
    ``TransientError`` and ``JobsFailedError``.
    """
    read = list[FailureRecord]()
    for record in records:
        try:
            read.append(read_record(record))
        except MessageRefusedError as error:
            _log.error("failure_record_dropped", reason=str(error)[:LONGEST_DETAIL])
    return await _take_all(services, database, read)


async def take_lost(services: Services, database: Database, lost: Lost) -> FailuresRecorded:
    """Do the same for an invocation that a child execution reports. Raises as ``take_records`` does."""
    return await _take_all(services, database, [read_lost(lost)])


async def _take_all(services: Services, database: Database, reported: Sequence[FailureRecord]) -> FailuresRecorded:
    failed, touched = 0, set[LaneName]()
    async with SeparateJobs(database, connect=services.connect) as jobs:
        for found in reported:
            job = f"failure record of invocation {found.invocation_id}"
            taken = await jobs.run(job, partial(_take, services, found), instead=_Taken(failed=False, lane=None))
            failed += taken.failed
            if taken.lane is not None:
                touched.add(taken.lane)
        ended = await runs.end_all_done(jobs)
        await count_each(services, jobs, sorted(touched))
        await jobs.run("sweep alerts", partial(nudge_notifier, services), instead=None)
        jobs.tell()
    return FailuresRecorded(failed=failed, ended=ended)


class _Taken(NamedTuple):
    """What one record did."""

    failed: bool
    """Whether it failed its invocation."""
    lane: LaneName | None
    """The invocation's lane; ``None``: there is no such invocation."""


async def _take(services: Services, found: FailureRecord, database: Database) -> _Taken:
    """Fail the invocation that one record is about, once that is silent, and rescue its tasks."""
    if await _is_alive(services, found, database):
        _log.info("failure_of_a_duplicate", invocation_id=str(found.invocation_id), reason=found.reason)
    failed = await rescue.fail_reported(
        database,
        found.invocation_id,
        request_id=found.request_id,
        delivery=found.delivery,
        reason=found.reason,
        detail=found.detail,
        silent_for=services.timeouts.believed_after,
        location=services.location,
    )
    if failed:
        _log.error(
            "invocation_failed", invocation_id=str(found.invocation_id), reason=found.reason, detail=found.detail
        )
    return _Taken(failed=failed, lane=await invocations.lane_of(database, found.invocation_id))


async def _is_alive(services: Services, found: FailureRecord, database: Database) -> bool:
    """Wait for the next heartbeat of the invocation, as long as one may be on its way; tell whether it came."""
    first = last = await _last_sign(services, found, database)
    while first is not None and last is not None and last.at == first.at and last.lasts > 0:
        await asyncio.sleep(min(last.lasts, _LOOK_AGAIN))
        last = await _last_sign(services, found, database)
    return first is not None and last is not None and last.at != first.at


async def _last_sign(services: Services, found: FailureRecord, database: Database) -> rescue.LastSign | None:
    return await rescue.last_sign(
        database,
        found.invocation_id,
        request_id=found.request_id,
        delivery=found.delivery,
        silent_for=services.timeouts.believed_after,
    )


def read_record(record: Mapping[str, Any]) -> FailureRecord:
    """Read one SQS record. Raises ``MessageRefusedError`` for a malformed one."""
    try:
        parsed = _Record.model_validate(json.loads(record["body"]))
    except (ValidationError, ValueError, TypeError, KeyError, RecursionError) as error:  # the last: nested too deep
        raise MessageRefusedError(f"not a failure record: {error}") from error
    response = parsed.response if isinstance(parsed.response, Mapping) else {}
    error_text = str(response.get("errorMessage") or "").strip()
    return FailureRecord(
        invocation_id=InvocationId(parse_crawl(parsed.payload).invocation_id),
        request_id=parsed.context.request_id or None,
        reason=parsed.context.condition[:LONGEST_DETAIL],
        detail=error_text[:LONGEST_DETAIL] or None,
    )


def read_lost(lost: Lost) -> FailureRecord:
    """Read what an execution reports of one call.

    Only an error that is the function's own end names the delivery: then the invocation that it had made ``ready``
    fails once it is silent, and else after its heartbeats' time to live. Of the cause the function's error message is
    kept alone, for the rest may hold a page's URL.
    """
    ended = bool(lost.error) and not lost.error.startswith(NOT_THE_FUNCTIONS_OWN)
    found = _REQUEST_ID.search(lost.cause) if ended else None
    return FailureRecord(
        invocation_id=InvocationId(lost.invocation_id),
        request_id=None if found is None else found[1],
        delivery=lost.delivery if ended else None,
        reason=lost.error[:LONGEST_DETAIL] or "lost",
        detail=_message(lost.cause)[:LONGEST_DETAIL] or None,
    )


def _message(cause: str) -> str:
    try:
        parsed = json.loads(cause)
    except (ValueError, RecursionError):
        return cause.strip()
    message = parsed.get("errorMessage") if isinstance(parsed, Mapping) else None
    return str(message or "").strip()
