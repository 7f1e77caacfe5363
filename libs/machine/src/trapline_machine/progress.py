"""What a person sees while the command works: a bar for each run on a terminal, plain lines anywhere else."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.ledger.views.progress import Progress as RunProgress

LINE_EVERY = 5.0
"""Seconds between two plain lines about one run."""


class Screen(Protocol):
    """Where lines, progress and alerts go."""

    def say(self, line: str) -> None:
        """Show one line."""
        ...

    def update(self, runs: Sequence[RunProgress]) -> None:
        """Show how far the runs are."""
        ...

    def alerts(self) -> TextIO:
        """Return the stream for alerts, which must not be torn by the progress."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was found."""
        ...


@dataclass(slots=True, kw_only=True)
class Lines:
    """A ``Screen`` for a pipe or a log file: a line at the start, every few seconds, and at the end of each run."""

    stream: TextIO
    clock: Callable[[], float]
    _last: dict[RunId, tuple[float, int]] = field(default_factory=dict)
    _ended: set[RunId] = field(default_factory=set)

    def say(self, line: str) -> None:
        print(line, file=self.stream, flush=True)

    def update(self, runs: Sequence[RunProgress]) -> None:
        now = self.clock()
        for run in runs:
            over = run.status is RunStatus.ENDED
            if run.run_id in self._ended or run.status is RunStatus.OPENING:
                continue
            last = self._last.get(run.run_id)
            if last is None:
                self._last[run.run_id] = (now, run.ended)
                self.say(f"run {run.run_id} {run.crawl}: {run.total} task{'' if run.total == 1 else 's'}")
            elif over or now - last[0] >= LINE_EVERY:
                self._last[run.run_id] = (now, run.ended)
                rate = (run.ended - last[1]) / max(now - last[0], 1e-9)
                self.say(
                    f"run {run.run_id} {run.crawl}: {run.done} done, {run.failed} failed of {run.total}"
                    + (", ended" if over else f", {rate:.1f} tasks/s")
                )
            if over:
                self._ended.add(run.run_id)

    def alerts(self) -> TextIO:
        return self.stream

    def close(self) -> None:
        self.stream.flush()


class Bars:
    """A ``Screen`` for a terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("[green]{task.fields[done]} done[/]"),
            TextColumn("{task.fields[bad]}"),
            TextColumn("of {task.fields[tasks]}"),
            _Rate(),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._bars: dict[RunId, TaskID] = {}
        self._progress.start()

    def say(self, line: str) -> None:
        self._progress.console.print(Text(line))

    def update(self, runs: Sequence[RunProgress]) -> None:
        for run in runs:
            if run.status is RunStatus.OPENING:
                continue
            if run.run_id not in self._bars:
                self._bars[run.run_id] = self._progress.add_task(
                    f"{run.crawl} #{run.run_id}", total=run.total, done=0, bad="", tasks=run.total
                )
            bad = f"[red]{run.failed} failed[/]" if run.failed else "0 failed"
            self._progress.update(
                self._bars[run.run_id], completed=run.ended, total=run.total, done=run.done, bad=bad, tasks=run.total
            )

    def alerts(self) -> TextIO:
        return _Above(self._progress.console)

    def close(self) -> None:
        self._progress.stop()


class _Rate(ProgressColumn):
    """Tasks per second, as Rich measures it over the last half minute."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="cyan")


class _Above(io.TextIOWrapper):
    """A stream whose text appears above the bars, colours kept."""

    def __init__(self, console: Console) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self._console = console

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._console.print(Text.from_ansi(text.rstrip("\n")))
        return len(text)
