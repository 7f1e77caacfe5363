"""The signs of life that the alarm `silence` counts, from a real ledger, by the names that Terraform's filter has."""

from datetime import timedelta

import pytest

from support.dispatcher_stage import Stage
from support.logs import logged
from support.postgres import as_role, fresh_database
from tools.shell import ROOT
from trapline.access.deployment import migration
from trapline_common.ledger.connection import Database
from trapline_dispatcher.maintenance import nothing_due

CRAWLS = """
crawls:
  docs: {urls: [https://docs.example/1], schedule: rate(1 hour)}
"""
END = "UPDATE trapline.run SET status = 'ended', ended_at = now() - $1::interval, outcome = 'completed'"
FILTER = (ROOT / "terraform/modules/alarms/main.tf").read_text()


async def said(stage: Stage) -> bool:
    """Let the minute's tick come; return whether it says that nothing was due."""
    with logged("dispatcher") as out:
        await stage.reap()
    return f'"{nothing_due.EVENT}"' in out.getvalue()


async def test_a_tick_says_that_nothing_was_due_until_a_schedule_could_have_run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a new ledger, and after a success; not once a schedule fired, and where no alarm waits, never."""
    monkeypatch.setattr(nothing_due, "FIRST_MINUTES", 60)
    stage.configure(CRAWLS)
    stage.limits_by_config = True
    assert not await said(stage)
    stage.tells_nothing_due = True
    assert await said(stage)
    await stage.rows("UPDATE trapline.migration SET applied_at = now() - interval '2 hours'")
    assert not await said(stage)
    await stage.open()
    await stage.rows(END, timedelta(minutes=61))
    assert not await said(stage)
    await stage.rows("UPDATE trapline.run SET ended_at = now()")
    assert await said(stage)


async def test_it_says_so_at_the_beginning_of_an_hour_alone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other ticks of the hour are silent."""
    monkeypatch.setattr(nothing_due, "FIRST_MINUTES", 0)
    stage.configure(CRAWLS)
    stage.limits_by_config = stage.tells_nothing_due = True
    assert not await said(stage)


async def test_the_dispatchers_role_may_read_it(dsn: str) -> None:
    """What is read of the migrations is granted."""
    async with await Database.connect(as_role(dsn, "trapline_dispatcher")) as service:
        last = await nothing_due.last_success(service)
    assert last.since <= last.now


async def test_the_ledger_is_made_once(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first migration of an empty database is the first sign of life; a later one is none."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    async with fresh_database(postgres, template="template0") as empty:
        with logged("operator") as out:
            await migration.migrate_deployment({"TRAPLINE_ADMIN_URL": empty})
            await migration.migrate_deployment({"TRAPLINE_ADMIN_URL": empty})
    assert out.getvalue().count(f'"{migration.LEDGER_MADE}"') == 1


@pytest.mark.parametrize("event", [nothing_due.EVENT, migration.LEDGER_MADE])
def test_terraforms_filter_counts_it(event: str) -> None:
    """The metric filter names the event as the code does."""
    assert f'"$.event = \\"{event}\\""' in FILTER
