"""Lambda calls: the dispatcher's Invoke, the nudges between services, and an operator's question with its answer."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from trapline_common.aws.calls import call
from trapline_common.domain.errors import RefusedError, TransientError, TraplineError
from trapline_common.platform.logging import get_logger

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import InvocationRequestTypeDef

_log = get_logger("aws")

TRY_AGAIN = frozenset({403, 408, 409, 429})
"""4xx answers that may mend: a permission, a time-out, ``ResourceConflict`` and ``ResourceNotReady``, throttling."""

ALREADY_STARTED = "DurableExecutionAlreadyStartedException"
"""Lambda's answer to the name of an execution that was started before, by another form of the same event."""

_CLIENT_ERRORS = range(400, 500)


def waiting_config(seconds: float) -> Config:
    """Return the settings of a client that waits for answers, each up to ``seconds``.

    It asks once: a call that was cut off may have been done all the same, and doing it twice is the caller's decision.
    """
    return Config(connect_timeout=5, read_timeout=seconds, retries={"total_max_attempts": 1}, tcp_keepalive=True)


async def ask(client: "LambdaClient", function: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """Call a function and return its answer; ``client`` was made with ``waiting_config``.

    Raises ``TransientError`` with the error's own words when the function failed or can't be reached, ``RefusedError``
    as ``call`` says.
    """

    def invoke() -> tuple[str | None, Any]:
        answer = client.invoke(FunctionName=function, Payload=json.dumps(message).encode())
        return answer.get("FunctionError"), json.loads(answer["Payload"].read() or b"null")

    failed, value = await call(invoke)
    if failed is not None or not isinstance(value, dict):
        reason = value.get("errorMessage") if isinstance(value, dict) else value
        raise TransientError(f"{function.rpartition('function:')[2]}: {reason}")
    return value


async def invoke_event(
    client: "LambdaClient", function: str, message: Mapping[str, Any], *, execution: str | None = None
) -> None:
    """Call ``Invoke`` with ``InvocationType="Event"``; returns once Lambda accepted the event (202).

    ``execution``: the name of the durable execution that it starts, or finds started.

    Raises ``RefusedError`` when Lambda will never take it (any other 4xx: no such function, a payload too large), and
    ``TransientError`` for the rest, a lost answer included.
    """
    request: InvocationRequestTypeDef = {
        "FunctionName": function,
        "InvocationType": "Event",
        "Payload": json.dumps(message).encode(),
    }
    if execution is not None:
        request["DurableExecutionName"] = execution
    try:
        await call(lambda: client.invoke(**request))
    except TransientError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError):
            if execution is not None and cause.response.get("Error", {}).get("Code") == ALREADY_STARTED:
                return
            status = cause.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            if status in _CLIENT_ERRORS and status not in TRY_AGAIN:
                raise RefusedError(str(error)) from error
        raise


class LambdaInvoker:
    """The dispatcher's ``Invoker``: one crawler function."""

    __slots__ = ("_client", "_function")

    def __init__(self, client: "LambdaClient", *, function: str) -> None:
        self._client = client
        self._function = function

    async def invoke(self, message: Mapping[str, Any]) -> None:
        """Hand the event to Lambda. Raises ``TransientError`` or ``RefusedError`` as ``invoke_event`` says."""
        await invoke_event(self._client, self._function, message)


class LambdaDurableInvoker:
    """An ``Invoker`` of a durable function: an execution has the invocation's id for its name, so it is started once.

    Asked again, Lambda answers with the execution that there is.
    """

    __slots__ = ("_client", "_function")

    def __init__(self, client: "LambdaClient", *, function: str) -> None:
        self._client = client
        self._function = function

    async def invoke(self, message: Mapping[str, Any]) -> None:
        """Hand the event to Lambda. Raises ``TransientError`` or ``RefusedError`` as ``invoke_event`` says."""
        await invoke_event(self._client, self._function, message, execution=str(message["invocation_id"]))


class LambdaNudger:
    """A ``Nudger`` that invokes other services' functions. It logs an error and goes on: a nudge may be lost."""

    __slots__ = ("_client", "_functions")

    def __init__(self, client: "LambdaClient", *, functions: Mapping[str, str]) -> None:
        self._client = client
        self._functions = functions

    async def nudge(self, service: str, message: Mapping[str, Any]) -> None:
        """Send ``message`` to ``service``."""
        try:
            await invoke_event(self._client, self._functions[service], message)
        except TraplineError as error:
            _log.warning("nudge_lost", to=service, reason=str(error))
