"""When a schedule fires: the ticks of an expression that ``check_schedule`` took. Pure.

As EventBridge Scheduler's User Guide has it ("Schedule types", "Daylight savings time on EventBridge Scheduler"): a
local time that a change of the clock leaves out is skipped; one that comes twice fires once, the first time; a day of
``rate`` is 24 hours. What the guide leaves open: a day that a month lacks never fires, with a ``W`` behind it too, and
an ``at`` that the clock leaves out never fires.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from itertools import dropwhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from trapline_common.config.schedule_days import CronDays, values

_UNITS = {"minute": 60, "hour": 3_600, "day": 86_400}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
"""Names of months, from 1."""
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
"""Names of days of the week, from 1 for Sunday."""


class Cron(NamedTuple):
    """A cron expression, read."""

    times: tuple[time, ...]
    """When it fires on each of its days, in order."""
    days: CronDays
    """The days on which it fires."""


def ticks(expression: str, zone: str, *, after: datetime, since: datetime) -> Iterator[datetime]:
    """Yield in order, in UTC, every tick of ``expression`` after ``after``, an aware time.

    A rate fires at ``since``, when EventBridge would have made the schedule, and then in equal steps from there; no
    other kind looks at it.
    """
    kind, _, body = expression.removesuffix(")").partition("(")
    if kind == "rate":
        yield from _ticks_of_rate(body, after, since)
        return
    local = ZoneInfo(zone)
    if kind == "at":
        moment = _moment(datetime.fromisoformat(body), local)
        if moment is not None and moment > after:
            yield moment
        return
    cron = read_cron(body)
    for day in cron.days.dates(after.astimezone(local).date()):
        moments = (_moment(datetime.combine(day, at), local) for at in cron.times)
        # Within a day and from day to day these grow, for of a time that comes twice only the first counts.
        yield from dropwhile(lambda found: found <= after, (found for found in moments if found is not None))


def next_after(expression: str, zone: str, after: datetime) -> datetime | None:
    """Return when ``expression`` fires next after ``after``, in UTC; ``None``: never. A rate counts from there."""
    return next(ticks(expression, zone, after=after, since=after), None)


@lru_cache(maxsize=1024)
def read_cron(body: str) -> Cron:
    """Read the six fields, whose values are valid."""
    minutes, hours, days, months, weekdays, years = body.split()
    return Cron(
        times=tuple(time(hour, minute) for hour in _numbers(hours, 0, 23) for minute in _numbers(minutes, 0, 59)),
        days=CronDays(
            months=tuple(_numbers(_numbered(months, MONTHS), 1, 12)),
            years=tuple(_numbers(years, 1970, 2199)),
            days=days,
            weekdays=_numbered(weekdays, DAYS),
        ),
    )


def _ticks_of_rate(body: str, after: datetime, since: datetime) -> Iterator[datetime]:
    value, unit = body.split()
    step = timedelta(seconds=int(value) * _UNITS[unit.removesuffix("s")])
    tick = since.astimezone(UTC)
    if after >= tick:
        tick += ((after - tick) // step + 1) * step
    while True:
        yield tick
        tick += step


def _moment(local: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the first moment at which a clock of ``zone`` shows ``local``; ``None`` where it never does."""
    moment = local.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == local else None


def _numbers(text: str, low: int, high: int) -> list[int]:
    return sorted({value for item in text.split(",") for value in values(item, low, high)})


def _numbered(text: str, names: tuple[str, ...]) -> str:
    """Write a field's names as numbers: ``MON-FRI`` as ``2-6``."""
    for number, name in enumerate(names, 1):
        text = text.replace(name, str(number))
    return text
