"""The storm's Step Functions: executions that call crawlers, task tokens, and the bus on which ends of runs are heard.

Kept as AWS keeps them: an object is never written over, a name is started once, a token is answered once, and what was
stopped calls nothing more. What it lies about, the weather says.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import uuid4

from tests.storm.cloud import ACCEPTED, Cloud
from tests.storm.faults import Fault, FaultLog
from tests.storm.scale import Scale
from tests.storm.weather import Call, Receipt, Start, Weather
from trapline_common.domain.messages import Count, Lost, Next, WaveEnded

Json = dict[str, Any]
TRIES = 5
"""Of a child that asks the dispatcher for another invocation, as the machine's Retry has it."""


class Machine:
    """``heard`` counts the answers to each token, ``announced`` those of each run; ``given``: executions of a row."""

    def __init__(self, cloud: Cloud, weather: Weather, faults: FaultLog, scale: Scale) -> None:
        self._cloud = cloud
        self._weather = weather
        self._faults = faults
        self._scale = scale
        self._objects: dict[str, Sequence[Json]] = {}
        self._executions: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._waiting: dict[str, asyncio.Future[tuple[Json, str | None]]] = {}
        self._beats: Counter[str] = Counter()
        self._queued = asyncio.Semaphore(6)
        self.heard: Counter[str] = Counter()
        self.announced: Counter[int] = Counter()
        self.given: dict[str, set[str]] = {}
        self.queued: set[str] = set()

    @property
    def idle(self) -> bool:
        """Whether no execution runs, and nobody waits with a token of one."""
        return all(execution.done() for execution in self._executions.values()) and not self._tasks

    @property
    def started(self) -> int:
        """How many executions were started."""
        return len(self._executions)

    async def start(self, message: Json) -> Json | None:
        """Answer one start of an execution; ``None``: there is no answer."""
        wave, fate = message["wave"], self._weather.start()
        if fate is not Start.CALM:
            worth = 0 if fate is Start.GONE else len(message["items"])
            self._faults.add(Fault(kind=f"StartExecution: {fate}", where="dispatcher", worth=worth))
        if fate is Start.THROTTLED:
            return {"status": 429}
        if fate is Start.GONE and wave not in self._executions:
            return {"status": 400}
        self._objects.setdefault(wave, message["items"])
        if wave not in self._executions:
            for item in self._objects[wave]:
                self.given.setdefault(item["invocation_id"], set()).add(wave)
            self._executions[wave] = asyncio.create_task(self._execute(wave, slow=fate is Start.UNANSWERED))
            if fate is Start.ABORTED:
                self._spawn(self._abort(wave))
        return None if fate is Start.UNANSWERED else ACCEPTED

    def send_task(self, message: Json) -> Json | None:
        """Take one answer to a task token, or a heartbeat; ``None``: there is no answer."""
        token = message["token"]
        if message["beat"]:
            self._beats[token] += 1
            return ACCEPTED
        fate = self._receipt("SendTask")
        if fate is Receipt.REFUSED:
            return {"status": 429}
        if fate is Receipt.TIMED_OUT:
            return None
        self.heard[token] += 1
        waiting = self._waiting.get(token)
        if waiting is not None and not waiting.done():
            waiting.set_result((message["output"], message["error"]))
        return None if fate is Receipt.UNANSWERED else ACCEPTED

    def announce(self, message: Json) -> Json | None:
        """Take the ends of some runs; ``None``: there is no answer."""
        fate = self._receipt("PutEvents")
        if fate is Receipt.REFUSED:
            return {"status": 429}
        if fate is Receipt.TIMED_OUT:
            return None
        self.announced.update(one["run_id"] for one in message["ended"])
        return None if fate is Receipt.UNANSWERED else ACCEPTED

    def _receipt(self, call: str) -> Receipt:
        fate = self._weather.told()
        if fate is not Receipt.CALM:
            self._faults.add(Fault(kind=f"{call}: {fate}", where="dispatcher"))
        return fate

    async def _execute(self, wave: str, *, slow: bool) -> None:
        """Call everything. ``slow``: nobody has been called yet when the rows are asked for again."""
        if slow:
            await asyncio.sleep(self._scale.ask_again + self._scale.tick)
        items = self._objects[wave]
        async with asyncio.TaskGroup() as children:
            for number, item in enumerate(items):
                children.create_task(self._child(wave, f"{wave}-{number}", item))
        self._cloud.submit("dispatcher", Count(lane=items[0]["lane"]).event())

    async def _abort(self, wave: str) -> None:
        """Stop an execution; crawlers that it has called go on, and the rule tells the dispatcher, perhaps twice."""
        await asyncio.sleep(self._weather.pick((0.05, 0.5, 1.5)))
        self._executions[wave].cancel()
        ended = WaveEnded.model_validate({"wave": wave, "status": "ABORTED"}).event()
        for delay in self._weather.pick(((0.1,), (0.1, 0.6))):
            self._cloud.submit("dispatcher", ended, delay=delay)

    async def _child(self, wave: str, delivery: str, item: Json | None) -> None:
        while item is not None:
            call = self._through_queue if item["via"] == "queue" else self._call
            due = await call(item, delivery)
            item = await self._next(wave, delivery, item["lane"]) if due else None

    async def _next(self, wave: str, delivery: str, lane: str) -> Json | None:
        asking = Next.model_validate({"lane": lane, "wave": wave, "delivery": delivery}).event()
        for _ in range(TRIES):
            answer = await self._shielded(self._cloud.call("dispatcher", asking))
            if answer is not None:
                item: Json | None = answer["item"]
                if item is not None:
                    self.given.setdefault(item["invocation_id"], set()).add(wave)
                return item
        return None

    async def _call(self, item: Json, delivery: str) -> bool:
        """Call a crawler and wait for its end; say whether tasks wait."""
        fate, message = self._fate(item), _crawl(item, delivery=delivery)
        match fate:
            case Call.LOST:
                self._lost(item, delivery, "Lambda.TooManyRequestsException")
                return False
            case Call.SILENT:
                return False
            case Call.CUT:
                self._spawn(self._cloud.call("crawler", message))
                await asyncio.sleep(0.3)
                self._lost(item, delivery, "Lambda.SdkClientException")
                return False
            case Call.LATE:
                await asyncio.sleep(self._scale.late)
            case Call.TWICE:
                self._spawn(self._cloud.call("crawler", message))
        answer = await self._shielded(self._cloud.call("crawler", message))
        if answer is None:
            self._lost(item, delivery, "Runtime.ExitError")
        return answer is not None and answer.get("due") is True

    async def _through_queue(self, item: Json, delivery: str) -> bool:
        """Put a message into the queue and wait for an answer to its token; say whether tasks wait."""
        fate, token = self._fate(item), f"task {uuid4()}"
        message = _crawl(item, delivery=delivery, task_token=f"lost {uuid4()}" if fate is Call.CUT else token)
        if fate is Call.LOST:
            self._lost(item, delivery, "SQS.SdkClientException")
            return False
        self._waiting[token] = asyncio.get_running_loop().create_future()
        for delay in _deliveries(fate, self._scale.late):
            self._spawn(self._deliver(message, delay=delay))
        try:
            output, error = await self._answered(token)
        except TimeoutError:
            output, error = {}, "States.HeartbeatTimeout"
        finally:
            del self._waiting[token]
        if error is not None:
            self._lost(item, delivery, error)
        return error is None and output.get("due") is True

    async def _answered(self, token: str) -> tuple[Json, str | None]:
        """Return the answer. Raises ``TimeoutError`` when nobody beats for too long."""
        async with asyncio.timeout(self._scale.function):
            while True:
                beats = self._beats[token]
                done, _ = await asyncio.wait({self._waiting[token]}, timeout=self._scale.token_silence)
                if done:
                    return self._waiting[token].result()
                if self._beats[token] == beats:
                    raise TimeoutError

    async def _deliver(self, message: Json, *, delay: float) -> None:
        """Hand a message of the queue to a crawler, a second time if the first dies."""
        await asyncio.sleep(delay)
        self.queued.add(message["invocation_id"])
        event = {"Records": [{"body": json.dumps(message)}]}
        for pause in (self._scale.visible, None):
            async with self._queued:
                if await self._cloud.call("crawler", event) is not None or pause is None:
                    return
            await asyncio.sleep(pause)

    def _fate(self, item: Json) -> Call:
        fate = self._weather.call()
        if fate is not Call.CALM:
            about = item["invocation_id"] if fate in {Call.SILENT, Call.LATE} else None
            self._faults.add(
                Fault(kind=f"child: {fate}", where="crawler", worth=int(fate is not Call.TWICE), invocation=about)
            )
        return fate

    def _lost(self, item: Json, delivery: str, error: str) -> None:
        """Report a call to the dispatcher, as the child's Catch does."""
        lost = Lost.model_validate(
            {"invocation_id": item["invocation_id"], "error": error, "cause": "as reported", "delivery": delivery}
        )
        self._cloud.submit("dispatcher", lost.event(), delay=0.1)

    async def _shielded(self, call: Coroutine[Any, Any, Json | None]) -> Json | None:
        """Wait for a call that goes on when the execution is stopped."""
        return await asyncio.shield(self._spawn(call))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """End everything that waits."""
        everything = [*self._executions.values(), *self._tasks]
        for task in everything:
            task.cancel()
        for result in await asyncio.gather(*everything, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


def _crawl(item: Json, **more: str) -> Json:
    """Return the message of a line, as the child puts it together."""
    return {key: item[key] for key in ("v", "type", "invocation_id", "lane", "hop")} | more


def _deliveries(fate: Call, late: float) -> tuple[float, ...]:
    """Return after how many seconds each copy of a message comes."""
    match fate:
        case Call.SILENT:
            return ()
        case Call.LATE:
            return (late,)
        case Call.TWICE:
            return (0.0, 0.2)
        case _:
            return (0.0,)
