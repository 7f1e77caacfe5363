"""What the last release's services do, by its own code, on the database that the command line names.

``test_older_code.py`` runs it as a process whose modules, ``support`` among them, are the last release's.
"""

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from uuid import UUID

from support.ledger import LANE, complete, fail_page, make_old, open_run, place, urls, value
from support.postgres import as_role
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.ids import OwnerToken
from trapline_common.store import hosts, invocations, lanes, rescue, robots, runs, sessions, tasks
from trapline_common.store.alerts import PostgresOutbox
from trapline_common.store.database import Database
from trapline_common.store.migrate import migrate, migrations

CRAWLER_TOKEN = OwnerToken(UUID(int=7))
CRAWL = CrawlConfig.model_validate(
    {
        "name": "docs",
        "urls": urls(4),
        "alert": {"on": ["failure", "change", "recovery", "summary"], "after_failures": 1},
    }
)


class Services:
    """One connection for each service, under its own role, and the administrator's."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    async def connect(self, stack: AsyncExitStack) -> None:
        """Open the connections; ``stack`` closes them."""
        for name in ("dispatcher", "crawler", "notifier", "operator"):
            database = await Database.connect(as_role(self.dsn, f"trapline_{name}"))
            setattr(self, name, await stack.enter_async_context(database))
        self.administrator = await stack.enter_async_context(await Database.connect(self.dsn))


async def first_run(on: Services) -> int:
    """Open a run and work it to its end: pages that are good, that fail, that are tried again and put off."""
    run_id = await open_run(on.dispatcher, CRAWL.urls, crawl=CRAWL, lane=LaneConfig(max_invocations=2))
    (invocation,) = (await lanes.plan(on.dispatcher, LANE)).created
    assert await invocations.claim_asking(on.dispatcher, invocation)
    assert await invocations.mark_pending(on.dispatcher, invocation)
    held = await invocations.become_ready(
        on.crawler, invocation, owner=CRAWLER_TOKEN, request_id="request", place="older code"
    )
    good, bad, again, late = await tasks.lease_share(on.crawler, held, share=25, another=False)
    for task in (good, bad, again, late):
        assert await tasks.start(on.crawler, task.lease) is None
    turn = await hosts.take_turn(
        on.crawler, good.lease, lane=LANE, host="site.example", delay=0.0, places=2, patience=1.0
    )
    assert turn.taken
    assert await robots.claim(on.crawler, "https://site.example")
    await robots.put(on.crawler, "https://site.example", "User-agent: *", good_for=60)
    assert await sessions.claim(on.crawler, "docs", held.invocation_id, version=0, seconds=60)
    assert await sessions.keep(on.crawler, "docs", held.invocation_id, version=0, binding="b", state=b"s") == 1
    await complete(on.crawler, good, text="first", content_hash="1")
    await fail_page(on.crawler, bad)
    await tasks.retry(on.crawler, again.lease, reason="timeout: slow", delay=0)
    await tasks.put_off(on.crawler, late.lease, reason="host", delay=0)
    await invocations.heartbeat(on.crawler, held)
    for task in await tasks.lease_share(on.crawler, held, share=25, another=False):
        assert await tasks.start(on.crawler, task.lease) is None
        await complete(on.crawler, task)
    assert await runs.end_if_done(on.crawler, run_id)
    assert await invocations.succeed(on.crawler, held)
    return run_id


async def second_run(on: Services) -> int:
    """Visit the same pages again: one changed, one recovered, and one kills every invocation that takes it."""
    run_id = await open_run(on.dispatcher, CRAWL.urls, crawl=CRAWL, lane=LaneConfig(max_invocations=1))
    held = await _ready(on)
    changed, recovered, poison, handed_back = await tasks.lease_share(on.crawler, held, share=25, another=False)
    assert (await complete(on.crawler, changed, text="second", content_hash="2")).changed
    await complete(on.crawler, recovered)
    await tasks.hand_back_one(on.crawler, handed_back.lease)
    assert await tasks.start(on.crawler, poison.lease) is None
    for _ in range(10):
        await make_old(on.administrator, "invocation", "heartbeat_at", 3600)
        rescued = await rescue.reap_lane(on.dispatcher, LANE, place=place)
        if rescued.poisoned:
            break
        held = await _ready(on)
        for task in await tasks.lease_share(on.crawler, held, share=1, another=False):
            assert await tasks.start(on.crawler, task.lease) is None
            if task.lease.task_id != poison.lease.task_id:
                await complete(on.crawler, task)
    else:
        raise AssertionError("the poison page was never given up")
    for _ in range(3):
        if await value(on.administrator, "SELECT count(*) FROM trapline.task WHERE ended_at IS NULL"):
            held = await _ready(on)
            for task in await tasks.lease_share(on.crawler, held, share=25, another=False):
                assert await tasks.start(on.crawler, task.lease) is None
                await complete(on.crawler, task)
            assert await invocations.succeed(on.crawler, held)
    assert await runs.end_if_done(on.dispatcher, run_id)
    return run_id


async def third_run(on: Services) -> int:
    """Cancel a run as the operator does, while an invocation holds its tasks."""
    run_id = await open_run(on.dispatcher, CRAWL.urls, crawl=CRAWL, lane=LaneConfig(max_invocations=1))
    held = await _ready(on)
    assert len(await tasks.lease_share(on.crawler, held, share=25, another=False)) == 4
    assert await runs.cancel(on.operator, run_id) == 4
    return run_id


async def _ready(on: Services) -> invocations.Held:
    (invocation,) = (await lanes.plan(on.dispatcher, LANE)).created
    held = await invocations.become_ready(
        on.crawler, invocation, owner=CRAWLER_TOKEN, request_id="request", place="older code"
    )
    assert held is not None
    return held


async def send(on: Services) -> int:
    """Send what is due, as the notifier does, and return how many alerts that was."""
    outbox = PostgresOutbox(on.notifier)
    await outbox.turn(0.0)
    claimed = await outbox.claim(100, 60)
    await outbox.mark_sent([alert.id for alert in claimed], "message")
    return len(claimed)


async def main(dsn: str) -> None:
    """Go through everything and print the ids of the runs and the number of alerts sent."""
    on = Services(dsn)
    async with AsyncExitStack() as stack:
        await on.connect(stack)
        assert await migrate(on.administrator) == [], "a newer schema is left alone"
        assert migrations()[-1].version == int(sys.argv[2]), "this is not the last release's code"
        found = [await first_run(on), await second_run(on), await third_run(on)]
        json.dump({"runs": found, "sent": await send(on)}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
