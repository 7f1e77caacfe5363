"""The schedule of the minute's tick, as Terraform makes it, in an account in memory."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from trapline_common.aws.calls import CLIENT_CONFIG
from trapline_common.aws.tick_schedule import SchedulerTick
from trapline_common.domain.errors import TransientError
from trapline_common.domain.messages import Asleep, Reap, parse_dispatcher

MADE: dict[str, Any] = {
    "GroupName": "trapline-test",
    "Name": "_reap",
    "Description": "Rescues what got stuck, ends runs, sweeps alerts",
    "ScheduleExpression": "rate(1 minute)",
    "ScheduleExpressionTimezone": "UTC",
    "State": "ENABLED",
    "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/0",
    "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {
        "Arn": "arn:aws:lambda:eu-central-1:123456789012:function:trapline-test-dispatcher:live",
        "RoleArn": "arn:aws:iam::123456789012:role/trapline-test-scheduler",
        "Input": '{"type":"reap","v":1}',
        "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-central-1:123456789012:trapline-test-ticks-missed"},
        "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 2},
    },
}
ASLEEP = Asleep(
    until=datetime(2026, 3, 1, 8, 29, 30, tzinfo=UTC), since=datetime(2026, 2, 28, tzinfo=UTC), crawls="0" * 64
)


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a client of an account that has the schedule."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with mock_aws():
        client = boto3.client("scheduler", region_name="eu-central-1", config=CLIENT_CONFIG)
        client.create_schedule_group(Name=MADE["GroupName"])
        client.create_schedule(**MADE)
        yield client


def schedule(scheduler: Any) -> dict[str, Any]:
    found = scheduler.get_schedule(GroupName="trapline-test", Name="_reap")
    return {key: found[key] for key in MADE}


async def test_asleep_it_comes_once_an_hour_and_says_what_to_look_at(scheduler: Any) -> None:
    """In the minute in which it wakes up, or in the next; all else of the schedule stays."""
    await SchedulerTick(scheduler, "trapline-test/_reap").every_hour(ASLEEP)
    found = schedule(scheduler)
    assert found["ScheduleExpression"] == "cron(30 * * * ? *)"
    assert parse_dispatcher(json.loads(found["Target"].pop("Input"))) == Reap(asleep=ASLEEP)
    target = {key: value for key, value in MADE["Target"].items() if key != "Input"}
    assert found == {**MADE, "ScheduleExpression": found["ScheduleExpression"], "Target": target}


@pytest.mark.parametrize(("until", "minute"), [("08:00:00", 0), ("08:00:01", 1), ("08:59:30", 0), ("08:30:00", 30)])
async def test_it_never_comes_before_it_is_to_wake(scheduler: Any, until: str, minute: int) -> None:
    """Of a part of a minute it takes the next."""
    asleep = ASLEEP.model_copy(update={"until": datetime.fromisoformat(f"2026-03-01T{until}+00:00")})
    await SchedulerTick(scheduler, "trapline-test/_reap").every_hour(asleep)
    assert schedule(scheduler)["ScheduleExpression"] == f"cron({minute} * * * ? *)"


async def test_awake_it_is_what_terraform_made(scheduler: Any) -> None:
    """After any number of switches, and where a person disabled it, nothing is left of them."""
    tick = SchedulerTick(scheduler, "trapline-test/_reap")
    await tick.every_hour(ASLEEP)
    await tick.every_hour(ASLEEP.model_copy(update={"until": ASLEEP.until + timedelta(days=1)}))
    await tick.every_minute()
    found = schedule(scheduler)
    assert json.loads(found["Target"]["Input"]) == json.loads(MADE["Target"]["Input"]) == Reap().event()
    found["Target"]["Input"] = MADE["Target"]["Input"]
    assert found == MADE
    scheduler.update_schedule(**{**MADE, "State": "DISABLED"})
    await tick.every_minute()
    assert schedule(scheduler)["State"] == "ENABLED"


async def test_a_schedule_that_is_gone_may_come_back(scheduler: Any) -> None:
    """Terraform replaces it at a deploy: who wants to switch it meanwhile is asked to try again."""
    scheduler.delete_schedule(GroupName="trapline-test", Name="_reap")
    with pytest.raises(TransientError, match="GetSchedule"):
        await SchedulerTick(scheduler, "trapline-test/_reap").every_minute()
