"""The crawler's failure queue: what Lambda gave up on ends ``failed``, and what it held goes back at once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.messages import Drain, parse_crawl
from trapline_common.ledger import invocations, outbox, rescue
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.maintenance.reap import end_runs
from trapline_dispatcher.orchestration.self_invoking import count_and_ask
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")


class _Context(BaseModel):
    model_config = ConfigDict(extra="ignore")

    # MiniStack's records have none; then only an invocation that has not said `ready` is failed
    request_id: str = Field(default="", alias="requestId")
    condition: str


class _Record(BaseModel):
    """Lambda's record for an asynchronous invocation's on-failure destination."""

    model_config = ConfigDict(extra="ignore")

    context: _Context = Field(alias="requestContext")
    payload: dict[str, Any] = Field(alias="requestPayload")
    response: Any = Field(default=None, alias="responsePayload")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureRecord:
    """What a record says of one delivery."""

    invocation_id: InvocationId
    """The invocation that the event named."""
    request_id: str
    """Lambda's id of the delivery; empty where the record has none."""
    reason: str
    """Lambda's condition, such as ``RetriesExhausted``."""
    detail: str | None
    """The function's own error message, if it left one."""


async def take_records(services: Services, database: Database, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Fail the invocations that the queue's records are about, rescue their tasks, and count their lanes again.

    A malformed record is dropped with its reason: raising would only bring it back. Raises ``TransientError``.
    """
    failed, touched = 0, set()
    for record in records:
        try:
            found = read_record(record)
        except MessageRefusedError as error:
            _log.error("failure_record_dropped", reason=str(error))
            continue
        if await rescue.fail_reported(
            database,
            found.invocation_id,
            request_id=found.request_id,
            reason=found.reason,
            detail=found.detail,
            place=services.place,
        ):
            failed += 1
            _log.error(
                "invocation_failed",
                invocation_id=str(found.invocation_id),
                reason=found.reason,
                detail=found.detail,
            )
        lane = await invocations.lane_of(database, found.invocation_id)
        if lane is not None:
            touched.add(lane)
    ended = await end_runs(database)
    for lane in sorted(touched):
        await count_and_ask(services, database, lane)
    if await outbox.any_due(database):
        await services.nudger.nudge("notifier", Drain().event())
    return {"failed": failed, "ended": ended}


def read_record(record: Mapping[str, Any]) -> FailureRecord:
    """Read one SQS record. Raises ``MessageRefusedError`` for a malformed one."""
    try:
        parsed = _Record.model_validate(json.loads(record["body"]))
    except (ValidationError, ValueError, TypeError, KeyError) as error:
        raise MessageRefusedError(f"not a failure record: {error}") from error
    response = parsed.response if isinstance(parsed.response, Mapping) else {}
    said = str(response.get("errorMessage") or "").strip()
    return FailureRecord(
        invocation_id=InvocationId(parse_crawl(parsed.payload).invocation_id),
        request_id=parsed.context.request_id,
        reason=parsed.context.condition[:1000],
        detail=said[:1000] or None,
    )
