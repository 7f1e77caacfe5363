"""Crawl speed: `trapline crawl` end to end beside bare Playwright loops and Crawlee, in interleaved rounds."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks import rules
from tests.benchmarks.processes import OTHERS_MOST, Finished, run_all
from tests.benchmarks.table import spread, table
from tests.support.manual import find_manual, page_urls, serve
from tools.shell import ToolError, say
from tools.workspace.environment import PEERS

PROCESSES = 2
"""Processes with a browser each: what `trapline crawl` takes on two cores."""
IN_FLIGHT = 3
"""Pages at once in each: the default of ``pages_in_flight``."""
PEER_FOLDER = Path(__file__).parent / "peers"

CONFIG = """lanes:
  bench: {{{lane}}}
crawls:
  manual:
    lane: bench
    isolation: {isolation}
    screenshot: never
    html: never
    alert: {{on: []}}
    urls:
{urls}
"""
"""A crawl of one lane, as ``--only crawl`` and ``--only memory`` have it."""
_LANE = f"max_invocations: {PROCESSES}, tasks_per_invocation: {{share}}, pages_in_flight: {IN_FLIGHT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Who crawls. ``mode`` is an isolation for Trapline, a way of the peers' scripts for the others."""

    name: str
    script: str | None
    mode: str


CONTESTANTS = (
    Contestant(name="trapline, isolation: crawl", script=None, mode="crawl"),
    Contestant(name="bare loop, page reused", script="bare.py", mode="reuse"),
    Contestant(name="trapline, isolation: clean", script=None, mode="clean"),
    Contestant(name="trapline, isolation: page", script=None, mode="page"),
    Contestant(name="bare loop, context per page", script="bare.py", mode="context"),
    Contestant(name="Crawlee PlaywrightCrawler", script="crawlee_loop.py", mode="reuse"),
    Contestant(name="Scrapy, scrapy-playwright", script="scrapy_loop.py", mode="page"),
)

RATIOS = (
    ("trapline, isolation: crawl", "bare loop, page reused", 0.6),
    ("trapline, isolation: crawl", "Crawlee PlaywrightCrawler", 1.5),
    ("trapline, isolation: clean", "Crawlee PlaywrightCrawler", 1.8),
    ("trapline, isolation: page", "bare loop, context per page", 0.8),
    ("trapline, isolation: page", "Crawlee PlaywrightCrawler", 1.0),
    ("trapline, isolation: clean", "Scrapy, scrapy-playwright", 1.0),
)
"""Who is divided by whom, and the least the project asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One contestant's one round. ``seconds`` from its first act to its last page; ``wall`` from process start to end.

    Trapline's ``seconds`` is its run's: opening, counting, starting crawlers and browsers, all pages, all writes.
    Memory is MiB of PSS of the whole process tree, Postgres included and also by itself. ``cpu`` is the processor's
    seconds of the same tree, from process start to end; ``others`` the part of the machine that others used, of which
    the server of the pages, the same for all, is one.
    """

    pages: int
    seconds: float
    wall: float
    peak: float
    peak_postgres: float
    cpu: float
    others: float


def _run_peer(contestant: Contestant, urls: Sequence[str]) -> Lap:
    job = rules.job() | {"mode": contestant.mode, "in_flight": IN_FLIGHT}
    command = [str(PEERS.python), str(PEER_FOLDER / str(contestant.script))]
    inputs = [json.dumps(job | {"urls": list(urls[start::PROCESSES])}) for start in range(PROCESSES)]
    ended = run_all([command] * PROCESSES, inputs, env=os.environ)
    answers = [_answer(contestant.name, one) for one in ended]
    return Lap(
        pages=sum(answer["pages"] for answer in answers),
        seconds=max(answer["seconds"] for answer in answers),
        wall=max(one.seconds for one in ended),
        peak=ended[0].peak,
        peak_postgres=ended[0].peak_postgres,
        cpu=ended[0].cpu,
        others=ended[0].others,
    )


def _run_trapline(contestant: Contestant, urls: Sequence[str], folder: Path) -> Lap:
    config = folder / f"{contestant.mode}.yaml"
    config.write_text(
        CONFIG.format(
            lane=_LANE.format(share=-(-len(urls) // PROCESSES)),
            isolation=contestant.mode,
            urls="\n".join(f"      - {url}" for url in urls),
        )
    )
    data = folder / f"data-{contestant.mode}"
    (one,) = run_all(
        [trapline("crawl", str(config), "--data-dir", str(data), "--json")], [""], env=own_environment(), mark=str(data)
    )
    (run,) = _answer(contestant.name, one)["runs"]
    return Lap(
        pages=run["tasks"]["done"],
        seconds=run["seconds"],
        wall=one.seconds,
        peak=one.peak,
        peak_postgres=one.peak_postgres,
        cpu=one.cpu,
        others=one.others,
    )


def trapline(*arguments: str) -> list[str]:
    """Return the command line of the real command of this workspace."""
    return [str(Path(sys.executable).parent / "trapline"), *arguments]


def own_environment() -> dict[str, str]:
    """Return the environment without ``DATABASE_URL``: the bench measures the embedded Postgres. Its site is here."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return kept | {"TRAPLINE_ALLOW_PRIVATE": "127.0.0.0/8"}


def _answer(name: str, ended: Finished) -> dict[str, Any]:
    if ended.status != 0:
        raise ToolError(f"{name} ended with {ended.status}: {ended.errors.strip()[-800:] or ended.output[-800:]}")
    found: dict[str, Any] = json.loads(ended.output)
    return found


def measure(folder: Path, *, pages: int, rounds: int) -> dict[str, list[Lap]]:
    """Run every contestant ``rounds`` times in turn on the same ``pages`` pages of a real manual.

    Raises ``ToolError`` when one does not finish, or visits fewer pages than it was given.
    """
    PEERS.ensure()
    manual = find_manual()
    laps: dict[str, list[Lap]] = {contestant.name: [] for contestant in CONTESTANTS}
    for mode in ("crawl", "clean", "page"):
        # The embedded Postgres is made before, once: making a cluster is no part of crawling.
        command = trapline("migrate", "--data-dir", str(folder / f"data-{mode}"))
        subprocess.run(command, check=True, capture_output=True, timeout=120, env=own_environment())
    say(
        f"crawl: {pages} pages of {manual.source}; {PROCESSES} processes x {IN_FLIGHT} pages in flight; "
        f"{rules.executable()}"
    )
    with serve(manual) as base:
        urls = page_urls(manual, base, pages)
        for number in range(rounds):
            for contestant in CONTESTANTS:
                if contestant.script is None:
                    lap = _run_trapline(contestant, urls, folder)
                else:
                    lap = _run_peer(contestant, urls)
                if lap.pages != pages:
                    raise ToolError(f"{contestant.name} visited {lap.pages} of {pages} pages")
                warning = f"  others used {lap.others:.0%} of the machine" if lap.others > OTHERS_MOST else ""
                say(
                    f"  round {number + 1}  {contestant.name:<28} {pages / lap.seconds:6.1f} pages/s "
                    f"{lap.cpu * 1000 / pages:6.0f} ms of the processor a page{warning}"
                )
                laps[contestant.name].append(lap)
    return laps


def ratio(laps: Mapping[str, Sequence[Lap]], ours: str, theirs: str) -> list[float]:
    """Return pages/s of ``ours`` divided by pages/s of ``theirs``, round by round."""
    return [their.seconds / our.seconds for our, their in zip(laps[ours], laps[theirs], strict=True)]


def cpu_ratio(laps: Mapping[str, Sequence[Lap]], ours: str, theirs: str) -> list[float]:
    """Return the processor time a page of ``ours`` divided by that of ``theirs``, round by round."""
    return [our.cpu / their.cpu for our, their in zip(laps[ours], laps[theirs], strict=True)]


def report(laps: Mapping[str, Sequence[Lap]]) -> str:
    """Return both tables: speeds with memory, then ratios with what is asked of them."""
    speeds = [
        [
            name,
            spread([lap.pages / lap.seconds for lap in done]),
            spread([lap.pages / lap.wall for lap in done]),
            spread([lap.cpu * 1000 / lap.pages for lap in done], 0),
            f"{median(lap.peak for lap in done):.0f}",
            f"{median(lap.peak_postgres for lap in done):.0f}",
        ]
        for name, done in laps.items()
    ]
    ratios = [
        [
            f"{ours} / {theirs}",
            spread(ratio(laps, ours, theirs), 2),
            f">= {least}",
            spread(cpu_ratio(laps, ours, theirs), 2),
        ]
        for ours, theirs, least in RATIOS
    ]
    head = ["median of rounds (range)", "pages/s", "pages/s, wall", "CPU ms/page", "peak MiB", "of it Postgres"]
    return (
        table("Crawl speed", head, speeds)
        + "\n"
        + table("Ratios, round by round", ["pair", "pages/s", "asked", "CPU a page"], ratios)
    )


def as_json(laps: Mapping[str, Sequence[Lap]]) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return {
        "laps": {name: [asdict(lap) for lap in done] for name, done in laps.items()},
        "ratios": {f"{ours} / {theirs}": median(ratio(laps, ours, theirs)) for ours, theirs, _least in RATIOS},
        "cpu": {f"{ours} / {theirs}": median(cpu_ratio(laps, ours, theirs)) for ours, theirs, _least in RATIOS},
    }
