"""What `trapline crawl` of one page costs from cold on one machine: the whole command, from its start to its end.

The data directory is there already, so the embedded Postgres is started and not made. Rounds are interleaved, and their
order turns, because other programs use the machine too; then processor time, of the whole process tree with Postgres,
is the figure to trust.
"""

import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.crawl import own_environment, trapline
from tests.benchmarks.processes import adopt, children_cpu, collect
from tests.benchmarks.table import spread, table
from tests.support.manual import find_manual, page_urls, serve
from tools.shell import ToolError, say

ASKED = 0.6
"""The most of the wall time of the checkout beside that this one's may take."""
TIMEOUT = 300.0
"""Seconds of one command."""
CONFIG = "crawls:\n  one: {{urls: [{url}], alert: {{on: []}}}}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One command."""

    seconds: float
    """Wall time."""
    cpu: float
    """Seconds of the processor, of its whole process tree."""


def _lap(command: Sequence[str]) -> Lap:
    known, before, start = adopt(), children_cpu(), time.monotonic()
    # Without byte code each process would compile all that it loads
    env = {name: value for name, value in own_environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env) as process:
        said, _ = process.communicate(timeout=TIMEOUT)
    seconds = time.monotonic() - start
    if process.returncode != 0:
        raise ToolError(f"{command[0]} ended with {process.returncode}: {said.strip()[-800:]}")
    collect(known)
    return Lap(seconds=seconds, cpu=children_cpu() - before)


def measure(folder: Path, *, rounds: int, beside: Path | None = None) -> dict[str, list[Lap]]:
    """Crawl one page of a real manual ``rounds`` times; return laps by name, those of the checkout ``beside`` first.

    Raises ``ToolError`` when a command fails. Linux only.
    """
    commands = {"this checkout": trapline("crawl")[0]}
    if beside is not None:
        commands = {beside.name: str(beside / ".venv/bin/trapline"), **commands}
    manual = find_manual()
    laps: dict[str, list[Lap]] = {name: [] for name in commands}
    with serve(manual) as base:
        config = folder / "cold.yaml"
        config.write_text(CONFIG.format(url=page_urls(manual, base, 1)[0]))
        turn = {
            name: [path, "crawl", str(config), "--data-dir", str(folder / f"cold-{number}")]
            for number, (name, path) in enumerate(commands.items())
        }
        for command in turn.values():
            _lap(command)
        for number in range(rounds):
            for name in list(turn) if number % 2 == 0 else reversed(turn):
                laps[name].append(_lap(turn[name]))
                say(f"  round {number + 1}  {name:<20} {laps[name][-1].seconds:6.2f} s")
    return laps


def ratio(laps: Mapping[str, Sequence[Lap]]) -> dict[str, float]:
    """Return this checkout's wall and processor time divided by those of the first: of medians, and of minima."""
    found = list(laps.values())
    first, last = found[0], found[-1]
    return {
        "wall, median": median(lap.seconds for lap in last) / median(lap.seconds for lap in first),
        "wall, minimum": min(lap.seconds for lap in last) / min(lap.seconds for lap in first),
        "processor, median": median(lap.cpu for lap in last) / median(lap.cpu for lap in first),
    }


def report(laps: Mapping[str, Sequence[Lap]]) -> str:
    """Return the table, and the ratios where there are two."""
    rows = [
        [name, spread([lap.seconds for lap in of_it], 2), spread([lap.cpu for lap in of_it], 2)]
        for name, of_it in laps.items()
    ]
    found = table("One page from cold", ["median of rounds (range)", "wall, s", "processor, s"], rows)
    if len(laps) > 1:
        pairs = [[name, f"{value:.2f}"] for name, value in ratio(laps).items()]
        found += "\n" + table(f"Ratios to {next(iter(laps))}; wall asked: <= {ASKED}", ["of", "ratio"], pairs)
    return found


def as_json(laps: Mapping[str, Sequence[Lap]]) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return {"laps": {name: [asdict(lap) for lap in of_it] for name, of_it in laps.items()}, "ratio": ratio(laps)}
