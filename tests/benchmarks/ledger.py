"""The ledger's speed: lease and complete in tasks/s with eight clients, beside procrastinate and pgqueuer."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.postgres import Server, server
from tests.benchmarks.table import spread, table
from tools.shell import ToolError, say
from tools.workspace.environment import PEERS

PROCESSES = 2
CLIENTS = 4
"""Clients, each with a connection of its own, in each process."""
LEAST = 3000
"""Tasks/s the project asks of its own ledger."""
FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Who works: a script with ``prepare`` and ``work`` (see ``peers/queues.py``), and how many tasks a lease takes."""

    name: str
    batch: int

    @property
    def command(self) -> list[str]:
        if self.name.startswith("trapline"):
            return [sys.executable, "-m", "tests.benchmarks.ledger_ours", self.name]
        return [str(PEERS.python), str(FOLDER / "peers/queues.py"), self.name]


CONTESTANTS = (
    Contestant(name="trapline", batch=1),
    Contestant(name="procrastinate", batch=1),
    Contestant(name="pgqueuer", batch=1),
    Contestant(name="trapline", batch=10),
    Contestant(name="pgqueuer", batch=10),
    Contestant(name="trapline", batch=25),
    Contestant(name="trapline+start", batch=25),
    Contestant(name="pgqueuer", batch=25),
)


def _work(contestant: Contestant, dsn: str) -> tuple[int, float]:
    """Start the processes, let them all connect, then say go; returns tasks done and the slowest one's seconds."""
    command = [*contestant.command, "work", dsn, str(CLIENTS), str(contestant.batch)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                raise ToolError(f"{contestant.name}: {process.communicate(timeout=30)[1].strip()[-800:]}")
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=180) for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    if any(process.returncode != 0 for process in running):
        raise ToolError(f"{contestant.name}: " + " ".join(error.strip()[-400:] for _out, error in outputs))
    answers = [json.loads(out) for out, _error in outputs]
    return sum(answer["done"] for answer in answers), max(answer["seconds"] for answer in answers)


def _once(contestant: Contestant, postgres: Server, tasks: int) -> float:
    dsn = postgres.fresh(f"ledger_{contestant.name}_{contestant.batch}")
    prepare = [*contestant.command, "prepare", dsn, str(tasks)]
    prepared = subprocess.run(prepare, capture_output=True, text=True, timeout=180, check=False)
    if prepared.returncode != 0:
        raise ToolError(f"{contestant.name}: {prepared.stderr.strip()[-800:]}")
    done, seconds = _work(contestant, dsn)
    if done != tasks:
        raise ToolError(f"{contestant.name} completed {done} of {tasks} tasks")
    return tasks / seconds


def measure(folder: Path, *, tasks: int, rounds: int) -> dict[str, list[float]]:
    """Return tasks/s by contestant and lease, round by round, each on a database of its own in one server."""
    PEERS.ensure()
    speeds: dict[str, list[float]] = {key(contestant): [] for contestant in CONTESTANTS}
    with server(folder / "ledger") as postgres:
        say(f"ledger: {tasks} tasks, {PROCESSES} processes x {CLIENTS} clients; {postgres.settings()}")
        for number in range(rounds):
            for contestant in CONTESTANTS:
                speed = _once(contestant, postgres, tasks)
                say(f"  round {number + 1}  {key(contestant):<28} {speed:8.0f} tasks/s")
                speeds[key(contestant)].append(speed)
    return speeds


def key(contestant: Contestant) -> str:
    """Return the contestant's name in the report."""
    return f"{contestant.name}, lease of {contestant.batch}"


def ratios(speeds: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
    """Return ours divided by each peer's with the same lease, round by round."""
    return {
        f"trapline / {peer.name}, lease of {peer.batch}": [
            ours / theirs
            for ours, theirs in zip(speeds[f"trapline, lease of {peer.batch}"], speeds[key(peer)], strict=True)
        ]
        for peer in CONTESTANTS
        if not peer.name.startswith("trapline")
    }


def report(speeds: Mapping[str, Sequence[float]]) -> str:
    """Return both tables."""
    rows = [
        [name, spread(values, 0), f">= {LEAST}" if name.startswith("trapline") else ""]
        for name, values in speeds.items()
    ]
    pairs = [[name, spread(values, 2)] for name, values in ratios(speeds).items()]
    return (
        table("Ledger: lease and complete, one completion per task", ["contestant", "tasks/s", "asked"], rows)
        + "\n"
        + table("Ratios, round by round", ["pair", "ratio"], pairs)
    )


def as_json(speeds: Mapping[str, Sequence[float]]) -> dict[str, object]:
    """Return everything measured, for ``--json``."""
    return {"tasks_per_second": dict(speeds), "ratios": {name: median(found) for name, found in ratios(speeds).items()}}
