"""On which days a cron schedule fires. Pure."""

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

_SATURDAY = 7
_SUNDAY = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CronDays:
    """The days of a cron expression; those of the week are 1 for Sunday to 7 for Saturday."""

    months: tuple[int, ...]
    """The months in which it fires, in order."""
    years: tuple[int, ...]
    """The years in which it fires, in order."""
    days: str
    """The field day-of-month, in capitals; ``?`` where the days of the week decide."""
    weekdays: str
    """The field day-of-week, in capitals and with numbers for names; ``?`` where the days of the month decide."""

    def dates(self, first: date) -> Iterator[date]:
        """Yield in order the days on which it fires, ``first`` and later."""
        for year in self.years:
            for month in self.months if year >= first.year else ():
                if (year, month) >= (first.year, first.month):
                    days = (date(year, month, day) for day in sorted(set(self._days_of(year, month))))
                    yield from (day for day in days if day >= first)

    def _days_of(self, year: int, month: int) -> Iterator[int]:
        last = calendar.monthrange(year, month)[1]
        if self.days != "?":
            for item in self.days.split(","):
                yield from _days_of_month(item, year, month, last)
        else:
            for item in self.weekdays.split(","):
                yield from _days_of_week(item, year, month, last)


def values(item: str, low: int, high: int) -> Iterator[int]:
    """Yield what ``*``, ``5``, ``2-6``, ``*/3``, ``4/3`` and ``2-20/3`` stand for; a range may wrap."""
    base, slash, step = item.partition("/")
    by = int(step) if slash else 1
    first, dash, end = base.partition("-")
    if base == "*":
        yield from range(low, high + 1, by)
    elif dash and int(first) > int(end):
        yield from range(int(first), high + 1, by)
        yield from range(low, int(end) + 1, by)
    elif dash:
        yield from range(int(first), int(end) + 1, by)
    else:
        yield from range(int(first), high + 1, by) if slash else [int(first)]


def _weekday(year: int, month: int, day: int) -> int:
    return (calendar.weekday(year, month, day) + 1) % 7 + 1


def _days_of_month(item: str, year: int, month: int, last: int) -> Iterator[int]:
    if item == "L":
        yield last
    elif item.startswith("L-"):
        yield from [last - int(item[2:])] if int(item[2:]) < last else []
    elif item.endswith("W"):
        wanted = last if item == "LW" else int(item[:-1])
        yield from [] if wanted > last else [_nearest_weekday(year, month, wanted, last)]
    else:
        yield from (day for day in values(item, 1, 31) if day <= last)


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    """Return the working day next to ``day`` in the same month."""
    weekday = _weekday(year, month, day)
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < last else day - 2
    return day


def _days_of_week(item: str, year: int, month: int, last: int) -> Iterator[int]:
    number, hash_sign, which = item.partition("#")
    if hash_sign:
        yield from [day] if (day := _nth(year, month, int(number), int(which))) <= last else []
    elif item == "L":
        yield from _days_of_week(str(_SATURDAY), year, month, last)
    elif item.endswith("L"):
        first = _nth(year, month, int(item[:-1]), 1)
        yield first + (last - first) // 7 * 7
    else:
        wanted = set(values(item, 1, 7))
        yield from (day for day in range(1, last + 1) if _weekday(year, month, day) in wanted)


def _nth(year: int, month: int, weekday: int, which: int) -> int:
    """Return the day of the ``which``-th such weekday; beyond the month's end where there is none."""
    return 1 + (weekday - _weekday(year, month, 1)) % 7 + 7 * (which - 1)
