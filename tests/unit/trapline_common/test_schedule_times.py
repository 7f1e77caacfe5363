"""When a schedule fires next, as EventBridge Scheduler reads the expression."""

from datetime import UTC, datetime

import pytest

from trapline_common.config.schedule import check_schedule
from trapline_common.config.schedule_times import next_after

AFTER = datetime(2026, 3, 6, 12, 30, tzinfo=UTC)  # a Friday


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
        ("cron(0 0 ? * 6L *)", "UTC", "2026-03-27T00:00"),
        ("cron(0 0 ? * TUE#2 *)", "UTC", "2026-03-10T00:00"),
        ("cron(0 0 ? * FRI-MON *)", "UTC", "2026-03-07T00:00"),
        ("cron(0 0 29 2 ? *)", "UTC", "2028-02-29T00:00"),
        ("cron(0 0 1 1 ? 2020)", "UTC", None),
        ("cron(30 2 8 3 ? 2026)", "America/Chicago", "2026-03-08T08:30"),  # left out by the change of the clock
        ("cron(0 23 * * ? *)", "Pacific/Kiritimati", "2026-03-07T09:00"),
    ],
)
def test_next_after(expression: str, zone: str, wanted: str | None) -> None:
    """Each form, in the schedule's own zone."""
    found = next_after(check_schedule(expression), zone, AFTER)
    assert (None if found is None else found.strftime("%Y-%m-%dT%H:%M")) == wanted
