"""The signs of life that the alarm `silence` counts, from a real ledger, by the names that Terraform's filter has."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from support.dispatcher_stage import Stage
from support.logs import logged
from support.postgres import as_role, fresh_database
from tools.shell import ROOT
from trapline.access.deployment import migration
from trapline.operator.handler import handler
from trapline_common.ledger.connection import Database
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_dispatcher.maintenance import nothing_due

CRAWLS = """
crawls:
  docs: {urls: [https://docs.example/1], schedule: rate(1 hour)}
"""
END = "UPDATE trapline.run SET status = 'ended', ended_at = now() - $1::interval, outcome = 'completed'"
FILTER = (ROOT / "terraform/modules/alarms/main.tf").read_text()


async def said(stage: Stage) -> list[str]:
    """Let the minute's tick come; return what it says beside what it did, which is whether nothing was due."""
    with logged("dispatcher") as out:
        await stage.reap()
    return [event for line in out.getvalue().splitlines() if (event := json.loads(line)["event"]) != "reaped"]


SAYS_SO = [nothing_due.EVENT]


async def test_a_tick_says_that_nothing_was_due_until_a_schedule_could_have_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a new ledger, and after a success; not once a schedule fired, and where no alarm waits, never."""
    monkeypatch.setattr(nothing_due, "FIRST_MINUTES", 60)
    stage.configure(CRAWLS)
    stage.limits_by_config = True
    assert await said(stage) == []
    stage.tells_nothing_due = True
    assert await said(stage) == SAYS_SO
    await stage.rows("UPDATE trapline.migration SET applied_at = now() - interval '2 hours'")
    assert await said(stage) == []
    await stage.open()
    await stage.rows(END, timedelta(minutes=61))
    assert await said(stage) == []
    await stage.rows("UPDATE trapline.run SET ended_at = now()")
    assert await said(stage) == SAYS_SO


async def test_it_says_so_at_the_beginning_of_an_hour_alone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other ticks of the hour are silent."""
    monkeypatch.setattr(nothing_due, "FIRST_MINUTES", 0)
    stage.configure(CRAWLS)
    stage.limits_by_config = stage.tells_nothing_due = True
    assert await said(stage) == []


async def test_the_dispatchers_role_may_read_it(dsn: str) -> None:
    """What is read of the migrations is granted."""
    async with await Database.connect(as_role(dsn, "trapline_dispatcher")) as service:
        last = await nothing_due.last_success(service)
    assert last.since <= last.now


def test_the_ledger_is_made_once(
    postgres: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The operator function's first migration is a sign of life in its own log, not in its answer; a later is none."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("DATABASE_URL", postgres)
    monkeypatch.setenv("TRAPLINE_DISPATCHER_FUNCTION", "dispatcher")

    async def migrate_twice() -> list[dict[str, Any]]:
        async with fresh_database(postgres, template="template0") as empty:
            monkeypatch.setenv("TRAPLINE_ADMIN_URL", empty)
            call = {"v": 1, "command": ["migrate", "--json"]}
            context = LocalContext(aws_request_id="1", deadline=Deadline.after(60))
            return [await asyncio.to_thread(handler, call, context) for _ in range(2)]

    answers = asyncio.run(migrate_twice())
    assert [answer["exit"] for answer in answers] == [0, 0]
    assert migration.LEDGER_MADE not in str(answers)
    assert capfd.readouterr().err.count(f'"{migration.LEDGER_MADE}"') == 1


@pytest.mark.parametrize("event", [nothing_due.EVENT, migration.LEDGER_MADE])
def test_terraforms_filter_counts_it(event: str) -> None:
    """The metric filter names the event as the code does."""
    assert f'"$.event = \\"{event}\\""' in FILTER
