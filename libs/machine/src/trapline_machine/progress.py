"""The progress that `trapline crawl` shows while it works: a bar for each run on a terminal, else plain lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from trapline_common.domain.lifecycle import RunStatus
from trapline_common.ledger.views.runs import RunRow
from trapline_common.platform.text import counted

LINE_EVERY = 5.0
"""Seconds between two plain lines about one run."""


class ProgressDisplay(Protocol):
    """Where lines, progress and alerts go."""

    def line(self, text: str) -> None:
        """Show one line."""
        ...

    def update(self, runs: Sequence[RunRow]) -> None:
        """Show how far the runs are."""
        ...

    def alerts(self) -> TextIO:
        """Return the stream for alerts, which the progress must not tear."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was found."""
        ...


@dataclass(slots=True, kw_only=True)
class PlainLines:
    """A ``ProgressDisplay`` for a pipe or a log file: a line per run at its start, now and then, and at its end."""

    stream: TextIO
    """Where the lines go."""
    clock: Callable[[], float]
    """Seconds on a clock that never goes back."""
    _last: dict[int, tuple[float, int]] = field(default_factory=dict)
    """By run: when its last line was written, and how many of its tasks had ended then."""
    _ended: set[int] = field(default_factory=set)
    """Runs whose last line was written."""

    def line(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def update(self, runs: Sequence[RunRow]) -> None:
        now = self.clock()
        shown = {run.id for run in runs}
        self._ended &= shown  # what is not shown any more does not come again
        self._last = {run_id: last for run_id, last in self._last.items() if run_id in shown}
        for run in runs:
            over = run.status == RunStatus.ENDED
            if run.id in self._ended or run.status == RunStatus.OPENING:
                continue
            last = self._last.get(run.id)
            if last is None:
                self._last[run.id] = (now, run.tasks_ended)
                self.line(f"run {run.id} {run.crawl}: {counted(run.tasks, 'task')}")
            elif over or now - last[0] >= LINE_EVERY:
                self._last[run.id] = (now, run.tasks_ended)
                rate = (run.tasks_ended - last[1]) / max(now - last[0], 1e-9)
                self.line(
                    f"run {run.id} {run.crawl}: {run.done} done, {run.failed} failed of {run.tasks}"
                    + (", ended" if over else f", {rate:.1f} tasks/s")
                )
            if over:
                self._ended.add(run.id)

    def alerts(self) -> TextIO:
        return self.stream

    def close(self) -> None:
        self.stream.flush()
