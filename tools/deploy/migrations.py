"""Brings the ledger's schema up to date by the operator function: the database is private, and nobody else may."""

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
PATIENCE = 180.0
"""Seconds for a function that is not ready: one in a VPC that was idle for weeks refuses its first calls."""
_BETWEEN = 5.0
_NOT_READY = frozenset(
    {"ResourceNotReadyException", "ResourceConflictException", "TooManyRequestsException", "ServiceException"}
    | {"EC2ThrottledException", "EFSMountConnectivityException"}
)
"""Lambda's errors of a call that did not begin and may later ("Invoke", Lambda API reference)."""


def migrate(account: Account, function: str) -> None:
    """Run the migrations by ``function`` (an alias's ARN), and show what they say. Harmless when there are none.

    Raises ``ToolError`` when they fail; nothing was changed then, because they are one transaction.
    """
    say("deploy: migrating the ledger")
    # Asked once: an answer that is lost would otherwise be asked for a second time beside the first
    client = account.client("lambda", read_timeout=TIMEOUT, tcp_keepalive=True, retries={"total_max_attempts": 1})
    try:
        answer = _ready(lambda: client.invoke(FunctionName=function, Payload=json.dumps(REQUEST).encode()))
        text = answer["Payload"].read().decode()
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"the operator function could not be called: {error}. {_STANDS}") from error
    said = _said(text, failed="FunctionError" in answer)
    for stream in ("stdout", "stderr"):
        for line in str(said.get(stream, "")).splitlines():
            say(f"  {line}")
    if said.get("exit") != 0:
        raise ToolError(f"migrating failed (exit {said.get('exit')}). {_STANDS}")


_STANDS = "No other service was deployed: what ran before goes on. Mend it and run this again"


def _ready(call: Callable[[], Any], *, clock: Callable[[], float] = time.monotonic) -> Any:
    give_up = clock() + PATIENCE
    while True:
        try:
            return call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in _NOT_READY or clock() > give_up:
                raise
        time.sleep(_BETWEEN)


def _said(text: str, *, failed: bool) -> dict[str, Any]:
    """Return the operator's answer. Raises ``ToolError`` for one that is none."""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if failed or not isinstance(said, dict) or said.get("v") != 1:
        raise ToolError(f"the operator function answered: {text[:2000]}. {_STANDS}")
    return said
