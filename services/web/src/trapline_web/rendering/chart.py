"""A field, or a load time, over time: a step line as SVG's numbers. The templates draw them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor, log10

from trapline_common.config.number import find_number
from trapline_common.ledger.views.page_history import FieldStep, LoadPart

WIDTH, HEIGHT = 860, 190
"""Of a chart, in its own units."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 18, 30
_LABELS = 6
"""Most labels of changes: more would cover one another."""
_DAYS = (1, 2, 7, 14, 30, 90, 365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A value at a moment."""

    x: float
    """Where it is, from the left."""
    y: float
    """Where it is, from the top."""
    text: str
    """The value as the page wrote it."""
    at: datetime
    """The moment."""
    labelled: bool
    """Whether the text stands beside it."""
    end: bool
    """Whether the text ends there: it would leave the chart on the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A line of the grid."""

    at: float
    """Where it is."""
    text: str
    """What it says."""
    moment: datetime | None = None
    """The moment that it says in UTC, and a browser in the viewer's zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A while in which visits failed."""

    x: float
    """Where it begins."""
    width: float
    """How wide it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawn series."""

    name: str
    """The field's name."""
    line: str
    """The path of the line."""
    area: str
    """The path of the area below it."""
    marks: tuple[Mark, ...]
    """The changes."""
    values: tuple[Tick, ...]
    """The grid's horizontal lines."""
    days: tuple[Tick, ...]
    """The grid's vertical lines: midnights, or the beginning and the end of less than a day."""
    bands: tuple[Band, ...]
    """Where visits failed."""
    label: str
    """The whole in words."""


def number(text: str | None) -> float | None:
    """Return the first number of a text, as ``expect`` reads it; ``None``: there is none."""
    found = find_number(text) if text else None
    return None if found is None else float(found.values[0])


def numeric_fields(steps: Sequence[FieldStep]) -> list[str]:
    """Return the names of the fields whose newest value holds a number and that a line can show, by name."""
    names = sorted({name for step in steps for name in step.fields})
    return [name for name in names if any(number(step.fields.get(name)) is not None for step in steps)]


def field_chart(name: str, steps: Sequence[FieldStep], *, until: datetime) -> Chart | None:
    """Return a field's chart up to ``until``; ``None`` where no value holds a number."""
    points: list[tuple[datetime, float, str]] = []
    for step in steps:
        text = step.fields.get(name)
        value = None if step.failed else number(text)
        if value is not None and text is not None and not (points and points[-1][2] == text):
            points.append((step.at, value, text))
    if not points:
        return None
    return _chart(name, points, _failing(steps, until), until=until, unit="")


def load_chart(parts: Sequence[LoadPart], *, until: datetime) -> Chart | None:
    """Return the chart of load times; ``None`` where nothing was measured."""
    points = [(part.at, part.mean_ms, f"{part.mean_ms:,.0f} ms") for part in parts if part.mean_ms is not None]
    return _chart("load time", points, (), until=until, unit=" ms") if points else None


def _failing(steps: Sequence[FieldStep], until: datetime) -> tuple[tuple[datetime, datetime], ...]:
    found: list[tuple[datetime, datetime]] = []
    for index, step in enumerate(steps):
        if step.failed:
            end = next((later.at for later in steps[index + 1 :] if not later.failed), until)
            found.append((step.at, end))
    return tuple(found)


def _chart(
    name: str,
    points: Sequence[tuple[datetime, float, str]],
    failing: Sequence[tuple[datetime, datetime]],
    *,
    until: datetime,
    unit: str,
) -> Chart:
    first = min([points[0][0], *(start for start, _ in failing)])
    span = max((until - first).total_seconds(), 1.0)
    low, high, step = _scale([value for _, value, _ in points])

    def x_of(at: datetime) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (at - first).total_seconds() / span, 1)

    def y_of(value: float) -> float:
        return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - (value - low) / (high - low)), 1)

    line = f"M{x_of(points[0][0])} {y_of(points[0][1])}"
    line += "".join(f"H{x_of(at)}V{y_of(value)}" for at, value, _ in points[1:]) + f"H{WIDTH - _RIGHT}"
    lowest, highest = min(points, key=lambda item: item[1]), max(points, key=lambda item: item[1])
    return Chart(
        name=name,
        line=line,
        area=f"{line}V{HEIGHT - _BOTTOM}H{x_of(points[0][0])}Z",
        marks=_marks(points, x_of, y_of) if not unit else (),
        values=tuple(Tick(at=y_of(value), text=_plain(value) + unit) for value in _grid(low, high, step)),
        days=tuple(Tick(at=x_of(at), text=f"{at:%-d %b}") for at in _days(first, until))
        or tuple(Tick(at=x_of(at), text=f"{at:%H:%M} UTC", moment=at) for at in (first, until)),
        bands=tuple(Band(x=x_of(start), width=max(x_of(end) - x_of(start), 2.0)) for start, end in failing),
        label=f"{name}: from {points[0][2]} to {points[-1][2]}, lowest {lowest[2]}, highest {highest[2]}",
    )


def _marks(
    points: Sequence[tuple[datetime, float, str]], x_of: Callable[[datetime], float], y_of: Callable[[float], float]
) -> tuple[Mark, ...]:
    found: list[Mark] = []
    last = -1e9
    room = (WIDTH - _LEFT - _RIGHT) / _LABELS
    newest = len(points) - 1
    for index, (at, value, text) in enumerate(points):
        x = x_of(at)
        labelled = index == newest or (x - last > room * 0.6 and x_of(points[newest][0]) - x > room * 0.6)
        last = x if labelled else last
        found.append(
            Mark(x=x, y=y_of(value), text=text[:24], at=at, labelled=labelled, end=x > WIDTH - _RIGHT - room * 0.6)
        )
    return tuple(found)


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the lowest and the highest value of the axis, and the step of its grid."""
    low, high = min(values), max(values)
    span = high - low or abs(high) * 0.2 or 1.0
    rough = span / 3
    power = 10.0 ** floor(log10(rough))
    step = next((power * size for size in (1, 2, 5, 10) if power * size >= rough), power * 10)
    return floor((low - span * 0.1) / step) * step, ceil((high + span * 0.1) / step) * step, step


def _grid(low: float, high: float, step: float) -> list[float]:
    return [low + step * index for index in range(1, round((high - low) / step))]


def _plain(value: float) -> str:
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-9 else f"{value:,.2f}"  # noqa: PLR2004


def _days(first: datetime, until: datetime) -> list[datetime]:
    """Return midnights in UTC, at most eight of them."""
    length = max((until - first).days, 0)
    apart = next((days for days in _DAYS if length / days <= 7), _DAYS[-1])  # noqa: PLR2004
    day = (first.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[datetime] = []
    while day < until and len(found) < 8:  # noqa: PLR2004
        found.append(day)
        day += timedelta(days=apart)
    return found
