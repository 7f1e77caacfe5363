"""What the web view's screens cost on a large ledger: processor time of the view and of Postgres, and bytes sent."""

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import psutil

from tests.benchmarks.postgres import server
from tests.support.web_load import CRAWLS, PAGES, asked, build
from tests.support.web_view import served
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate
from trapline_common.ledger.views.screens.catalogue import SCREENS

REQUESTS = 200
_PATHS = {"overview": "/", "run": "/runs/{id}", "page": "/pages/{id}", "crawl": "/crawls/{name}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One address of the view."""

    path: str
    """The address."""
    median_ms: float
    """Milliseconds of processor time of one request, the view's and Postgres' together: the median."""
    p95_ms: float
    """The 95th percentile of the same."""
    postgres_ms: float
    """Postgres' part of the median."""
    bytes: int
    """Bytes of the answer, compressed."""


def measure(folder: Path, *, observations: int) -> list[Row]:
    """Fill a ledger, and ask for each address as often as a percentile needs."""
    with server(folder / "web") as postgres:
        return asyncio.run(_measure(postgres.fresh("web"), folder, postgres.folder, observations))


async def _measure(dsn: str, folder: Path, data: Path, observations: int) -> list[Row]:
    async with await Database.connect(dsn) as database:
        await migrate(database)
        await build(database, observations=observations)
    postmaster = psutil.Process(int((data / "postmaster.pid").read_text().partition("\n")[0]))
    rows = []
    async with served(dsn, folder) as view:
        for path in _addresses():
            reply = await view.get(path)
            if reply.status != 200:
                raise RuntimeError(f"{path}: {reply.status}")
            size = len(gzip.compress(reply.body, 9))
            here, there = [], []
            for _ in range(REQUESTS):
                own, others = _taken(psutil.Process()), sum(map(_taken, postmaster.children()))
                await view.get(path)
                here.append(_taken(psutil.Process()) - own)
                there.append(sum(map(_taken, postmaster.children())) - others)
            both = sorted(one + other for one, other in zip(here, there, strict=True))
            rows.append(
                Row(
                    path=path,
                    median_ms=median(both),
                    p95_ms=both[int(REQUESTS * 0.95)],
                    postgres_ms=median(there),
                    bytes=size,
                )
            )
    return rows


def _addresses() -> list[str]:
    found = []
    for name in SCREENS:
        for given in asked().get(name, [{}]):
            path = _PATHS.get(name, f"/{name}")
            left = {key: text for key, text in given.items() if f"{{{key}}}" not in path}
            found.append(path.format(**given) + (f"?{urlencode(left)}" if left else ""))
    return found


def _taken(process: psutil.Process) -> float:
    """Return the milliseconds that a process has run, all its threads; the kernel counts them in nanoseconds."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e6


def report(rows: Sequence[Row]) -> str:
    """Return the table."""
    lines = [
        f"The web view: {PAGES:,} pages, {CRAWLS} crawls, {REQUESTS} requests of each address",
        "| address | CPU ms: median | p95 | of it Postgres | kB compressed |",
        "|---|---|---|---|---|",
        *(
            f"| `{row.path}` | {row.median_ms:.0f} | {row.p95_ms:.0f} | {row.postgres_ms:.0f} "
            f"| {row.bytes / 1000:.1f} |"
            for row in rows
        ),
    ]
    return "\n".join(lines) + "\n"


def as_json(rows: Sequence[Row]) -> dict[str, object]:
    """Return the rows."""
    return {"rows": [asdict(row) for row in rows]}
