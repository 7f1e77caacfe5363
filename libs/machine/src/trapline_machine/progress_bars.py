"""A ``ProgressDisplay`` for a terminal: a bar for each run."""

import io
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from trapline_common.domain.lifecycle import RunStatus
from trapline_common.ledger.views.runs import RunRow


class ProgressBars:
    """A ``ProgressDisplay`` for a terminal."""

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
        self._bars: dict[int, TaskID] = {}
        self._progress.start()

    def line(self, text: str) -> None:
        self._progress.console.print(Text(text))

    def update(self, runs: Sequence[RunRow]) -> None:
        for run in runs:
            if run.status == RunStatus.OPENING:
                continue
            if run.id not in self._bars:
                self._bars[run.id] = self._progress.add_task(
                    f"{run.crawl} #{run.id}", total=run.tasks, done=0, bad="", tasks=run.tasks
                )
            bad = f"[red]{run.failed} failed[/]" if run.failed else "0 failed"
            self._progress.update(
                self._bars[run.id], completed=run.tasks_ended, total=run.tasks, done=run.done, bad=bad, tasks=run.tasks
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
