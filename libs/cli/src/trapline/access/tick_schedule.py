"""The schedule of the deployment's minute tick, which an operator's command keeps awake while it writes."""

import boto3

from trapline_common.aws.calls import CLIENT_CONFIG
from trapline_common.aws.tick_schedule import SchedulerTick
from trapline_common.domain.ports import TickSchedule


def tick_schedule(path: str) -> TickSchedule:
    """Return the schedule of that group and name, with a slash between them."""
    return SchedulerTick(boto3.client("scheduler", config=CLIENT_CONFIG), path)
