"""Calls the operator function with one command, and waits for its answer; a lost answer is never asked for twice."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.shell import ToolError, say

TIMEOUT = 930.0
"""Seconds: the operator function's own 900, and the answer's way."""
CLIENT_SETTINGS: dict[str, Any] = {"read_timeout": TIMEOUT, "tcp_keepalive": True, "retries": {"total_max_attempts": 1}}
"""botocore's. One attempt: after a lost answer a second one would run beside the first."""
PATIENCE = 180.0
"""Seconds for a function that is not ready: one in a VPC that was idle for weeks refuses its first calls."""
_BETWEEN = 5.0
_NOT_READY = frozenset(
    {"ResourceNotReadyException", "ResourceConflictException", "TooManyRequestsException", "ServiceException"}
    | {"EC2ThrottledException", "EFSMountConnectivityException"}
)
"""Lambda's errors of a call that did not begin and may later ("Invoke", Lambda API reference)."""


def perform(client: Any, function: str, command: Sequence[str], *, then: str, show: bool = True) -> dict[str, Any]:
    """Have ``function`` (an alias's ARN) perform ``command``, print its output if ``show``, and return its answer.

    ``then``: what an error says behind the reason. Raises ``ToolError`` where there is no answer; what the command's
    exit code means is the caller's to judge.
    """
    payload = json.dumps({"v": 1, "command": list(command)}).encode()
    try:
        answer = _ready(lambda: client.invoke(FunctionName=function, Payload=payload))
        text = answer["Payload"].read().decode()
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"the operator function could not be called: {error}. {then}") from error
    result = _result(text, failed="FunctionError" in answer, then=then)
    for stream in ("stdout", "stderr") if show else ():
        for line in str(result.get(stream, "")).splitlines():
            say(f"  {line}")
    return result


def _ready(call: Callable[[], Any]) -> Any:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _NOT_READY or time.monotonic() > give_up:
                raise
        time.sleep(_BETWEEN)


def _result(text: str, *, failed: bool, then: str) -> dict[str, Any]:
    try:
        result = json.loads(text)
    except ValueError:
        result = None
    if failed or not isinstance(result, dict) or result.get("v") != 1:
        raise ToolError(f"the operator function answered: {text[:2000]}. {then}")
    return result
