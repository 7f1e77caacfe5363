"""Step Functions and EventBridge: executions that call invocations, answers to task tokens, runs that ended."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import UUID

from botocore.exceptions import ClientError

from trapline_common.aws.calls import call
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.messages import WaveItem
from trapline_common.domain.run_ended import RunEnded

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

THERE = frozenset({"ExecutionAlreadyExists"})
GONE = frozenset({"InvalidArn", "StateMachineDoesNotExist", "StateMachineDeleting"})
"""Answers of StartExecution: the execution was started before; there is no machine to start one of."""
WRITTEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})
"""Answers of PutObject with ``If-None-Match``: the object is there, or another dispatcher writes it at the moment."""
NOBODY_WAITS = frozenset({"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"})
"""Answers of SendTask...: the state has ended, or was answered before."""

LONGEST_ERROR = 256
LONGEST_CAUSE = 32_768
"""Characters that SendTaskFailure takes."""


def _code(error: Exception) -> str:
    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, ClientError) else ""


class StepFunctionsWaves:
    """Keeps the ``Waves`` port: the items lie in S3, one line each, and the execution has the wave's name.

    Both calls are idempotent: an object is never written over, for the execution may be reading it, and a name is
    started once.
    """

    __slots__ = ("_bucket", "_machine", "_prefix", "_s3", "_states")

    def __init__(self, s3: "S3Client", states: "SFNClient", *, machine: str, url: str) -> None:
        where = urlsplit(url)
        self._s3 = s3
        self._states = states
        self._machine = machine
        self._bucket = where.netloc
        self._prefix = where.path.strip("/")

    async def start(self, wave: UUID, items: Sequence[WaveItem]) -> None:
        """Put the items, and start the execution. Raises ``TransientError`` and ``RefusedError`` as the port says."""
        key = f"{self._prefix}/{wave}.jsonl".lstrip("/")
        body = "".join(json.dumps(item.event()) + "\n" for item in items).encode()
        try:
            await call(lambda: self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*"))
        except TransientError as error:
            if _code(error) not in WRITTEN:
                raise
        given = json.dumps({"wave": str(wave), "lane": items[0].lane, "bucket": self._bucket, "key": key})
        try:
            await call(lambda: self._states.start_execution(stateMachineArn=self._machine, name=str(wave), input=given))
        except TransientError as error:
            if _code(error) in GONE:
                raise RefusedError(str(error)) from error
            if _code(error) not in THERE:
                raise


class StepFunctionsWaiters:
    """Keeps the ``Waiters`` port for task tokens of Step Functions."""

    __slots__ = ("_states",)

    def __init__(self, states: "SFNClient") -> None:
        self._states = states

    async def answer(self, token: str, output: Mapping[str, Any], *, error: str | None = None) -> None:
        """Answer, unless nobody waits any more. Raises ``TransientError``."""
        text = json.dumps(output)
        try:
            if error is None:
                await call(lambda: self._states.send_task_success(taskToken=token, output=text))
            else:
                name, cause = error[:LONGEST_ERROR], text[:LONGEST_CAUSE]
                await call(lambda: self._states.send_task_failure(taskToken=token, error=name, cause=cause))
        except TransientError as failed:
            _pass_if_nobody_waits(failed)

    async def heartbeat(self, token: str) -> None:
        """Send a heartbeat, unless nobody waits any more. Raises ``TransientError``."""
        try:
            await call(lambda: self._states.send_task_heartbeat(taskToken=token))
        except TransientError as failed:
            _pass_if_nobody_waits(failed)


def _pass_if_nobody_waits(error: TransientError) -> None:
    if _code(error) not in NOBODY_WAITS:
        raise error


class EventBridgeAnnouncer:
    """Keeps the ``Announcer`` port: events ``Run ended`` of the source ``trapline``."""

    __slots__ = ("_bus", "_events")

    def __init__(self, events: "EventBridgeClient", *, bus: str) -> None:
        self._events = events
        self._bus = bus

    async def run_ended(self, ended: Sequence[RunEnded]) -> None:
        """Put one event for each run. Raises ``TransientError`` when EventBridge did not take all of them."""
        entries: list[PutEventsRequestEntryTypeDef] = [
            {
                "EventBusName": self._bus,
                "Source": "trapline",
                "DetailType": "Run ended",
                "Detail": json.dumps(one.body()),
            }
            for one in ended
        ]
        answer = await call(lambda: self._events.put_events(Entries=entries))
        if answer["FailedEntryCount"]:
            codes = sorted({entry.get("ErrorCode", "") for entry in answer["Entries"]} - {""})
            raise TransientError(f"PutEvents: {answer['FailedEntryCount']} of {len(entries)} refused: {codes}")
