"""The same pages by each orchestrator of a lane, on the local AWS: the dispatcher, Step Functions, a queue.

Every time is the ledger's own: a run from its opening to its end, an invocation from its count to ``ready``, and the
summary from the run's end to its delivery at the web hook.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from uuid import uuid4

import asyncpg

from tests.benchmarks.table import spread, table
from tests.site.catalogue import PRODUCTS
from tools.local_aws import system, up
from tools.local_aws.deployment import NAME, Deployment
from tools.shell import ToolError, say
from tools.workspace.environment import LOCAL_AWS
from trapline_common.domain.messages import OpenRun

LANES = {
    "self": "",
    "map": ", orchestrator: step_functions",
    "queue": ", orchestrator: step_functions, queue: true",
}
"""What a lane says besides its limits, by the name of its crawl and of its lane."""
CAP = 4
"""Invocations at once of each lane, with three pages in flight each."""
PATIENCE = 600.0
"""Seconds that one run may take; then the benchmark fails."""
FOUND = """
    SELECT extract(epoch FROM r.ended_at - r.created_at)::float AS seconds, r.tasks_done, r.tasks_failed,
        (SELECT array_agg(extract(epoch FROM i.ready_at - i.created_at)::float) FROM trapline.invocation i
            WHERE i.lane = r.lane AND i.created_at >= r.created_at AND i.ready_at IS NOT NULL) AS starts,
        (SELECT count(*) FROM trapline.invocation i
            WHERE i.lane = r.lane AND i.created_at >= r.created_at) AS made,
        (SELECT extract(epoch FROM min(d.ended_at) - r.ended_at)::float FROM trapline.delivery d
            JOIN trapline.alert a ON a.id = d.alert_id
            WHERE a.run_id = r.id AND a.kind = 'summary' AND d.status = 'sent') AS summary,
        NOT EXISTS (SELECT FROM trapline.invocation i
            WHERE i.lane = r.lane AND i.status IN ('created', 'pending', 'ready', 'running')) AS is_idle
    FROM trapline.run r WHERE r.id = $1 AND r.ended_at IS NOT NULL
"""


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One run of all pages."""

    seconds: float
    """From its opening to its end."""
    starts: list[float]
    """Seconds of each invocation from its count to ``ready``."""
    made: int
    """Invocations."""
    summary: float
    """Seconds from the run's end until the web hook had its summary."""


Round = dict[str, Lap]
"""A lap of each orchestrator, by its name in ``LANES``."""


def measure(folder: Path, *, pages: int, rounds: int) -> list[Round]:
    """Return the rounds, each with another orchestrator first; every function is warm. Raises ``ToolError``."""
    LOCAL_AWS.ensure()
    beneath = folder / "aws"
    crawls = folder / "orchestrators.yaml"
    crawls.write_text(_crawls(pages))
    on = system.start(beneath)
    try:
        made = up.deploy(on, crawls=crawls)
        for name in LANES:
            asyncio.run(_lap(on, made, name, pages))  # warms
        found = []
        for number in range(rounds):
            names = list(LANES)[number % len(LANES) :] + list(LANES)[: number % len(LANES)]
            laps = {name: asyncio.run(_lap(on, made, name, pages)) for name in names}
            found.append({name: laps[name] for name in LANES})
            say(f"orchestrators: {', '.join(f'{name} {lap.seconds:.1f} s' for name, lap in found[-1].items())}")
        return found
    finally:
        system.stop(beneath)


def _crawls(pages: int) -> str:
    urls = [f'"@SITE@/products/{PRODUCTS[n % len(PRODUCTS)].slug}?n={n}"' for n in range(pages)]
    share = -(-pages // CAP)
    limits = f"max_invocations: {CAP}, tasks_per_invocation: {share}, pages_in_flight: 3"
    lines = [
        "defaults: {timeout: 30s, retries: 1, alert: {on: [summary]}}",
        "lanes:",
        "  default: {max_invocations: 1}",
        *(f"  {name}: {{{limits}{more}}}" for name, more in LANES.items()),
        "crawls:",
        *(f"  {name}: {{lane: {name}, schedule: rate(300 days), urls: [{', '.join(urls)}]}}" for name in LANES),
    ]
    return "\n".join(lines) + "\n"


async def _lap(on: system.System, made: Deployment, crawl: str, pages: int) -> Lap:
    """Open a run, once the one before has ended and its invocations have, and wait for all that is measured."""
    connection = await asyncpg.connect(on.database_url)
    give_up = time.monotonic() + PATIENCE
    try:
        run_id = None
        while run_id is None:
            await connection.fetch("SELECT pg_sleep(0.5)")
            run_id = _opened(made, crawl)
            _not_forever(give_up, f"a run of {crawl}")
        while True:
            row = await connection.fetchrow(FOUND, run_id)
            if row is not None and row["summary"] is not None and row["is_idle"]:
                break
            await asyncio.sleep(0.1)
            _not_forever(give_up, f"the end of run {run_id} of {crawl}")
    finally:
        await connection.close()
    if row["tasks_done"] != pages:
        raise ToolError(f"run {run_id} of {crawl}: {row['tasks_done']} of {pages} pages are done")
    return Lap(seconds=row["seconds"], starts=row["starts"], made=row["made"], summary=row["summary"])


def _not_forever(give_up: float, what: str) -> None:
    if time.monotonic() > give_up:
        raise ToolError(f"not within {PATIENCE:.0f} s: {what}")


def _opened(made: Deployment, crawl: str) -> int | None:
    order = json.dumps(OpenRun(crawl=crawl, request=uuid4()).event()).encode()
    answer = made.client("lambda").invoke(FunctionName=f"{NAME}-dispatcher:live", Payload=order)
    opened = json.loads(answer["Payload"].read())
    if "run_id" not in opened:
        raise ToolError(f"the dispatcher opens no run of {crawl}: {opened}")
    return int(opened["run_id"]) if "tasks" in opened else None  # skipped: another is open


def report(rounds: Sequence[Round]) -> str:
    """Return the tables."""
    base = [one["self"].seconds for one in rounds]
    rows = []
    for name in LANES:
        laps = [one[name] for one in rounds]
        ratios = [lap.seconds / own for lap, own in zip(laps, base, strict=True)]
        starts = [start for lap in laps for start in lap.starts]
        rows.append(
            [
                name,
                spread([lap.seconds for lap in laps]),
                spread(ratios, 2),
                f"{median(starts):.2f}",
                f"{max(starts):.2f}",
                spread([lap.made / CAP for lap in laps], 2),
                spread([lap.summary for lap in laps], 2),
            ]
        )
    head = ["", "run, s", "of self", "created to ready, s", "worst", "made / needed", "end to summary, s"]
    return table(f"The same pages by each orchestrator, {len(rounds)} rounds on the local AWS", head, rows)


def as_json(rounds: Sequence[Round]) -> dict[str, object]:
    """Return everything measured."""
    return {"rounds": [{name: asdict(lap) for name, lap in one.items()} for one in rounds]}
