"""The ticks of schedules, against a slow reading of the same rules: minute by minute, each looked at by itself."""

import calendar
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from trapline_common.config.schedule import check_schedule
from trapline_common.config.schedule_times import ticks

ZONES = ("UTC", "America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu")
"""No change of the clock; two of an hour, on either side of an ocean; half an hour in the south; 5:45 from UTC."""
FIRST, LAST = date(2020, 1, 1), date(2029, 12, 31)
MONTHS = [""] + [calendar.month_abbr[number].upper() for number in range(1, 13)]
WEEKDAYS = ["", "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MINUTE = timedelta(minutes=1)


def covers(field: str, value: int, low: int, high: int, names: list[str] | None = None) -> bool:
    """Say whether a field of plain values, ranges and steps has ``value``."""
    return any(_covers(item, value, low, high, names or []) for item in field.split(","))


def _covers(item: str, value: int, low: int, high: int, names: list[str]) -> bool:
    base, slash, step = item.partition("/")
    if base == "*":
        first, last = low, high
    else:
        ends = [names.index(end) if end in names else int(end) for end in base.split("-")]
        first, last = ends[0], ends[-1] if "-" in base or not slash else high
    if first > last:  # FRI-MON
        return value >= first or value <= last
    return first <= value <= last and (value - first) % int(step or "1") == 0


def is_day(day: date, of_month: str, of_week: str) -> bool:
    """Say whether a day is one of the two fields, by walking the calendar."""
    last = calendar.monthrange(day.year, day.month)[1]
    weekday = day.isoweekday() % 7 + 1
    if of_week != "?":
        if "#" in of_week:
            name, which = of_week.split("#")
            nth = sum(day.replace(day=number).isoweekday() == day.isoweekday() for number in range(1, day.day + 1))
            return covers(name, weekday, 1, 7, WEEKDAYS) and nth == int(which)
        if of_week == "L":
            return weekday == 7
        if of_week.endswith("L"):
            following = day + timedelta(days=7)
            return covers(of_week[:-1], weekday, 1, 7, WEEKDAYS) and following.month != day.month
        return covers(of_week, weekday, 1, 7, WEEKDAYS)
    if of_month.startswith("L-"):
        return day.day == last - int(of_month[2:])
    if of_month == "L":
        return day.day == last
    if of_month.endswith("W"):
        wanted = last if of_month == "LW" else int(of_month[:-1])
        working = [number for number in range(1, last + 1) if day.replace(day=number).isoweekday() <= 5]
        return wanted <= last and day.day == min(working, key=lambda number: abs(number - wanted))
    return covers(of_month, day.day, 1, 31)


def fires(expression: str, local: datetime) -> bool:
    """Say whether a cron expression fires in a minute that a clock shows for the first time."""
    minutes, hours, of_month, months, of_week, years = expression[5:-1].split()
    return (
        covers(minutes, local.minute, 0, 59)
        and covers(hours, local.hour, 0, 23)
        and covers(months, local.month, 1, 12, MONTHS)
        and covers(years, local.year, 1970, 2199)
        and is_day(local.date(), of_month, of_week)
    )


def slowly(expression: str, zone: str, first: datetime, days: int) -> list[datetime]:
    """Look at every minute of some days. A repeated minute is ``fold=1``; one that is left out never comes."""
    minutes = [first + number * MINUTE for number in range(days * 1440)]
    shown = [(minute, minute.astimezone(ZoneInfo(zone))) for minute in minutes]
    return [minute for minute, local in shown if not local.fold and fires(expression, local)]


def quickly(expression: str, zone: str, first: datetime, days: int) -> list[datetime]:
    """Ask for the same ticks."""
    end = first + timedelta(days=days)
    found = ticks(check_schedule(expression), zone, after=first - timedelta(microseconds=1), since=first)
    return list(takewhile(lambda tick: tick < end, found))


@cache
def edges(zone: str) -> list[datetime]:
    """Return the midnights in UTC before every change of a zone's clock in the ten years."""
    midnights = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range((LAST - FIRST).days)]
    offsets = [midnight.astimezone(ZoneInfo(zone)).utcoffset() for midnight in midnights]
    return [midnight for midnight, here, there in zip(midnights, offsets, offsets[1:], strict=False) if here != there]


def test_every_change_of_the_clock_in_ten_years() -> None:
    """Around each of them, in five zones: what fires in the hours that are left out, or come twice, and besides."""
    assert [len(edges(zone)) for zone in ZONES] == [0, 20, 20, 20, 0]
    expressions = ("cron(0/15 * * * ? *)", "cron(30 1-2 * * ? *)", "cron(59 0,1,2,3,23 ? * SUN *)")
    for zone in ZONES:
        for edge in edges(zone):
            for expression in expressions:
                assert quickly(expression, zone, edge, 2) == slowly(expression, zone, edge, 2), (expression, zone, edge)


DAY_FIELDS = [
    *("L", "LW", "1W", "15W", "29W", "30W", "31W", "L-1", "L-30", "1", "31", "*/10", "5-25/7", "1,15,30"),
    *("?L", "?2L", "?FRI#5", "?1#1", "?SAT-MON", "?2,4-6", "?7", "?MONL", "?*"),
]


def test_every_form_of_a_day_in_ten_years() -> None:
    """Each form fires on the days that the calendar has for it, leap years and short months among them."""
    every = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    for form in DAY_FIELDS:
        of_month, of_week = ("?", form[1:]) if form[0] == "?" else (form, "?")
        expression = f"cron(0 12 {of_month} * {of_week} *)"
        first = datetime(2020, 1, 1, tzinfo=UTC)
        found = [tick.date() for tick in quickly(expression, "UTC", first, len(every))]
        assert found == [day for day in every if is_day(day, of_month, of_week)], expression


def _field(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    one = st.integers(low, high).map(str) if not names else st.sampled_from(names)
    pair = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    spans = pair.map(lambda ends: f"{ends[0]}-{ends[1]}")
    stepped = st.tuples(st.one_of(st.just("*"), spans, st.integers(low, high).map(str)), st.integers(1, high))
    item = st.one_of(one, spans, stepped.map(lambda parts: f"{parts[0]}/{parts[1]}"))
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.builds(
    lambda minutes, hours, day, months: (
        f"cron({minutes} {hours} {'?' if day[0] == '?' else day} {months} {day[1:] if day[0] == '?' else '?'} *)"
    ),
    minutes=_field(0, 59),
    hours=_field(0, 23),
    # Without the days that a month may lack in every year: an expression that never fires is refused
    day=st.sampled_from([form for form in DAY_FIELDS if form not in {"L-30", "31", "31W", "30W"}]),
    months=_field(1, 12, tuple(MONTHS[1:])),
)


@settings(max_examples=120, deadline=None)
@given(expression=EXPRESSIONS, zone=st.sampled_from(ZONES), day=st.dates(FIRST, LAST))
def test_any_expression_on_any_day(expression: str, zone: str, day: date) -> None:
    """The ticks of three days are exactly the minutes in which it fires."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert quickly(expression, zone, first, 3) == slowly(expression, zone, first, 3)
