"""The schedule of the minute's tick in EventBridge Scheduler: it comes each minute, or once an hour while it sleeps."""

import json
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from trapline_common.aws.calls import call
from trapline_common.domain.messages import Asleep, Reap

EVERY_MINUTE = "rate(1 minute)"
"""What Terraform makes it as."""
MINUTE = timedelta(minutes=1)
KEPT = ("Description", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "Name", "ScheduleExpressionTimezone")
"""What UpdateSchedule would forget; its target is kept beside them. Terraform sets no others."""


class Scheduler(Protocol):
    """What is used of boto3's client of EventBridge Scheduler."""

    def get_schedule(self, **name: Any) -> Any: ...

    def update_schedule(self, **schedule: Any) -> Any: ...


class SchedulerTick:
    """Keeps the ``TickSchedule`` port, for one schedule that Terraform made. ``path``: its group and its name.

    It is never disabled: a tick that can't be switched on again would be lost for ever, and one that sleeps looks once
    an hour.
    """

    __slots__ = ("_client", "_group", "_name")

    def __init__(self, client: Scheduler, path: str) -> None:
        self._client = client
        self._group, _, self._name = path.partition("/")

    async def every_minute(self) -> None:
        """Let it come each minute. Raises ``TransientError``."""
        await self._update(EVERY_MINUTE, Reap())

    async def every_hour(self, asleep: Asleep) -> None:
        """Let it come once an hour, in the minute that begins at ``until`` or next after it."""
        minute = (asleep.until + MINUTE - timedelta.resolution).minute
        await self._update(f"cron({minute} * * * ? *)", Reap(asleep=asleep))

    async def _update(self, expression: str, message: Reap) -> None:
        found: dict[str, Any] = dict(
            await call(partial(self._client.get_schedule, GroupName=self._group, Name=self._name))
        )
        more = {key: found[key] for key in KEPT if key in found}
        target = {**found["Target"], "Input": json.dumps(message.event())}
        await call(
            partial(self._client.update_schedule, ScheduleExpression=expression, State="ENABLED", Target=target, **more)
        )
