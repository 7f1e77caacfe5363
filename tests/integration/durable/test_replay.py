"""Replay: the function begins anew after each wait and must come to the same steps. Who sees when it does not."""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from unittest import mock

import pytest

from support.alerts import Clock
from support.crawler_stage import Stage
from support.durable_function import DurableFunction, Ran
from support.ledger import LANE, location, urls
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.ledger import rescue
from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.durable_handler import walk

PAGES = urls(6)
WALK = CrawlConfig(name="walk", urls=tuple(PAGES), ordered=True)
DURABLE = LaneConfig.model_validate({"orchestrator": "durable", "tasks_per_invocation": 1, "max_invocations": 1})

Asked = tuple[str, str, object]
"""What the function asks its context for: a step or a wait, its name, and how long it waits."""


@dataclass(slots=True)
class Watched:
    """A context that notes what it is asked for, and gives clock and chance back to what a step does."""

    context: Any
    """The SDK's."""
    rename: Callable[[str], str] = str
    """Changes the names of steps, as a newer release might."""
    left_out: frozenset[str] = frozenset()
    """Steps that are not asked for."""
    asked: list[Asked] = field(default_factory=list)
    """What was asked for, in order."""
    unscrambled: Callable[[], Any] = nullcontext
    """Makes the context manager in which a step is executed."""

    @property
    def lambda_context(self) -> Any:
        return self.context.lambda_context

    @property
    def execution_context(self) -> Any:
        return self.context.execution_context

    def step(self, step: Callable[[Any], Any], name: str, config: object) -> Any:
        self.asked.append(("step", name, None))
        if name in self.left_out:
            return True

        def in_order(given: Any) -> Any:
            with self.unscrambled():
                return step(given)

        return self.context.step(in_order, name=self.rename(name), config=config)

    def wait(self, duration: Any, name: str) -> None:
        self.asked.append(("wait", name, duration.to_seconds()))
        self.context.wait(duration, name=name)


class Scramble:
    """Clock and chance say something else in every call of the function, except within steps."""

    def __init__(self, call: int) -> None:
        self._call = call
        self._patches: list[Any] = []

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Scramble what is outside of steps."""
        self._start()
        try:
            yield
        finally:
            self._stop()

    @contextmanager
    def not_here(self) -> Iterator[None]:
        """Give clock and chance back, for the length of a step."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        seed = random.Random(self._call)
        self._patches = [
            mock.patch.object(uuid, "uuid4", return_value=uuid.UUID(int=seed.getrandbits(128))),
            mock.patch.object(random, "random", return_value=seed.random()),
            mock.patch.object(time, "time", return_value=seed.uniform(1, 10_000)),
        ]
        for patch in self._patches:
            patch.start()

    def _stop(self) -> None:
        for patch in reversed(self._patches):
            patch.stop()
        self._patches = []


Function = Callable[[Mapping[str, Any], Any, Any], dict[str, Any]]
"""``walk``, and what it is compared with: event, context, services."""


async def _watched(
    stage: Stage, function: DurableFunction, changed: Callable[[int], Mapping[str, Any]], walked: Function
) -> tuple[Ran, list[list[Asked]]]:
    """Run an execution of three slices; ``changed``: how the context of a call, by its number, differs.

    Return it, and what each of its calls asked its context for.
    """
    await stage.open(PAGES, crawl=WALK, lane=DURABLE)
    (message,) = await stage.asked()
    calls: list[list[Asked]] = []

    def watched(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        scramble = Scramble(len(calls))
        one = Watched(context, unscrambled=scramble.not_here, **changed(len(calls)))
        calls.append(one.asked)
        with scramble.everywhere():
            return walked(event, one, stage.services())

    return await function.run(message.event(), watched), calls


def _two_pages(stage: Stage) -> Function:
    clock = Clock()

    def visit(_url: str) -> None:
        clock.now += 60

    stage.visitor.on_visit = visit

    def walked(event: Mapping[str, Any], context: Any, services: Any) -> dict[str, Any]:
        return walk(event, context, services, deadline=lambda _: Deadline.after(140, clock=clock))

    return walked


def _is_one_story(calls: list[list[Asked]]) -> bool:
    """Say whether every call asked for what the one before had asked for, and then for more."""
    return all(later[: len(sooner)] == sooner for sooner, later in pairwise(calls))


async def test_every_replay_asks_for_the_same(stage: Stage, function: DurableFunction) -> None:
    """With another clock and other chance in each call the names, their order and the waits stay as they were."""
    ran, calls = await _watched(stage, function, lambda _: {}, _two_pages(stage))
    assert (ran.status, ran.answer["done"], len(calls)) == ("SUCCEEDED", 1, 3)
    assert _is_one_story(calls)
    assert [name for _, name, _ in calls[-1]] == ["ready", "slice-0", "rest-0", "slice-1", "rest-1", "slice-2"]


@pytest.mark.parametrize("outside", ["clock", "chance"])
async def test_a_value_read_outside_of_a_step_is_caught(stage: Stage, function: DurableFunction, outside: str) -> None:
    """The SDK lets such a function succeed: a wait of another length in each replay. The comparison above sees it."""
    walked = _two_pages(stage)
    read = {"clock": lambda: int(time.time()) % 30, "chance": lambda: uuid.uuid4().int % 30}[outside]

    def wrong(event: Mapping[str, Any], context: Any, services: Any) -> dict[str, Any]:
        wait = context.wait
        longer = read()

        class Late(Watched):
            def wait(self, duration: Any, name: str) -> None:
                wait(type(duration).from_seconds(duration.to_seconds() + longer), name)

        late = Late(context.context, asked=context.asked, unscrambled=context.unscrambled)
        return walked(event, late, services)

    ran, calls = await _watched(stage, function, lambda _: {}, wrong)
    assert (ran.status, len(calls)) == ("SUCCEEDED", 3)
    assert not _is_one_story(calls)


async def test_another_name_of_a_step_is_caught(stage: Stage, function: DurableFunction) -> None:
    """A release that names its steps otherwise can't go on with an execution of the one before: the SDK ends it."""
    changed = {"rename": lambda name: f"{name}-renamed"}
    ran, calls = await _watched(stage, function, lambda call: changed if call else {}, _two_pages(stage))
    assert (ran.status, len(calls)) == ("FAILED", 2)
    assert "NonDeterministicExecutionError" in ran.error


async def test_a_step_that_is_left_out_is_caught(stage: Stage, function: DurableFunction) -> None:
    """So can't one that leaves a step out."""
    changed = {"left_out": frozenset({"ready"})}
    ran, calls = await _watched(stage, function, lambda call: changed if call else {}, _two_pages(stage))
    assert (ran.status, len(calls)) == ("FAILED", 2)
    assert "NonDeterministicExecutionError" in ran.error


async def test_an_execution_that_was_ended_so_loses_no_page(stage: Stage, function: DurableFunction) -> None:
    """The invocation of such an execution is silent then: the reaper gives its task to a new one, where it stood."""
    changed = {"rename": lambda name: f"{name}-renamed"}
    walked = _two_pages(stage)
    await _watched(stage, function, lambda call: changed if call else {}, walked)
    await stage.rows("UPDATE trapline.invocation SET heartbeat_at = heartbeat_at - interval '2 min'")
    assert await stage.asked() == []
    found = await rescue.reap_lane(stage.database, LANE, location=location)
    assert (len(found.orphaned), len(found.returned)) == (1, 1)
    (message,) = await stage.asked()
    ran = await DurableFunction(dsn=function.dsn).run(
        message.event(), lambda event, context: walked(event, context, stage.services())
    )
    assert (ran.answer["done"], stage.visitor.visited) == (1, PAGES)
