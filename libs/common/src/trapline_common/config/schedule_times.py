"""When a schedule fires next: the expressions that ``schedule`` takes, as EventBridge Scheduler reads them. Pure."""

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_UNITS = {"minute": 60, "hour": 3_600, "day": 86_400}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_LONGEST = 366 * 12
"""Days in which a cron expression is looked for: 29 February comes within eight years."""
_SATURDAY = 7


def next_after(expression: str, zone: str, after: datetime) -> datetime | None:
    """Return when ``expression``, which ``check_schedule`` took, fires next after ``after``, in UTC.

    ``None``: not any more, or not within twelve years. A rate counts from ``after``. An hour that a change of the clock
    leaves out is read as the one after it.
    """
    kind, _, body = expression.removesuffix(")").partition("(")
    if kind == "rate":
        value, unit = body.split()
        return after + timedelta(seconds=int(value) * _UNITS[unit.removesuffix("s")])
    local = ZoneInfo(zone)
    if kind == "at":
        moment = datetime.fromisoformat(body).replace(tzinfo=local).astimezone(UTC)
        return moment if moment > after else None
    return _next_of_cron(body.split(), local, after)


def _next_of_cron(fields: list[str], zone: ZoneInfo, after: datetime) -> datetime | None:
    minutes, hours, months = (
        _numbers(fields[0], 0, 59),
        _numbers(fields[1], 0, 23),
        _numbers(fields[3], 1, 12, _MONTHS),
    )
    years = _numbers(fields[5], 1970, 2199)
    day = after.astimezone(zone).date() - timedelta(days=1)  # the day before: its last hour may be later in UTC
    for _ in range(_LONGEST):
        day += timedelta(days=1)
        if day.year not in years or day.month not in months or not _is_day(day, fields[2], fields[4]):
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                moment = datetime.combine(day, time(hour, minute), tzinfo=zone).astimezone(UTC)
                if moment > after:
                    return moment
    return None


def _numbers(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    """Return the values of one field."""
    found: set[int] = set()
    for item in text.split(","):
        base, _, step = item.partition("/")
        if base == "*":
            first, last = low, high
        else:
            ends = [_number(end, low, names) for end in base.split("-", 1)]
            first, last = ends[0], ends[-1] if not step or len(ends) > 1 else high
        if first > last:  # a range of weekdays may wrap
            found.update(range(first, high + 1), range(low, last + 1))
        else:
            found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, low: int, names: tuple[str, ...]) -> int:
    return names.index(text) + low if text in names else int(text)


def _is_day(day: date, of_month: str, of_week: str) -> bool:
    if of_month != "?":
        return any(day.day in _days_of_month(item, day) for item in of_month.split(","))
    return any(_is_weekday(item, day) for item in of_week.split(","))


def _days_of_month(item: str, day: date) -> Iterator[int]:
    last = calendar.monthrange(day.year, day.month)[1]
    if item == "L":
        yield last
    elif item.startswith("L-"):
        yield last - int(item.removeprefix("L-"))
    elif item.endswith("W"):
        wanted = last if item == "LW" else min(int(item.removesuffix("W")), last)
        yield _nearest_weekday(day.replace(day=wanted), last)
    else:
        yield from _numbers(item, 1, 31)


def _nearest_weekday(day: date, last: int) -> int:
    """Return the day of the month, Monday to Friday, that is nearest to ``day`` and in the same month."""
    saturday, sunday = calendar.SATURDAY, calendar.SUNDAY
    if day.weekday() == saturday:
        return day.day - 1 if day.day > 1 else day.day + 2
    if day.weekday() == sunday:
        return day.day + 1 if day.day < last else day.day - 2
    return day.day


def _is_weekday(item: str, day: date) -> bool:
    number = (day.weekday() + 1) % 7 + 1  # Sunday is 1
    if item == "L":
        return number == _SATURDAY
    if "#" in item:
        name, _, which = item.partition("#")
        return number == _number(name, 1, _DAYS) and (day.day - 1) // 7 + 1 == int(which)
    if item.endswith("L"):
        last = calendar.monthrange(day.year, day.month)[1]
        return number == _number(item.removesuffix("L"), 1, _DAYS) and day.day + 7 > last
    return number in _numbers(item, 1, 7, _DAYS)
