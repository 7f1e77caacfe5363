"""The ledger's speed: lease and complete in tasks/s with eight clients, beside procrastinate and pgqueuer.

Processor time per task stands beside it: of the clients while they work, and of Postgres with all its backends. On a
machine that does other work too it is the figure to compare.
"""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    """One contestant's round."""

    speed: float
    """Tasks per second, by the slowest process's clock."""
    client_cpu: float
    """Microseconds of processor time per task, of the client processes from the start signal to their last task."""
    server_cpu: float
    """Microseconds of processor time per task, of Postgres from the start signal until all clients have left."""

    @property
    def cpu(self) -> float:
        """Return the microseconds of both per task."""
        return self.client_cpu + self.server_cpu


def _work(contestant: Contestant, postgres: Server, dsn: str) -> tuple[int, Lap]:
    """Start the processes, let them all connect, then give the start signal; returns tasks done and what they cost."""
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
        before = postgres.cpu()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        outputs = [process.communicate(timeout=180) for process in running]
        after = postgres.cpu()
    finally:
        for process in running:
            process.kill()
            process.wait()
    if any(process.returncode != 0 for process in running):
        raise ToolError(f"{contestant.name}: " + " ".join(error.strip()[-400:] for _out, error in outputs))
    answers = [json.loads(out) for out, _error in outputs]
    done = sum(answer["done"] for answer in answers)
    if not done:
        raise ToolError(f"{contestant.name} completed no task")
    return done, Lap(
        speed=done / max(answer["seconds"] for answer in answers),
        client_cpu=1e6 * sum(answer["cpu"] for answer in answers) / done,
        server_cpu=1e6 * (after - before) / done,
    )


def _once(contestant: Contestant, postgres: Server, tasks: int) -> Lap:
    dsn = postgres.fresh(f"ledger_{contestant.name}_{contestant.batch}")
    prepare = [*contestant.command, "prepare", dsn, str(tasks)]
    prepared = subprocess.run(prepare, capture_output=True, text=True, timeout=180, check=False)
    if prepared.returncode != 0:
        raise ToolError(f"{contestant.name}: {prepared.stderr.strip()[-800:]}")
    done, lap = _work(contestant, postgres, dsn)
    if done != tasks:
        raise ToolError(f"{contestant.name} completed {done} of {tasks} tasks")
    return lap


def measure(folder: Path, *, tasks: int, rounds: int, peers: bool = True) -> dict[str, list[Lap]]:
    """Return the laps by contestant and lease, round by round, each on a database of its own in one server.

    Without ``peers`` only the project's own ledger runs: to compare two releases of it.
    """
    if peers:
        PEERS.ensure()
    contestants = [one for one in CONTESTANTS if peers or one.name.startswith("trapline")]
    laps: dict[str, list[Lap]] = {key(contestant): [] for contestant in contestants}
    with server(folder / "ledger") as postgres:
        say(f"ledger: {tasks} tasks, {PROCESSES} processes x {CLIENTS} clients; {postgres.settings()}")
        for number in range(rounds):
            for contestant in contestants:
                lap = _once(contestant, postgres, tasks)
                say(
                    f"  round {number + 1}  {key(contestant):<28} {lap.speed:8.0f} tasks/s "
                    f"{lap.cpu:8.0f} us of CPU each"
                )
                laps[key(contestant)].append(lap)
    return laps


def key(contestant: Contestant) -> str:
    """Return the contestant's name in the report."""
    return f"{contestant.name}, lease of {contestant.batch}"


def ratios(laps: Mapping[str, Sequence[Lap]]) -> dict[str, list[float]]:
    """Return our tasks/s divided by each peer's with the same lease, round by round."""
    return {
        f"trapline / {peer.name}, lease of {peer.batch}": [
            ours.speed / theirs.speed
            for ours, theirs in zip(laps[f"trapline, lease of {peer.batch}"], laps[key(peer)], strict=True)
        ]
        for peer in CONTESTANTS
        if key(peer) in laps and not peer.name.startswith("trapline")
    }


def report(laps: Mapping[str, Sequence[Lap]]) -> str:
    """Return both tables."""
    rows = [
        [
            name,
            spread([lap.speed for lap in found], 0),
            f">= {LEAST}" if name.startswith("trapline") else "",
            spread([lap.client_cpu for lap in found], 0),
            spread([lap.server_cpu for lap in found], 0),
        ]
        for name, found in laps.items()
    ]
    head = ["contestant", "tasks/s", "asked", "client us/task", "Postgres us/task"]
    pairs = [[name, spread(values, 2)] for name, values in ratios(laps).items()]
    tables = [table("Ledger: lease and complete, one completion per task", head, rows)]
    if pairs:
        tables.append(table("Ratios, round by round", ["pair", "ratio"], pairs))
    return "\n".join(tables)


def as_json(laps: Mapping[str, Sequence[Lap]]) -> dict[str, object]:
    """Return everything measured, for ``--json``. CPU in microseconds per task."""
    return {
        "tasks_per_second": {name: [lap.speed for lap in found] for name, found in laps.items()},
        "client_cpu": {name: [lap.client_cpu for lap in found] for name, found in laps.items()},
        "server_cpu": {name: [lap.server_cpu for lap in found] for name, found in laps.items()},
        "ratios": {name: median(found) for name, found in ratios(laps).items()},
    }
