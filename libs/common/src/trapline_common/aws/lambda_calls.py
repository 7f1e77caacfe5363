"""Asynchronous Lambda calls: the dispatcher's Invoke, and the nudges between services."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from trapline_common.aws.calls import call
from trapline_common.errors import RefusedError, TransientError, TraplineError
from trapline_common.logging import get_logger

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_log = get_logger("aws")

TRY_AGAIN = frozenset({403, 408, 409, 429})
"""4xx answers that may mend: a permission, a time-out, ``ResourceConflict`` and ``ResourceNotReady``, throttling."""

_CLIENT_ERRORS = range(400, 500)


async def invoke_event(client: "LambdaClient", function: str, message: Mapping[str, Any]) -> None:
    """Call ``Invoke`` with ``InvocationType="Event"``; returns once Lambda accepted the event (202).

    Raises ``RefusedError`` when Lambda will never take it (any other 4xx: no such function, a payload too large), and
    ``TransientError`` for the rest, a lost answer included.
    """
    try:
        await call(
            lambda: client.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(message).encode())
        )
    except TransientError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError):
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


class LambdaNudger:
    """A ``Nudger`` that invokes other services' functions. What goes wrong is logged: a nudge may be lost."""

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
