"""In a deployment a command that writes switches the minute's tick on before it does, and else writes nothing."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from support.ledger import value
from support.postgres import as_role
from trapline.exit_codes import ExitCode
from trapline.operator.handler import handler
from trapline_common.aws.tick_schedule import EVERY_MINUTE, SchedulerTick
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.messages import Asleep, Reap
from trapline_common.ledger import known_crawls
from trapline_common.ledger.connection import Database
from trapline_common.ledger.last_success import last_success
from trapline_common.platform.lambda_runtime import Deadline, LocalContext

MUTE = ("mute", "docs", "--until", "2h", "--reason", "moving")


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch, dsn: str) -> Iterator[Any]:
    """Return a client of an account without a schedule; the operator function's environment is set."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, text in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "DEFAULT_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", text)
    monkeypatch.setenv("DATABASE_URL", as_role(dsn, "trapline_operator"))
    monkeypatch.setenv("TRAPLINE_TICK", "trapline-test/_reap")
    with mock_aws():
        client = boto3.client("scheduler")
        client.create_schedule_group(Name="trapline-test")
        yield client


async def asleep(scheduler: Any, database: Database) -> None:
    """Let the tick sleep in a ledger that knows the crawl ``docs``."""
    await known_crawls.take(database, [CrawlConfig(name="docs", urls=("https://docs.example/",))], source="deployment")
    scheduler.create_schedule(
        GroupName="trapline-test",
        Name="_reap",
        ScheduleExpression=EVERY_MINUTE,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:lambda:eu-central-1:1:function:d", "RoleArn": "arn:aws:iam::1:role/r", "Input": "{}"},
    )
    now = (await last_success(database)).now
    await SchedulerTick(scheduler, "trapline-test/_reap").every_hour(Asleep(until=now, since=now))
    await database.connection.execute("UPDATE trapline.tick SET state = 'asleep'")


async def command(*words: str) -> Any:
    """Have the operator function perform a command."""
    context = LocalContext(aws_request_id="1", deadline=Deadline.after(60))
    return await asyncio.to_thread(handler, {"v": 1, "command": list(words)}, context)


def comes(scheduler: Any) -> tuple[str, Any]:
    """Return when the tick comes, and with what."""
    found = scheduler.get_schedule(GroupName="trapline-test", Name="_reap")
    return found["ScheduleExpression"], json.loads(found["Target"]["Input"])


async def test_a_command_that_writes_wakes_it(scheduler: Any, database: Database) -> None:
    """A mute has an end, by which the tick must be there."""
    await asleep(scheduler, database)
    done = await command(*MUTE)
    assert done["exit"] == 0, done
    assert comes(scheduler) == (EVERY_MINUTE, Reap().event())
    assert await value(database, "SELECT state::text FROM trapline.tick") == "awake"
    assert await value(database, "SELECT count(*) FROM trapline.mute") == 1


async def test_a_command_that_reads_lets_it_sleep(scheduler: Any, database: Database) -> None:
    """Looking makes no work."""
    await asleep(scheduler, database)
    before = comes(scheduler)
    assert (await command("mutes", "--json"))["exit"] == 0
    assert comes(scheduler) == before


async def test_a_command_that_can_not_wake_it_writes_nothing(scheduler: Any, database: Database) -> None:
    """Without its schedule the mute's end would be noticed by nobody: the command says so."""
    await asleep(scheduler, database)
    scheduler.delete_schedule(GroupName="trapline-test", Name="_reap")
    done = await command(*MUTE)
    assert (done["exit"], "GetSchedule" in done["stderr"]) == (ExitCode.AWAY, True), done
    assert await value(database, "SELECT count(*) FROM trapline.mute") == 0
