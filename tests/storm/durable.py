"""The storm's durable functions: executions whose steps are noted as they end, and whose calls die, rest, or come late.

Kept as AWS keeps them: a name is started once, a step whose end is noted is not executed again, and a call that died is
made anew from the function's first line. What it lies about, the weather says.
"""

import asyncio
from typing import Any

from tests.storm.cloud import ACCEPTED, Cloud
from tests.storm.faults import Fault, FaultLog
from tests.storm.scale import Scale
from tests.storm.weather import Pause, Weather
from trapline_crawler.durable_handler import ATTEMPTS

Json = dict[str, Any]


class Durable:
    """Its executions' ARNs begin with ``execution``; that of the row's own ends with the invocation's id."""

    def __init__(self, cloud: Cloud, weather: Weather, faults: FaultLog, scale: Scale) -> None:
        self._cloud = cloud
        self._weather = weather
        self._faults = faults
        self._scale = scale
        self._named: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._steps: dict[str, Json] = {}
        self.slices = 0

    @property
    def idle(self) -> bool:
        """Whether no execution runs."""
        return not self._tasks

    async def invoke(self, message: Json) -> Json | None:
        """Answer one Invoke: an execution that was started before, under the invocation's name, is the answer."""
        name = message["invocation_id"]
        if name in self._named:
            return ACCEPTED
        answer = await self._cloud.invoke(message, deliver=self._deliver)
        if answer is None or answer == ACCEPTED:
            self._named.add(name)
        return answer

    def note(self, message: Json) -> Json:
        """Take the word that a step has ended; it may get lost on its way."""
        if self._weather.loses_word():
            self._faults.add(Fault(kind="durable: word of a step lost", where="crawler"))
            return {"status": 500}
        self._steps[message["execution"]][message["name"]] = message["result"]
        return ACCEPTED

    def _deliver(self, message: Json, *, delay: float, request_id: str) -> None:
        """Start an execution; of an event that comes again, one that is not the row's own."""
        name = message["invocation_id"]
        execution = f"execution {name}"
        if execution in self._steps:
            execution = f"execution {request_id} of {name}"
        self._steps[execution] = {}
        task = asyncio.create_task(self._execute(message, execution, delay))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _execute(self, message: Json, execution: str, delay: float) -> None:
        """Call the function until it has ended, or a step has failed too often, or a person stops the execution."""
        await asyncio.sleep(delay)
        steps, attempt = self._steps[execution], 1
        while attempt <= ATTEMPTS:
            noted = len(steps)
            given = {"message": message, "execution": execution, "steps": steps, "attempt": attempt}
            answer = await self._cloud.call("crawler", given)
            attempt = 1 if len(steps) > noted else attempt
            if answer is None:
                await asyncio.sleep(self._scale.retries[0])
            elif answer.get("broke"):
                attempt += 1
                await asyncio.sleep(self._scale.retries[1])
            elif "rest" in answer:
                self.slices += 1
                if not await self._rest(answer["rest"], message["invocation_id"]):
                    return
                steps[answer["name"]] = None
            else:
                return

    async def _rest(self, seconds: float, invocation: str) -> bool:
        """Wait as long as the function asked for, or longer; ``False`` when a person stops the execution meanwhile."""
        pause = self._weather.pause()
        if pause is not Pause.CALM:
            self._faults.add(Fault(kind=f"durable: {pause}", where="crawler", worth=1, invocation=invocation))
        await asyncio.sleep(seconds + (self._scale.late_slice if pause is Pause.LATE else 0.0))
        return pause is not Pause.STOPPED

    async def close(self) -> None:
        """End everything."""
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
