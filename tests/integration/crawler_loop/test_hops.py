"""A run of more invocations than Lambda lets one chain have: each chain is cut off, the tick begins another."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from support.alerts import Clock
from support.crawler_stage import Stage
from support.dispatcher_stage import Stage as DispatcherStage
from support.postgres import as_role
from trapline_common.domain.errors import RefusedError
from trapline_common.domain.messages import MAX_HOP, parse_crawl
from trapline_common.platform.lambda_runtime import Deadline

LIMIT = 16
"""Invocations that Lambda lets run in one chain ("Lambda recursive loop detection"); the next is stopped."""
PAGES = 45
MINUTES = 10
"""More than this many ticks are too many: the test ends."""
CRAWLS = f"""
lanes:
  default: {{max_invocations: 1, tasks_per_invocation: 1, pages_in_flight: 1}}
crawls:
  many:
    urls: [{", ".join(f"https://many.example/{number}" for number in range(PAGES))}]
"""


@dataclass(slots=True, kw_only=True)
class Lambda:
    """Lambda between the product's own adapters: it keeps events until they run and stops deep chains."""

    together: bool
    """Whether the chain's invocations of all functions count (as in MiniStack), or the function's own (as AWS says)."""
    events: deque[tuple[str, Mapping[str, Any], dict[str, int]]] = field(default_factory=deque)
    """Function, message and depths of each event that waits."""
    depths: dict[str, int] = field(default_factory=dict)
    """How often each function has run in the chain of the event that runs now."""
    stopped: list[str] = field(default_factory=list)
    """The functions whose events were refused."""

    def put(self, function: str, message: Mapping[str, Any]) -> None:
        """Take one event. Raises ``RefusedError``, as for Lambda's RecursiveInvocationException."""
        depth = sum(self.depths.values()) if self.together else self.depths.get(function, 0)
        if depth >= LIMIT:
            self.stopped.append(function)
            raise RefusedError("RecursiveInvocationException")
        self.events.append((function, message, {**self.depths, function: self.depths.get(function, 0) + 1}))

    async def invoke(self, message: Mapping[str, Any]) -> None:
        """Be the dispatcher's ``Invoker``."""
        self.put("crawler", message)

    async def nudge(self, service: str, message: Mapping[str, Any]) -> None:
        """Be the ``Nudger``; what is stopped is lost, as with the adapter for Lambda."""
        try:
            self.put(service, message)
        except RefusedError:
            return


@pytest.mark.parametrize(("together", "chain"), [(True, LIMIT // 2), (False, MAX_HOP + 1)])
async def test_a_run_of_more_than_forty_invocations_ends_though_lambda_stops_chains(
    dsn: str, stage: Stage, together: bool, chain: int
) -> None:
    """At a cap of 1 and a page per invocation 45 pages take 45 invocations; the minute's tick starts each chain."""
    platform, clock = Lambda(together=together), Clock()
    dispatcher = DispatcherStage(
        dsn=as_role(dsn, "trapline_dispatcher"), database=stage.database, invoker=platform, nudger=platform
    )
    dispatcher.configure(CRAWLS)
    stage.nudger = platform

    def a_long_visit(_url: str) -> None:
        clock.now += 100  # of the 120 s that the function has

    stage.visitor.on_visit = a_long_visit

    async def run_chain() -> int:
        ran = 0
        while platform.events:
            function, message, platform.depths = platform.events.popleft()
            if function == "dispatcher":
                await dispatcher.handle(message)
            elif function == "crawler":
                await stage.live(parse_crawl(message), deadline=Deadline.after(120, clock=clock))
                ran += 1
        return ran

    platform.depths = {"dispatcher": 1}
    await dispatcher.open("many")
    chains = [await run_chain()]
    while await stage.tasks() != {"done": PAGES}:
        assert len(chains) < MINUTES, chains
        platform.depths = {"dispatcher": 1}
        await dispatcher.reap()
        chains.append(await run_chain())

    whole, rest = divmod(PAGES, chain)
    assert chains == [chain] * whole + [rest]
    assert await stage.invocations() == ["succeeded"] * PAGES
    assert await dispatcher.runs() == [("many", "ended", "completed")]
    # Counted together Lambda itself cuts every chain but the last; else the crawler's own limit comes first
    assert platform.stopped == (["dispatcher"] * whole if together else [])
