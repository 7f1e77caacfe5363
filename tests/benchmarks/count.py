"""The exactness of the count: eight dispatchers at once, invocations made divided by invocations needed."""

import asyncio
import random
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.postgres import server
from tests.benchmarks.table import table
from tools.shell import say
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.capacity import LaneLimits, LaneLoad, missing_invocations
from trapline_common.domain.ids import LaneName
from trapline_common.ledger import invocations, lanes, runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate

ROUNDS = 40
DISPATCHERS = 8
SEED = 20
"""Fixed, so that every machine plays the same rounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One lane's round: what the count asks for, the rows made, and how often Invoke would have been called."""

    waiting: int
    max_invocations: int
    tasks_per_invocation: int
    needed: int
    rows: int
    invoked: int


async def _dispatch(database: Database, lane: LaneName) -> tuple[int, int]:
    """Do what a dispatcher does: plan, then claim what has not been asked for; return rows made and claims won."""
    plan = await lanes.plan(database, lane)
    waiting = await invocations.unasked(database)
    won = [await invocations.claim_asking(database, one) for one in waiting]
    return len(plan.created), sum(claim is not None for claim in won)


async def _round(dispatchers: Sequence[Database], number: int, chance: random.Random) -> Round:
    lane = LaneName(f"lane-{number}")
    limits = LaneConfig(max_invocations=chance.randint(1, 30), tasks_per_invocation=chance.randint(1, 20))
    waiting = chance.randint(1, 300)
    urls = tuple(f"http://127.0.0.1/{number}/{page}" for page in range(waiting))
    crawl = CrawlConfig(name=f"crawl-{number}", lane=lane, urls=urls)
    opening = await runs.begin(dispatchers[0], crawl, limits, fingerprint="count", request=uuid.uuid4())
    await runs.fill(dispatchers[0], opening.run_id, crawl, urls)
    made = await asyncio.gather(*(_dispatch(database, lane) for database in dispatchers))
    needed = missing_invocations(
        LaneLoad(waiting=waiting, idle=0, running=0),
        LaneLimits(max_invocations=limits.max_invocations, tasks_per_invocation=limits.tasks_per_invocation),
    )
    return Round(
        waiting=waiting,
        max_invocations=limits.max_invocations,
        tasks_per_invocation=limits.tasks_per_invocation,
        needed=needed,
        rows=sum(rows for rows, _claims in made),
        invoked=sum(claims for _rows, claims in made),
    )


async def _play(dsn: str) -> list[Round]:
    dispatchers = [await Database.connect(dsn) for _ in range(DISPATCHERS)]
    try:
        await migrate(dispatchers[0])
        chance = random.Random(SEED)
        return [await _round(dispatchers, number, chance) for number in range(ROUNDS)]
    finally:
        for database in dispatchers:
            await database.close()


def measure(folder: Path) -> list[Round]:
    """Play every round on one fresh database."""
    with server(folder / "count") as postgres:
        say(f"count: {ROUNDS} rounds of {DISPATCHERS} dispatchers at once")
        return asyncio.run(_play(postgres.fresh("count")))


def exact(rounds: Sequence[Round]) -> int:
    """Return in how many rounds rows and Invokes were exactly what was needed."""
    return sum(one.rows == one.needed == one.invoked for one in rounds)


def report(rounds: Sequence[Round]) -> str:
    """Return the table."""
    needed, rows, invoked = (sum(getattr(one, name) for one in rounds) for name in ("needed", "rows", "invoked"))
    worst = max(max(one.rows, one.invoked) / one.needed for one in rounds)
    lines = [
        ["invocations needed", f"{needed}", ""],
        ["rows made / needed", f"{rows / needed:.2f}", "1.00"],
        ["Invokes asked / needed", f"{invoked / needed:.2f}", "1.00"],
        ["worst round", f"{worst:.2f}", "1.00"],
        ["exact rounds", f"{exact(rounds)} of {len(rounds)}", f"{len(rounds)}"],
    ]
    return table(f"The count: {DISPATCHERS} dispatchers at once", ["figure", "measured", "asked"], lines)


def as_json(rounds: Sequence[Round]) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return {"exact": exact(rounds), "rounds": [asdict(one) for one in rounds]}
