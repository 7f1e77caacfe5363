"""How the release before (`trapline` 0.1.0, bare answers) read answers: its own lines, kept as a contract.

They are copied from that release and are not to be mended: a deployment may run it beside this one.
"""

import re
from typing import Any

from trapline_common.domain.errors import MessageRefusedError

MORE = re.compile(r"^export: more after (\d+)$", re.MULTILINE)


def ask_deployed(answer: dict[str, Any]) -> dict[str, Any]:
    """Read any answer of a service, as ``commands/dispatcher.py`` did."""
    if set(answer) == {"refused"}:
        raise MessageRefusedError(answer["refused"])
    return answer


def run(name: str, opened: dict[str, Any]) -> tuple[str, bool]:
    """Read the answer to an ``OpenRun``, as ``commands/run.py`` did."""
    run_id = opened["run_id"]
    if opened.get("refused") is not None:
        return f"run {run_id} of {name} was refused: {opened['refused']}", True
    if opened.get("tasks") is not None:
        return f"run {run_id} of {name} opened with {opened['tasks']} tasks", False
    if opened.get("waits_for") is None:
        return f"run {run_id} of {name} is {opened['status']}", False
    skipped = opened["status"] == "ended"
    became = "was skipped" if skipped else "waits"
    return f"run {run_id} of {name} {became}: run {opened['waits_for']} of the same crawl is still open", skipped


def retry(opened: dict[str, Any]) -> dict[str, Any]:
    """Read the answer to an ``OpenRun`` with ``retry_of``, as ``commands/retry.py`` did."""
    return {
        "run_id": opened["run_id"],
        "tasks": opened.get("tasks"),
        "waits_for": opened.get("waits_for"),
        "skipped": opened["status"] == "ended",
    }


REAPED = ("gone", "orphaned", "returned", "poisoned", "ended", "resumed", "retired", "asked_again", "asked")


def reap(done: dict[str, int]) -> dict[str, int]:
    """Read the answer to a ``Reap``, as ``commands/reap.py`` did."""
    return {name: done[name] for name in REAPED if done.get(name)}


def report_dead(answer: dict[str, Any]) -> int:
    """Read the answer to a failure record, as ``runtime/machine.py`` did."""
    return int(answer.get("failed", 0))


def next_page(stderr: str) -> str | None:
    """Read where a page of an export ended, as ``remote/exporting.py`` did."""
    more = MORE.search(stderr)
    return None if more is None else more[1]
