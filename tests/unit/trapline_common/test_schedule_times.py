"""When a schedule fires, as EventBridge Scheduler reads the expression."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from trapline_common.config.schedule import check_schedule
from trapline_common.config.schedule_times import next_after, ticks

AFTER = datetime(2026, 3, 6, 12, 30, tzinfo=UTC)  # a Friday
PACIFIC = "America/Los_Angeles"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def texts(expression: str, zone: str, *, after: str, count: int, since: str | None = None) -> list[str]:
    """Return the next ticks after a moment, in UTC."""
    found = ticks(check_schedule(expression), zone, after=at(after), since=at(since or after))
    return [tick.strftime("%Y-%m-%dT%H:%M") for tick in islice(found, count)]


@pytest.mark.parametrize(
    ("expression", "zone", "wanted"),
    [
        ("rate(1 hour)", "UTC", "2026-03-06T13:30"),
        ("rate(2 days)", "UTC", "2026-03-08T12:30"),
        ("at(2026-03-07T08:00:00)", "America/Chicago", "2026-03-07T14:00"),
        ("at(2026-03-06T12:30:00)", "UTC", None),
        ("cron(0 8 * * ? *)", "UTC", "2026-03-07T08:00"),
        ("cron(0 8 ? * MON-FRI *)", "America/Chicago", "2026-03-06T14:00"),
        ("cron(0 8 ? * MON-THU *)", "America/Chicago", "2026-03-09T13:00"),  # the clock changed on the 8th
        ("cron(0/20 * * * ? *)", "UTC", "2026-03-06T12:40"),
        ("cron(5,35 10-12 * * ? *)", "UTC", "2026-03-06T12:35"),
        ("cron(0 0 L * ? *)", "UTC", "2026-03-31T00:00"),
        ("cron(0 0 L-2 * ? *)", "UTC", "2026-03-29T00:00"),
        ("cron(0 0 LW * ? *)", "UTC", "2026-03-31T00:00"),
        ("cron(0 0 15W * ? *)", "UTC", "2026-03-16T00:00"),
        ("cron(0 0 31W 4-5 ? *)", "UTC", "2026-05-29T00:00"),  # April has no 31st
        ("cron(0 0 ? * 6L *)", "UTC", "2026-03-27T00:00"),
        ("cron(0 0 ? * L *)", "UTC", "2026-03-07T00:00"),
        ("cron(0 0 ? * TUE#2 *)", "UTC", "2026-03-10T00:00"),
        ("cron(0 0 ? * FRI-MON *)", "UTC", "2026-03-07T00:00"),
        ("cron(0 0 29 2 ? *)", "UTC", "2028-02-29T00:00"),
        ("cron(0 0 29 2 ? 2096-2199)", "UTC", "2096-02-29T00:00"),
        ("cron(0 0 1 1 ? 2020)", "UTC", None),
        ("cron(30 2 8 3 ? 2026)", "America/Chicago", None),  # left out by the change of the clock
        ("at(2026-03-08T02:30:00)", "America/Chicago", None),
        ("cron(0 23 * * ? *)", "Pacific/Kiritimati", "2026-03-07T09:00"),
    ],
)
def test_next_after(expression: str, zone: str, wanted: str | None) -> None:
    """Each form, in the schedule's own zone."""
    found = next_after(check_schedule(expression), zone, AFTER)
    assert (None if found is None else found.strftime("%Y-%m-%dT%H:%M")) == wanted


def test_the_user_guides_examples() -> None:
    """Every example of the User Guide's "Schedule types" fires when the guide says."""
    assert texts("rate(5 minutes)", "UTC", after="2026-03-06T11:59", since="2026-03-06T12:00", count=3) == [
        *("2026-03-06T12:00", "2026-03-06T12:05", "2026-03-06T12:10"),
    ], "without a start date it begins at once"
    last_fridays = texts("cron(15 10 ? * 6L 2022-2023)", "UTC", after="2021-06-01", count=30)
    assert len(last_fridays) == 24, "each month of two years"
    assert last_fridays[:2] == ["2022-01-28T10:15", "2022-02-25T10:15"]
    assert last_fridays[-1] == "2023-12-29T10:15"
    assert texts("at(2022-11-20T13:00:00)", PACIFIC, after="2022-11-01", count=2) == ["2022-11-20T21:00"]
    assert texts("cron(30 8 * * ? *)", "America/New_York", after="2026-03-06T20:00", count=3) == [
        *("2026-03-07T13:30", "2026-03-08T12:30", "2026-03-09T12:30"),
    ]
    assert [text[-2:] for text in texts("cron(1/10 * * * ? *)", "UTC", after="2026-03-06T12:00", count=4)] == [
        *("01", "11", "21", "31"),
    ]
    assert texts("cron(0 8 3W * ? *)", "UTC", after="2026-05-01", count=1) == ["2026-05-04T08:00"]
    assert texts("cron(0 8 ? * 3#2 *)", "UTC", after="2026-03-06", count=1) == ["2026-03-10T08:00"]
    assert texts("cron(0 8 ? * 2#1 *)", PACIFIC, after="2026-01-01", count=1) == ["2026-01-05T16:00"]


def test_the_user_guides_changes_of_the_clock() -> None:
    """2:30 in Los Angeles is skipped where 2:00 becomes 3:00, and comes once, before 2:00 becomes 1:00 again."""
    assert texts("cron(30 2 * * ? *)", PACIFIC, after="2026-03-07T00:00", count=2) == [
        *("2026-03-07T10:30", "2026-03-09T09:30"),
    ]
    assert texts("cron(30 1 * * ? *)", PACIFIC, after="2026-10-31T20:00", count=2) == [
        *("2026-11-01T08:30", "2026-11-02T09:30"),
    ]
    days = texts("rate(1 day)", PACIFIC, after="2026-03-07T20:00", since="2026-03-07T20:00", count=2)
    assert days == ["2026-03-08T20:00", "2026-03-09T20:00"], "a day is 24 hours, also where it has 23"


def test_a_rate_keeps_its_grid() -> None:
    """Its ticks are the same ones from wherever one looks, and its first is its beginning."""
    since, step = at("2026-03-06T12:00") + timedelta(seconds=17), timedelta(minutes=7)
    for late in (timedelta(0), timedelta(seconds=1), step, step - timedelta(seconds=1), 1000 * step):
        found = next(ticks("rate(7 minutes)", "UTC", after=since + late, since=since))
        assert (found - since) % step == timedelta(0)
        assert late < found - since <= late + step
    assert next(ticks("rate(7 minutes)", "UTC", after=since - timedelta(days=1), since=since)) == since
