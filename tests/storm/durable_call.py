"""One call of the storm's durable function: the product's ``walk``, over a context whose steps the storm keeps."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aws_durable_execution_sdk_python import DurableContext
from aws_durable_execution_sdk_python.config import Duration

from tests.storm.points import Tell
from trapline_common.domain.errors import TransientError
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_crawler.durable_handler import StepBrokeError, walk
from trapline_crawler.services import Services

SLICE = 5.0
"""Seconds of one call, of which a visit may begin in the first quarter: a walk takes several calls."""


class CallEnded(BaseException):
    """The call ends here; ``answer`` says why. Like the SDK's own suspension no handler of errors catches it."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(answer)
        self.answer = answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a step is told."""

    attempt: int
    """Which attempt it is, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Which execution it is."""

    durable_execution_arn: str
    """Its ARN."""


class StormContext:
    """The part of the SDK's context that ``walk`` uses. A step whose end the storm has noted is read, not executed."""

    def __init__(self, event: Mapping[str, Any], context: LocalContext, tell: Tell) -> None:
        self.lambda_context = context
        self.execution_context = Execution(durable_execution_arn=event["execution"])
        self._steps = dict(event["steps"])
        self._attempt = int(event["attempt"])
        self._tell = tell

    def step(self, work: Callable[[Attempt], Any], *, name: str, config: object) -> Any:
        """Execute the step and have its end noted.

        Raises ``TransientError`` when the word of it gets lost, and what broke the step, unless that may be repeated.
        """
        if name in self._steps:
            return self._steps[name]
        try:
            result = json.loads(json.dumps(work(Attempt(attempt=self._attempt))))
        except StepBrokeError as error:
            if error.__context__ is not None and not isinstance(error.__context__, TransientError):
                raise error.__context__  # noqa: B904  (the storm reports it as it is)
            raise CallEnded({"broke": str(error)}) from None
        told = {"op": "step", "execution": self.execution_context.durable_execution_arn, "name": name, "result": result}
        try:
            answer = asyncio.run(_once(self._tell, told))
        except TimeoutError as error:
            raise TransientError("CheckpointDurableExecution: no answer") from error
        if answer["status"] != 202:
            raise TransientError(f"CheckpointDurableExecution: {answer['status']}")
        self._steps[name], self._attempt = result, 1
        return result

    def wait(self, duration: Duration, *, name: str) -> None:
        """End the call unless the time has passed."""
        if name not in self._steps:
            raise CallEnded({"rest": duration.to_seconds(), "name": name})


async def _once(tell: Tell, message: dict[str, Any]) -> dict[str, Any]:
    return await tell(message)


def call(event: Mapping[str, Any], context: LocalContext, services: Services, tell: Tell) -> dict[str, Any]:
    """Call the function; return what it returned, or why the call ended before."""
    own = cast("DurableContext", StormContext(event, context, tell))
    try:
        return walk(event["message"], own, services, deadline=lambda _: Deadline.after(SLICE))
    except CallEnded as ended:
        return ended.answer
