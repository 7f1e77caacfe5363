"""Peak memory of `trapline crawl` with three pages in flight for each core, in each ``isolation``, and another's.

Processor time a page stands beside it, because memory that is bought with processor time is no saving. Rounds are
interleaved.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.crawl import CONFIG, own_environment, trapline
from tests.benchmarks.processes import OTHERS_MOST, run_all
from tests.benchmarks.table import spread, table
from tests.support.manual import find_manual, page_urls, serve
from tools.shell import ToolError, say
from trapline_common.domain.capacity import PAGES_IN_FLIGHT
from trapline_machine.settings import cores

FORMS = ("page", "clean", "crawl")
PER_CORE = "a crawler for each core"
"""Names a form whose lane says three pages, so that each core has a crawler; without, the machine plans by itself."""
BESIDE = ("page", "crawl")
"""The forms that every checkout knows."""
ASKED = {"page": ("page", 0.75), "clean": ("page", 0.7), "crawl": ("crawl", 0.75)}
"""By form: the form of the checkout beside, and the most of its peak that this one's may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One crawl. Memory and processor time are of the whole process tree, the command and its Postgres included."""

    peak: float
    """MiB of PSS."""
    private: float
    """MiB that no other process shares."""
    processes: int
    """The most of them at once."""
    pages: int
    """Pages of the crawl."""
    seconds: float
    """Wall time of the run."""
    cpu: float
    """Seconds of the processor."""
    others: float
    """The part of the machine that others used, of which the server of the pages is one."""


def _lap(command: str, form: str, urls: Sequence[str], folder: Path, *, per_core: bool) -> Lap:
    config = folder / "crawls.yaml"
    lane = f"tasks_per_invocation: {-(-len(urls) // cores())}"
    lane += f", pages_in_flight: {PAGES_IN_FLIGHT}" if per_core else ""
    config.write_text(
        CONFIG.format(lane=lane, isolation=form, urls="\n".join(f"      - {url}" for url in urls)),
    )
    line = [command, "crawl", str(config), "--data-dir", str(folder), "--json"]
    # Without byte code each process would compile all that it loads
    env = {name: value for name, value in own_environment().items() if name != "PYTHONDONTWRITEBYTECODE"}
    (ended,) = run_all([line], [""], env=env, mark=str(folder))
    if ended.status != 0:
        raise ToolError(f"{command} ended with {ended.status}: {ended.errors.strip()[-800:]}")
    (run,) = json.loads(ended.output)["runs"]
    if run["tasks"]["done"] != len(urls):
        raise ToolError(f"{command} visited {run['tasks']['done']} of {len(urls)} pages")
    return Lap(
        peak=ended.peak,
        private=ended.peak_private,
        processes=ended.processes,
        pages=len(urls),
        seconds=run["seconds"],
        cpu=ended.cpu,
        others=ended.others,
    )


def measure(folder: Path, *, pages: int, rounds: int, beside: Path | None = None) -> dict[str, list[Lap]]:
    """Crawl the same pages of a real manual in each form, ``rounds`` times in turn; return laps by name.

    The forms of the checkout ``beside`` are named after it. Raises ``ToolError`` when a crawl fails.
    """
    contestants = {form: (trapline()[0], form) for form in FORMS}
    contestants |= {f"{form}, {PER_CORE}": (trapline()[0], form) for form in FORMS}
    if beside is not None:
        other = str(beside / ".venv/bin/trapline")
        contestants |= {f"{form}, {beside.name}": (other, form) for form in BESIDE}
    commands = dict.fromkeys(command for command, _form in contestants.values())
    folders = {command: folder / f"memory-{number}" for number, command in enumerate(commands)}
    for command in commands:
        folders[command].mkdir(mode=0o755)
        line = [command, "migrate", "--data-dir", str(folders[command])]
        subprocess.run(line, check=True, capture_output=True, timeout=120, env=own_environment())
    manual = find_manual()
    say(f"memory: {pages} pages of {manual.source}; {cores() * PAGES_IN_FLIGHT} pages in flight")
    laps: dict[str, list[Lap]] = {name: [] for name in contestants}
    with serve(manual) as base:
        urls = page_urls(manual, base, pages)
        for number in range(rounds):
            for name in contestants if number % 2 == 0 else reversed(contestants):
                command, form = contestants[name]
                lap = _lap(command, form, urls, folders[command], per_core=name.endswith(PER_CORE))
                laps[name].append(lap)
                warning = f"  others used {lap.others:.0%} of the machine" if lap.others > OTHERS_MOST else ""
                say(
                    f"  round {number + 1}  {name:<20} {lap.peak:6.0f} MiB, private {lap.private:.0f}, "
                    f"{lap.cpu * 1000 / lap.pages:.0f} ms a page{warning}"
                )
    return laps


def _ratios(laps: Mapping[str, Sequence[Lap]], one: str, other: str) -> tuple[list[float], list[float], list[float]]:
    """Return peaks, processor times and speeds of ``one`` divided by those of ``other``, round by round."""
    pairs = list(zip(laps[one], laps[other], strict=True))
    return (
        [a.peak / b.peak for a, b in pairs],
        [a.cpu / b.cpu for a, b in pairs],
        [b.seconds / a.seconds for a, b in pairs],
    )


def ratios(laps: Mapping[str, Sequence[Lap]], beside: str) -> dict[str, tuple[list[float], list[float]]]:
    """Return by form its peak, and its processor time, divided by what ``ASKED`` compares it with, round by round."""
    return {form: _ratios(laps, form, f"{other}, {beside}")[:2] for form, (other, _most) in ASKED.items()}


def report(laps: Mapping[str, Sequence[Lap]], beside: str | None = None) -> str:
    """Return the table, and the ratios where another checkout was measured."""
    rows = [
        [
            name,
            spread([lap.peak for lap in of_it], 0),
            spread([lap.private for lap in of_it], 0),
            f"{max(lap.processes for lap in of_it)}",
            spread([lap.cpu * 1000 / lap.pages for lap in of_it], 0),
            spread([lap.pages / lap.seconds for lap in of_it]),
        ]
        for name, of_it in laps.items()
    ]
    head = ["median of rounds (range)", "peak PSS, MiB", "private, MiB", "processes", "CPU ms/page", "pages/s"]
    plans = [
        [form, *(spread(each, 2) for each in _ratios(laps, form, f"{form}, {PER_CORE}"))]
        for form in FORMS
        if f"{form}, {PER_CORE}" in laps
    ]
    found = table(f"Memory of a crawl with {cores() * PAGES_IN_FLIGHT} pages in flight", head, rows)
    found += "\n" + table(f"Ratios to {PER_CORE}", ["median (range)", "peak PSS", "CPU", "pages/s"], plans)
    if beside is not None:
        pairs = [
            [f"{form} / {ASKED[form][0]}, {beside}", spread(peak, 2), f"<= {ASKED[form][1]}", spread(cpu, 2)]
            for form, (peak, cpu) in ratios(laps, beside).items()
        ]
        found += "\n" + table("Ratios, round by round", ["median (range)", "peak PSS", "asked", "CPU"], pairs)
    return found


def as_json(laps: Mapping[str, Sequence[Lap]], beside: str | None = None) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    found: dict[str, object] = {"laps": {name: [asdict(lap) for lap in of_it] for name, of_it in laps.items()}}
    if beside is not None:
        pairs = ratios(laps, beside)
        found["ratio"] = {form: {"peak": median(peak), "cpu": median(cpu)} for form, (peak, cpu) in pairs.items()}
    return found
