"""What the figures of ``scale.py`` say: speed by minute, percentiles, decay. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

MINUTE = 60
MILLISECONDS = Mapping[str, Mapping[int, Sequence[float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """Seconds of processor time used so far: by the clients, by Postgres, by all processes of the machine."""

    clients: float
    postgres: float
    machine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The state at one second: processor time, dead rows of the tasks' table, bytes of the ledger, bytes of WAL."""

    second: int
    cpu: Cpu
    dead_tasks: int
    size: int
    wal: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """One minute of the load. ``cost`` is microseconds of processor time, ours and Postgres', for each task.

    ``others`` is the share of the machine that neither had: where it moves, only ``cost`` can be compared.
    """

    tasks_per_second: float
    cost: float
    clients: float
    others: float
    lease: tuple[float, float]
    complete: tuple[float, float]
    dead_tasks: int
    size: int
    wal: int


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile; zeros of nothing."""
    ordered = sorted(values)
    return (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]) if ordered else (0.0, 0.0)


def between(values: Mapping[int, Sequence[float]], start: int, end: int) -> list[float]:
    """Return what was measured from second ``start`` to before ``end``."""
    return [one for second in range(start, end) for one in values.get(second, ())]


def minutes(done: Mapping[int, int], milliseconds: MILLISECONDS, samples: Sequence[Sample], cores: int) -> list[Minute]:
    """Return one entry for each pair of neighbouring samples."""
    found = []
    for before, after in pairwise(samples):
        start, end = before.second, max(after.second, before.second + 1)
        tasks = sum(done.get(second, 0) for second in range(start, end))
        clients = after.cpu.clients - before.cpu.clients
        postgres = after.cpu.postgres - before.cpu.postgres
        others = after.cpu.machine - before.cpu.machine - clients - postgres
        found.append(
            Minute(
                tasks_per_second=tasks / (end - start),
                cost=1e6 * (clients + postgres) / max(1, tasks),
                clients=clients / max(1e-3, clients + postgres),
                others=max(0.0, others) / (cores * (end - start)),
                lease=percentiles(between(milliseconds.get("lease", {}), start, end)),
                complete=percentiles(between(milliseconds.get("complete", {}), start, end)),
                dead_tasks=after.dead_tasks,
                size=after.size,
                wal=after.wal - before.wal,
            )
        )
    return found


def decay(values: Sequence[float]) -> float:
    """Return by how much the last value lies below the first, as a share; negative where it lies above."""
    return 1 - values[-1] / values[0] if values and values[0] else 0.0
