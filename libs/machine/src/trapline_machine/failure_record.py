"""A process that died, reported to the dispatcher in the format of Lambda's failure queue."""

import json
from collections.abc import Mapping
from pathlib import Path
from signal import Signals
from typing import Any

LAST_LINES = 64 * 1024
"""Bytes at the end of a log in which the error's own line is looked for."""


def failure_event(message: Mapping[str, Any], *, request_id: str, condition: str, error: str) -> dict[str, Any]:
    """Return the SQS event that reports one invocation: the shape of Lambda's on-failure destination."""
    record = {
        "version": "1.0",
        "requestContext": {"requestId": request_id, "condition": condition, "approximateInvokeCount": 1},
        "requestPayload": dict(message),
        "responsePayload": {"errorMessage": error} if error else None,
    }
    return {"Records": [{"body": json.dumps(record)}]}


def condition_of(status: int) -> str:
    """Return what a process's exit status means: ``exit status 1``, or ``killed by SIGKILL``."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {Signals(-status).name}"
    except ValueError:  # a real-time signal has no name
        return f"killed by signal {-status}"


def last_error(log: Path) -> str | None:
    """Return the error that the process itself logged last, if it came to that."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LAST_LINES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return None
    for line in reversed(lines):
        if '"invocation_failed"' in line:
            try:
                return str(json.loads(line)["error"])
            except (ValueError, KeyError, TypeError):
                return None
    return None
