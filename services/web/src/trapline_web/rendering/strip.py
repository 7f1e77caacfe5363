"""The strip of a crawl's newest runs: one bar a run, as high as it took long, red as far as its pages failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log1p

from trapline_common.ledger.views.crawls import RunBar
from trapline_common.platform.text import counted, duration

HEIGHT = 34
"""Of the whole strip, in its own units."""
_STEP, _WIDTH, _TOP, _LEAST = 8, 6, 9, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar, in the strip's units."""

    run: RunBar
    """The run."""
    x: float
    """Its left edge."""
    top: float
    """Its upper edge."""
    good: float
    """The height of its upper part: what went well."""
    bad: float
    """The height of its lower part: what failed."""
    style: str
    """``ok``, ``bad``, ``open`` or ``none``: it visited nothing."""
    title: str
    """The run in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A strip."""

    width: int
    """Its width."""
    ghosts: tuple[float, ...]
    """Left edges of places for which there was no run yet."""
    bars: tuple[Bar, ...]
    """Its bars, oldest first."""
    label: str
    """The whole in words."""


def strip(runs: Sequence[RunBar], *, places: int) -> Strip:
    """Return the strip of ``runs``, oldest first, with ``places`` places."""
    shown = list(runs)[-places:]
    longest = max((log1p(run.seconds) for run in shown), default=1.0) or 1.0
    empty = places - len(shown)
    failed = sum(1 for run in shown if run.failed)
    changed = sum(1 for run in shown if run.changes)
    return Strip(
        width=places * _STEP,
        ghosts=tuple(float(place * _STEP) for place in range(empty)),
        bars=tuple(_bar(run, (empty + index) * _STEP, longest) for index, run in enumerate(shown)),
        label=f"Last {counted(len(shown), 'run')}: {failed} with a failure, {changed} with a change",
    )


def _bar(run: RunBar, x: float, longest: float) -> Bar:
    ended = run.done + run.failed
    height = _LEAST + (HEIGHT - _TOP - _LEAST) * log1p(max(run.seconds, 0)) / longest
    if run.outcome in {"skipped", "refused"}:
        height = _LEAST
    share = run.failed / ended if ended else 0.0
    bad = 0.0 if not run.failed else max(4.0, height * share)
    style = "none"
    if run.outcome == "refused":
        style = "bad"
    elif run.status != "ended":
        style = "open"
    elif ended:
        style = "ok"
    return Bar(
        run=run,
        x=x,
        top=HEIGHT - height,
        good=max(height - bad - (1 if bad else 0), 0),
        bad=bad,
        style=style,
        title=_words(run),
    )


def _words(run: RunBar) -> str:
    if run.outcome in {"skipped", "refused"}:
        return f"Run {run.id}: {run.outcome}"
    state = "" if run.status == "ended" else f", {run.waiting} to do"
    return f"Run {run.id}: {run.done} done, {run.failed} failed{state}, {run.changes} changed, {duration(run.seconds)}"
