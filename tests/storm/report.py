"""What a storm prints: a line of progress on a terminal, a line per seed, and the table."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TextIO

from tests.benchmarks.table import table
from tests.storm.seed import Storm
from tests.storm.verdict import Verdict
from tests.storm.world import LANES

HEAD = (
    "seed",
    "in",
    "done",
    "failed",
    "lost",
    "doubled",
    "in flight / cap",
    "can run / cap",
    "visits / slots",
    "made / asked",
    "over calm / worth",
    "alerts due",
    "delivered",
    "lost",
    "repeats",
    "turned",
    "stale",
    "texts kept",
    "texts lost",
    "deadlocks",
    "executions",
    "slices",
    "tokens / unanswered",
    "ends / untold / told again",
    "faults",
    "recovery s",
    "s",
)


def progress(stream: TextIO) -> Callable[[Storm], None]:
    """Return what shows how far a seed is, in place; nothing where no terminal is."""

    def show(storm: Storm) -> None:
        if stream.isatty():
            seen, broken = storm.sampler.progress, storm.order.broken
            what = f"seed {storm.order.seed}" + (f" ({broken})" if broken else "")
            stream.write(f"\r\x1b[K{what}: {seen.ended} of {seen.tasks} tasks, {len(storm.faults.all)} faults ")
            stream.flush()

    return show


def _row(verdict: Verdict) -> list[str]:
    v = verdict
    flight = _beside(v.worst, {lane: limits.max_invocations for lane, limits in LANES.items()})
    recovery = f"{median(v.recovery):.1f}, {max(v.recovery):.1f}" if v.recovery else "-"
    return [
        *map(str, (v.seed, v.tasks, v.done, v.failed, v.lost, v.doubled)),
        flight,
        _beside(v.processes, {lane: limits.max_invocations for lane, limits in LANES.items()}),
        _beside(v.visits, {lane: limits.host_concurrency for lane, limits in LANES.items()}),
        f"{v.made / v.asked:.2f}" if v.asked else "-",
        f"{v.made - v.calm}/{v.worth}",
        *map(str, (v.due, v.delivered, v.alerts_lost, v.repeats, v.turned, v.stale, v.texts, v.texts_lost)),
        *map(str, (v.deadlocks, v.executions, v.slices)),
        f"{v.waited}/{v.unanswered}",
        f"{v.ends}/{v.untold}/{v.told_again}",
        str(sum(v.faults.values())),
        recovery,
        f"{v.seconds:.0f}",
    ]


def _beside(worst: Mapping[str, int], limits: Mapping[str, int | None]) -> str:
    """Return the worst of each lane that has a limit, with the limit."""
    return " ".join(f"{worst.get(lane, 0)}/{limit}" for lane, limit in limits.items() if limit is not None)


def summary(verdict: Verdict) -> str:
    """Return the lines about one seed, as soon as it is over."""
    line = ", ".join(f"{name} {cell}" for name, cell in zip(HEAD, _row(verdict), strict=True))
    return "\n".join([line, *(f"  VIOLATED: {sentence}" for sentence in verdict.violations)])


def report(verdicts: Sequence[Verdict]) -> str:
    """Return the table of all seeds, and what struck them."""
    faults: Counter[str] = Counter()
    for verdict in verdicts:
        faults.update(verdict.faults)
    whole = Verdict(seed=0)
    for name in (
        "tasks",
        "done",
        "failed",
        "lost",
        "doubled",
        "made",
        "asked",
        "calm",
        "worth",
        "due",
        "delivered",
        "alerts_lost",
        "repeats",
        "turned",
        "stale",
        "texts",
        "texts_lost",
        "deadlocks",
        "executions",
        "slices",
        "waited",
        "unanswered",
        "ends",
        "untold",
        "told_again",
        "seconds",
    ):
        setattr(whole, name, sum(getattr(verdict, name) for verdict in verdicts))
    whole.worst = {lane: max(verdict.worst.get(lane, 0) for verdict in verdicts) for lane in LANES}
    whole.processes = {lane: max(verdict.processes.get(lane, 0) for verdict in verdicts) for lane in LANES}
    whole.visits = {lane: max(verdict.visits.get(lane, 0) for verdict in verdicts) for lane in LANES}
    whole.recovery = [seconds for verdict in verdicts for seconds in verdict.recovery]
    whole.faults = dict(faults)
    rows = [*map(_row, verdicts), ["all", *_row(whole)[1:]]]
    struck = "\n".join(f"{count:6}  {kind}" for kind, count in sorted(faults.items()))
    violated = sum(bool(verdict.violations) for verdict in verdicts)
    ending = "every guarantee held" if not violated else f"{violated} of {len(verdicts)} seeds VIOLATED a guarantee"
    return "\n".join([table("Storm (recovery: median, worst)", HEAD, rows), "What struck", struck, "", ending])
