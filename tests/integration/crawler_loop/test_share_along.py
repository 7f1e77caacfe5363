"""The last result of a share brings the next one: what that saves, and that it leaves the bounds of a lease alone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.crawler_stage import Stage
from support.ledger import urls
from support.races import PATIENCE
from trapline_common.config.models import LaneConfig
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import Query


async def nothing(query: Query, rows: list[Any]) -> None:
    """Do nothing when a statement has been answered."""


def watch(patch: pytest.MonkeyPatch, then: Callable[[Query, list[Any]], Awaitable[None]] = nothing) -> Counter[str]:
    """Count the ledger's statements by name; ``then`` is told of each one's rows before the crawler is."""
    asked: Counter[str] = Counter()

    def noted(name: str) -> None:
        kept = getattr(Database, name)

        async def call(self: Database, query: Query, *args: object) -> object:
            asked[query.name] += 1
            found = await kept(self, query, *args)
            await then(query, found if isinstance(found, list) else [found])
            return found

        patch.setattr(Database, name, call)

    for name in ("fetch", "fetchrow", "fetchval"):
        noted(name)
    return asked


async def test_a_share_of_one_costs_no_round_trip_of_its_own(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twelve tasks leased one by one, one is leased by itself and eleven with the result before; the run ends once.

    After the last one the crawler asks by itself, whether there is really nothing.
    """
    await stage.open(urls(12), lane=LaneConfig(max_invocations=1, tasks_per_invocation=1, pages_in_flight=1))
    message = (await stage.asked())[0]
    asked = watch(monkeypatch)
    result = await stage.live(message)
    assert (result["done"], result["shares"]) == (12, 12)
    assert (asked["complete_and_lease"], asked["complete_visit"], asked["lease_share"]) == (12, 0, 2)
    assert await stage.rows("SELECT status::text FROM trapline.run") == [("ended",)]
    assert await stage.tasks() == {"done": 12}


class Held:
    """How many tasks the crawler held after each lease and each result."""

    def __init__(self) -> None:
        self.counts = [0]

    def count(self, query: Query, rows: list[Any]) -> None:
        """Take a statement's rows into account."""
        if query.name == "lease_share":
            self.counts.append(self.counts[-1] + len(rows))
        elif query.name == "complete_and_lease":
            self.counts.append(self.counts[-1] - 1 + sum(row["id"] is not None for row in rows))
        elif query.name == "complete_visit":
            self.counts.append(self.counts[-1] - 1)


async def until_done(stage: Stage, url: str) -> None:
    """Return once the page's task is done, and its crawler has had the time to go on."""
    async with asyncio.timeout(PATIENCE):
        while await stage.rows("SELECT status::text FROM trapline.task WHERE url = $1", url) != [("done",)]:
            pass
    for _ in range(5):  # by as many round trips as the crawler could make meanwhile
        await stage.rows("SELECT 1")


async def test_of_results_at_once_one_brings_a_share(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pages that end side by side, no more is ever leased than the others that load and one share."""
    lane = LaneConfig(max_invocations=1, tasks_per_invocation=3, pages_in_flight=3)
    await stage.open(urls(21), lane=lane)
    message, held = (await stage.asked())[0], Held()

    async def count(query: Query, rows: list[Any]) -> None:
        held.count(query, rows)

    asked = watch(monkeypatch, count)
    assert (await stage.live(message))["done"] == 21
    assert sorted(stage.visitor.visited) == sorted(urls(21))
    assert asked["complete_and_lease"] >= 3
    assert max(held.counts) <= lane.pages_in_flight - 1 + lane.tasks_per_invocation


@pytest.mark.parametrize(("slow", "nth"), [("complete_and_lease", 1), ("lease_share", 2)])
async def test_no_lease_is_asked_for_beside_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, slow: str, nth: int
) -> None:
    """While one is on its way, with a result or by itself, a page that ends brings none and lets none be asked for."""
    lane = LaneConfig(max_invocations=1, tasks_per_invocation=2, pages_in_flight=3 if slow == "lease_share" else 2)
    await stage.open(urls(12), lane=lane)
    message, held = (await stage.asked())[0], Held()
    first, second = (stage.visitor.hold(page) for page in urls(2))

    async def late(query: Query, rows: list[Any]) -> None:
        held.count(query, rows)
        if query.name == slow and asked[slow] == nth:
            (second if slow == "complete_and_lease" else first).release.set()
            await until_done(stage, urls(2)[1 if slow == "complete_and_lease" else 0])
            second.release.set()

    asked = watch(monkeypatch, late)
    living = asyncio.create_task(stage.live(message))
    await first.started()
    if slow == "complete_and_lease":
        await second.started()
        first.release.set()
    assert (await living)["done"] == 12
    assert max(held.counts) <= lane.pages_in_flight - 1 + lane.tasks_per_invocation


async def test_what_comes_with_a_result_after_the_stop_goes_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The crawler has handed back what waited, and waits for its last page: that one's result brings a share."""
    lane = LaneConfig(max_invocations=1, tasks_per_invocation=2, pages_in_flight=2)
    await stage.open(urls(6), lane=lane)
    message, stop = (await stage.asked())[0], asyncio.Event()
    first, second = (stage.visitor.hold(page) for page in urls(2))

    async def late(query: Query, rows: list[Any]) -> None:
        if query.name == "complete_and_lease":
            assert len(rows) == 2
            stop.set()
            second.release.set()
            await until_done(stage, urls(2)[1])

    watch(monkeypatch, late)
    living = asyncio.create_task(stage.live(message, stop=stop))
    await first.started()
    await second.started()
    first.release.set()
    result = await living
    assert (result["done"], result["handed_back"]) == (2, 2)
    assert await stage.tasks() == {"created": 4, "done": 2}


async def test_what_came_with_a_result_goes_back_when_the_crawler_stops(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop that comes beside a result: its share is neither visited nor lost."""
    await stage.open(urls(5), lane=LaneConfig(max_invocations=1, tasks_per_invocation=1, pages_in_flight=1))
    stop = asyncio.Event()
    message = (await stage.asked())[0]

    async def stops(query: Query, rows: list[Any]) -> None:
        if query.name == "complete_and_lease" and len(stage.visitor.visited) == 2:
            stop.set()

    watch(monkeypatch, stops)
    result = await stage.live(message, stop=stop)
    assert (result["done"], result["handed_back"]) == (2, 1)
    assert stage.visitor.visited == urls(2)
    assert await stage.tasks() == {"created": 3, "done": 2}
    assert await stage.invocations() == ["succeeded"]


async def test_a_result_that_can_not_be_written_does_not_stop_the_next_share(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task whose result is lost asked for a share; the loop leases by itself again."""
    await stage.open(urls(4), lane=LaneConfig(max_invocations=1, tasks_per_invocation=1, pages_in_flight=1))
    message = (await stage.asked())[0]
    page = stage.visitor.hold(urls(1)[0])
    asked = watch(monkeypatch)
    living = asyncio.create_task(stage.live(message))
    await page.started()
    take = "UPDATE trapline.task SET status = 'created', run_at = now() + interval '1 h' WHERE status = 'leased'"
    await stage.database.connection.execute(take)
    page.release.set()
    result = await living
    assert (result["done"], result["stale"]) == (3, 1)
    assert await stage.tasks() == {"created": 1, "done": 3}
    assert asked["lease_share"] >= 2
