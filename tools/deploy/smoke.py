"""`make smoke`: what a deployment does on a real account, as a table that a person can paste into a report.

It calls each function once in its own way, runs one crawl, sends one alert, and changes nothing else.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.deploy.account import Account
from tools.deploy.confirmation import unconfirmed
from tools.deploy.operator_call import CLIENT_SETTINGS, perform
from tools.deploy.services import OPERATOR
from tools.shell import ToolError, say

DEFAULT_CRAWL = "smoke"
"""The crawl of three public pages in the crawls.yaml that comes with Trapline."""
CRAWLED_WITHIN = 300.0
"""Seconds for the crawl, with cold starts on the way."""
_BETWEEN = 2.0
"""Seconds between two looks at the run."""
_MIB = 1024
_REPORT = re.compile(
    r"Billed Duration: (?P<billed>[\d.]+) ms\s+Memory Size: (?P<memory>\d+) MB"
    r"(?:\s+Max Memory Used: (?P<used>\d+) MB)?(?:\s+Init Duration: (?P<init>[\d.]+) ms)?"
)
"""Lambda's own line about a call ("Understanding the Lambda log", REPORT)."""
_LOG_INS: Mapping[str, dict[str, Any]] = {
    "dispatcher": {"v": 1, "type": "reap"},
    "notifier": {"v": 1, "type": "drain"},
}
"""A message for each function with a role in the ledger that has to log in for its answer, and harms nothing."""
_READS: Mapping[str, Sequence[str]] = {OPERATOR: ("status", "--json"), "reader": ("view", "lanes")}
"""A command for each function that performs commands and has a role in the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a function, answered."""

    answer: dict[str, Any]
    """What the function answered; what Lambda says of an error where it raised."""
    failed: bool
    """Whether it raised, or Lambda ended it."""
    seconds: float
    """From the request to the answer, as this machine saw it."""
    report: Mapping[str, str | None]
    """Lambda's own figures: ``billed`` and ``init`` in ms, ``memory`` and ``used`` in MB; empty where it sends none."""


@dataclass(slots=True, kw_only=True)
class Table:
    """The rows of the report."""

    rows: list[tuple[str, str, bool]] = field(default_factory=list)
    """What was looked at, what was found, and whether that is as it should be."""

    def add(self, what: str, found: str, *, good: bool = True) -> None:
        """Add a row, and show it at once."""
        self.rows.append((what, found, good))
        say(f"smoke: {what}: {found}")

    def look(self, what: str, find: Callable[[], str]) -> None:
        """Add a row of what ``find`` returns; an error of AWS, or of a function, is what was found."""
        try:
            self.add(what, find())
        except (ToolError, BotoCoreError, ClientError) as error:
            self.add(what, str(error), good=False)

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = ["| looked at | found | |", "|---|---|---|"]
        lines += [
            f"| {what} | {found.replace('|', '/')} | {'ok' if good else 'FAILED'} |" for what, found, good in self.rows
        ]
        return "\n".join(lines)


def smoke(account: Account, outputs: Mapping[str, Any], *, environment: str, crawl: str) -> None:
    """Look at everything, and print the table. Raises ``ToolError`` where something is not as it should be."""
    functions, table = outputs["functions"], Table()
    lambda_ = account.client("lambda", **CLIENT_SETTINGS)
    table.add("deployment", f"{environment}, {account.region}, {_releases(functions)}")

    calls: list[Call] = []
    for which in ("first", "second"):
        table.look(f"crawler's browser, {which} call", lambda: _checked(lambda_, functions, calls))
    table.look("cold and warm start", lambda: _starts(calls))
    table.look("GB-seconds of both calls", lambda: _gb_seconds(calls))
    table.look("log-in as trapline_crawler", lambda: _logged_in(calls))
    for name, message in _LOG_INS.items():
        table.look(f"log-in as trapline_{name}", partial(_answered, lambda_, functions, name, message))
    for name, command in _READS.items():
        table.look(f"log-in as trapline_{name}", partial(_reads, lambda_, functions, name, command))
    table.look("addresses confirmed", lambda: _confirmed(account, outputs["topics"]))
    table.look(f"crawl {crawl}", lambda: _crawled(lambda_, functions, crawl))
    table.look("test alert", lambda: " ".join(_performed(lambda_, functions, ["alert", "--test"]).split("\n")).strip())

    say(f"\n{table.markdown()}")
    wrong = [what for what, _, good in table.rows if not good]
    if wrong:
        raise ToolError(f"smoke: {len(wrong)} of {len(table.rows)} are not as they should be: {', '.join(wrong)}")


def call(lambda_: Any, function: str, message: Mapping[str, Any]) -> Call:
    """Call ``function`` (an alias's ARN), wait for its answer, and read Lambda's own figures."""
    start = time.monotonic()
    answer = lambda_.invoke(FunctionName=function, Payload=json.dumps(message).encode(), LogType="Tail")
    text = answer["Payload"].read().decode()
    seconds = time.monotonic() - start
    log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
    reported = _REPORT.search(log)
    body = json.loads(text)
    return Call(
        answer=body if isinstance(body, dict) else {"answer": body},
        failed="FunctionError" in answer,
        seconds=seconds,
        report=reported.groupdict() if reported else {},
    )


def _releases(functions: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {one['release']}" for name, one in sorted(functions.items()))


def _answered(lambda_: Any, functions: Mapping[str, Any], name: str, message: Mapping[str, Any]) -> str:
    made = call(lambda_, functions[name]["alias"], message)
    _refuse(made, name)
    return f"answered in {made.seconds:.1f} s"


def _refuse(made: Call, name: str) -> None:
    # A message that is refused says why; a notifier's answer has the number of alerts that SNS refused there
    if made.failed or isinstance(made.answer.get("refused"), str):
        raise ToolError(f"{name} answered {json.dumps(made.answer)[:300]}")


def _checked(lambda_: Any, functions: Mapping[str, Any], calls: list[Call]) -> str:
    made = call(lambda_, functions["crawler"]["alias"], {"v": 1, "type": "check"})
    _refuse(made, "crawler")
    calls.append(made)
    profiles: dict[str, str | None] = made.answer["profiles"]
    found = ", ".join(
        f"{name} {'passed its self-test' if wrong is None else f'failed: {wrong}'} in {made.answer['seconds'][name]} s"
        for name, wrong in profiles.items()
    )
    if any(wrong is not None for wrong in profiles.values()):
        raise ToolError(found)
    return found


def _starts(calls: list[Call]) -> str:
    """Return how long the calls took; a cold start is one of which Lambda tells an Init Duration."""
    if not calls:
        raise ToolError("the crawler did not answer")
    lines = []
    for one in calls:
        init = one.report.get("init")
        kind = f"cold ({float(init) / 1000:.2f} s of init)" if init else ("warm" if one.report else "as seen from here")
        lines.append(f"{one.seconds:.2f} s {kind}")
    return ", ".join(lines)


def _gb_seconds(calls: list[Call]) -> str:
    if not calls:
        raise ToolError("the crawler did not answer")
    if not all(one.report for one in calls):
        return "Lambda reports none here (a local AWS)"
    used = max(int(one.report["used"] or 0) for one in calls)
    total = sum(float(one.report["billed"] or 0) / 1000 * int(one.report["memory"] or 0) / _MIB for one in calls)
    return f"{total:.2f}, at most {used} of {calls[0].report['memory']} MB used"


def _logged_in(calls: list[Call]) -> str:
    if not calls:
        raise ToolError("the crawler did not answer")
    return "the check connects before it answers"


def _performed(lambda_: Any, functions: Mapping[str, Any], command: Sequence[str], *, by: str = OPERATOR) -> str:
    result = perform(lambda_, functions[by]["alias"], command, then="", show=False)
    if result.get("exit") != 0:
        said = str(result.get("stderr") or result.get("stdout")).strip()
        raise ToolError(f"`trapline {' '.join(command)}` ended with {result.get('exit')}: {said[:300]}")
    return str(result.get("stdout", ""))


def _reads(lambda_: Any, functions: Mapping[str, Any], name: str, command: Sequence[str]) -> str:
    _performed(lambda_, functions, command, by=name)
    return "it reads the ledger"


def _confirmed(account: Account, topics: Mapping[str, str]) -> str:
    waiting = unconfirmed(account, topics)
    if waiting:
        raise ToolError(f"SNS sends nothing to {', '.join(waiting)} until the link in its first mail is followed")
    return "all"


def _crawled(lambda_: Any, functions: Mapping[str, Any], crawl: str) -> str:
    """Open a run of ``crawl`` and wait for its end."""
    opened = json.loads(_performed(lambda_, functions, ["run", crawl, "--json"]))
    run, start = str(opened["run_id"]), time.monotonic()
    while True:
        shown = json.loads(_performed(lambda_, functions, ["show", run, "--json"]))
        if shown["status"] == "ended":
            break
        if time.monotonic() - start > CRAWLED_WITHIN:
            raise ToolError(f"run {run} is {shown['status']} after {CRAWLED_WITHIN:.0f} s")
        time.sleep(_BETWEEN)
    found = f"run {run}: {shown['done']} pages done, {shown['failed']} failed, in {time.monotonic() - start:.0f} s"
    if shown["failed"] or not shown["done"]:
        raise ToolError(found)
    return found
