"""Brings the ledger's schema up to date by the operator function, which alone may: the database is private."""

import json
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.deploy.account import Account
from tools.shell import ToolError, say

REQUEST = {"v": 1, "command": ["migrate"]}
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
_STANDS = "No other service was deployed: what ran before goes on. Mend it and run this again"


def migrate(account: Account, function: str) -> None:
    """Run the migrations in ``account`` by ``function`` (an alias's ARN). Raises ``ToolError`` as ``invoke`` does."""
    say("deploy: migrating the ledger")
    invoke(account.client("lambda", **CLIENT_SETTINGS), function)


def invoke(client: Any, function: str) -> None:
    """Have ``function`` migrate, and print its output. Harmless where no migration is missing.

    Raises ``ToolError`` when they fail; nothing was changed then, because they are one transaction.
    """
    try:
        answer = _ready(lambda: client.invoke(FunctionName=function, Payload=json.dumps(REQUEST).encode()))
        text = answer["Payload"].read().decode()
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"the operator function could not be called: {error}. {_STANDS}") from error
    result = _result(text, failed="FunctionError" in answer)
    for stream in ("stdout", "stderr"):
        for line in str(result.get(stream, "")).splitlines():
            say(f"  {line}")
    if result.get("exit") != 0:
        raise ToolError(f"migrating failed (exit {result.get('exit')}). {_STANDS}")


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


def _result(text: str, *, failed: bool) -> dict[str, Any]:
    """Return the operator's answer. Raises ``ToolError`` for a text that is none."""
    try:
        result = json.loads(text)
    except ValueError:
        result = None
    if failed or not isinstance(result, dict) or result.get("v") != 1:
        raise ToolError(f"the operator function answered: {text[:2000]}. {_STANDS}")
    return result
