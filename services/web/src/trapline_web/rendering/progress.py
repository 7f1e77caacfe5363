"""A run's progress as a bar and as cells. Pure."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.ledger.views.runs import RunRow

MOST_CELLS = 120
"""Cells of a run with more tasks stand for several each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the bar, in hundredths of its width."""

    style: str
    """``ok``, ``bad`` or ``run``."""
    x: float
    """Where it begins."""
    width: float
    """How wide it is."""


def bar(run: RunRow) -> list[Part]:
    """Return the parts of a run's bar: done, failed, and being visited."""
    found: list[Part] = []
    x = 0.0
    for style, count in (("ok", run.done), ("bad", run.failed), ("run", run.leased)):
        width = 100 * count / run.tasks if run.tasks else 0.0
        if width:
            found.append(Part(style=style, x=round(x, 2), width=round(width, 2)))
        x += width
    return found


def cells(run: RunRow) -> list[str]:
    """Return a cell a task, failed ones first; of a large run as many for each state as its share, one at least."""
    changed = min(run.changes, run.done)
    counts = (("bad", run.failed), ("chg", changed), ("ok", run.done - changed), ("run", run.leased))
    states = [*counts, ("wait", run.waiting)]
    if run.tasks <= MOST_CELLS:
        return [style for style, count in states for _ in range(count)]
    return [style for style, count in states if count for _ in range(max(1, round(MOST_CELLS * count / run.tasks)))]


def pace(run: RunRow, at: datetime) -> str:
    """Return how fast a run goes, and how long it has left; empty where that tells nothing."""
    if run.opened_at is None or not run.tasks_ended:
        return ""
    seconds = ((run.ended_at or at) - run.opened_at).total_seconds()
    if seconds <= 0:
        return ""
    return f"{run.tasks_ended / seconds:.1f} pages/s"
