"""The memory of one process over ten thousand visits, tenth by tenth, and what is left of it at the end."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmarks.table import table
from tests.support.manual import find_manual, page_urls, serve
from tools.shell import ToolError, say

VISITS = 10_000
"""Visits, if the time allows them."""
IN_FLIGHT = 3
"""Pages at once: the default of ``pages_in_flight``."""
ASKED = 0.05
"""How far the memory of the last tenth of the visits may be from that of the second."""
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One process."""

    visits: int
    """Visits that it made."""
    tenths: Sequence[float]
    """Median MiB of PSS of its process tree in each tenth of them."""
    cpu: float
    """Seconds of the processor that a visit took, in all processes."""
    descriptors: int
    """Descriptors that it has more at the end than at the start."""
    processes: Sequence[str]
    """Processes that are left."""
    folders: Sequence[str]
    """Files and folders that are left where temporary ones belong."""

    @property
    def drift(self) -> float:
        """Return the memory of the last tenth divided by that of the second, less 1."""
        return self.tenths[-1] / self.tenths[1] - 1


def measure(folder: Path, *, visits: int, seconds: float, pages: int, isolation: str = "clean") -> Life:
    """Visit ``pages`` pages of a real manual in turn, at most so often and so long. Raises ``ToolError`` on a failure.

    ``seconds`` bound the visits.
    """
    manual = find_manual()
    say(f"endurance: {visits} visits or {seconds:.0f} s, {pages} pages of {manual.source}, isolation: {isolation}")
    temporary = folder / "endurance"
    temporary.mkdir()
    with serve(manual) as base:
        job = {"urls": page_urls(manual, base, pages), "visits": visits, "seconds": seconds}
        ended = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.endurance_visits"],
            input=json.dumps(job | {"isolation": isolation, "in_flight": IN_FLIGHT}),
            capture_output=True, text=True, timeout=seconds + 120, check=False, cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
        )  # fmt: skip
    if ended.returncode != 0:
        raise ToolError(f"endurance ended with {ended.returncode}: {ended.stderr.strip()[-800:]}")
    return life(json.loads(ended.stdout))


def life(found: Mapping[str, Any]) -> Life:
    """Return what the process said, its samples by tenths. Raises ``ToolError`` where a tenth has no sample."""
    visits, samples = found["visits"], found["samples"]
    tenths = [[size for count, size in samples if number <= count * 10 / visits < number + 1] for number in range(10)]
    if not all(tenths):
        raise ToolError(f"{visits} visits were too few, or too quick, for a sample in each tenth of them")
    left = {name: found[name] for name in ("descriptors", "processes", "folders")}
    return Life(visits=visits, tenths=[median(sizes) for sizes in tenths], cpu=found["cpu"] / visits, **left)


def report(found: Life) -> str:
    """Return the table."""
    rows = [
        ["visits", f"{found.visits}", ""],
        ["MiB of PSS, tenth by tenth", " ".join(f"{size:.0f}" for size in found.tenths), ""],
        ["last tenth to the second", f"{found.drift:+.1%}", f"within {ASKED:.0%}"],
        ["ms of the processor, each visit", f"{found.cpu * 1000:.0f}", ""],
        ["descriptors left", f"{found.descriptors}", "0"],
        ["processes left", " ".join(found.processes) or "none", "none"],
        ["files and folders left", " ".join(found.folders) or "none", "none"],
    ]
    return table("A long life of one process", ["", "found", "asked"], rows)


def as_json(found: Life) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return {**asdict(found), "drift": found.drift}
