"""The storm's EventBridge: the schedule of the minute's tick, which the dispatcher lets sleep and switches on again."""

import asyncio
from typing import Any

from tests.storm.cloud import ACCEPTED, Cloud
from tests.storm.scale import Scale
from trapline_common.domain.messages import Reap

HOUR = 5
"""Ticks between two hourly looks of a tick that sleeps."""


class AlarmClock:
    """``asleep``: what the hourly look has, as the dispatcher sent it; ``None`` while the tick comes each minute."""

    def __init__(self, cloud: Cloud, scale: Scale) -> None:
        self._cloud = cloud
        self._scale = scale
        self.asleep: dict[str, Any] | None = None

    def switch(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take one UpdateSchedule of a dispatcher."""
        self.asleep = message["asleep"]
        return ACCEPTED

    async def run(self) -> None:
        """Let two ticks come at once each minute, and one look each hour while it sleeps. Runs until cancelled."""
        minutes = 0
        while True:
            if self.asleep is None:
                for _ in range(2 if self._cloud.queued("dispatcher") < 4 else 0):
                    self._cloud.submit("dispatcher", Reap().event())
            elif minutes % HOUR == 0:
                self._cloud.submit("dispatcher", {**Reap().event(), "asleep": self.asleep})
            minutes += 1
            await asyncio.sleep(self._scale.tick)
