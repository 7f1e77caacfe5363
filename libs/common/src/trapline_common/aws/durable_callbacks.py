"""Callbacks of durable functions: somebody's function waits for an end, as a state of Step Functions does."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from trapline_common.aws.calls import call
from trapline_common.domain.errors import TransientError
from trapline_common.domain.ports import Waiters

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

PREFIX = "durable:"
"""What a token begins with that is the id of a callback; no task token of Step Functions has a colon."""

_NO_SUCH = frozenset({"InvalidParameterValueException", "ResourceNotFoundException"})
NOBODY_WAITS = _NO_SUCH | {"CallbackTimeoutException"}
"""Answers of SendDurableExecutionCallback...: it was answered before, or its time is over; there is no such one."""


class CallbackWaiters:
    """Keeps the ``Waiters`` port: tokens with ``PREFIX`` are callbacks, and all others go to ``others``."""

    __slots__ = ("_functions", "_others")

    def __init__(self, functions: "LambdaClient", *, others: Waiters) -> None:
        self._functions = functions
        self._others = others

    async def answer(self, token: str, output: Mapping[str, Any], *, error: str | None = None) -> None:
        """Answer, unless nobody waits any more. Raises ``TransientError``."""
        if not token.startswith(PREFIX):
            await self._others.answer(token, output, error=error)
            return
        callback, text = token.removeprefix(PREFIX), json.dumps(output)
        if error is None:
            await _send(
                lambda: self._functions.send_durable_execution_callback_success(
                    CallbackId=callback, Result=text.encode()
                )
            )
        else:
            await _send(
                lambda: self._functions.send_durable_execution_callback_failure(
                    CallbackId=callback, Error={"ErrorType": error, "ErrorMessage": text}
                )
            )

    async def heartbeat(self, token: str) -> None:
        """Send a heartbeat, unless nobody waits any more. Raises ``TransientError``."""
        if not token.startswith(PREFIX):
            await self._others.heartbeat(token)
            return
        callback = token.removeprefix(PREFIX)
        await _send(lambda: self._functions.send_durable_execution_callback_heartbeat(CallbackId=callback))


async def _send(request: Callable[[], object]) -> None:
    try:
        await call(request)
    except TransientError as error:
        cause = error.__cause__
        code = cause.response.get("Error", {}).get("Code") if isinstance(cause, ClientError) else None
        if code not in NOBODY_WAITS:
            raise
