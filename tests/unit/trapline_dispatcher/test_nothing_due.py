"""When a pause is one on purpose: no enabled schedule fired since the last run that succeeded."""

from datetime import UTC, datetime

import pytest

from trapline_common.config.load import parse_config
from trapline_dispatcher.maintenance.nothing_due import is_due

MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
FRIDAY = datetime(2026, 3, 6, 8, 5, tzinfo=UTC)
SUNDAY = datetime(2026, 3, 8, 23, 0, tzinfo=UTC)
CRAWLS = """
crawls:
  docs: {{urls: [https://docs.example/], enabled: {enabled}, schedule: "{schedule}", timezone: {zone}}}
  by-hand: {{urls: [https://hand.example/]}}
"""


@pytest.mark.parametrize(
    ("schedule", "since", "now", "due"),
    [
        pytest.param("cron(0 8 ? * MON-FRI *)", FRIDAY, SUNDAY, False, id="a weekend"),
        pytest.param("cron(0 8 ? * MON-FRI *)", FRIDAY, MONDAY.replace(day=9), True, id="monday again"),
        pytest.param("cron(0 8 ? * MON *)", TUESDAY, SUNDAY, False, id="made on a tuesday, due on mondays"),
        pytest.param("rate(6 hours)", MONDAY, MONDAY.replace(hour=13), False, id="a rate that is not over"),
        pytest.param("rate(6 hours)", MONDAY, MONDAY.replace(hour=14), True, id="a rate"),
        pytest.param("at(2026-03-07T08:00:00)", FRIDAY, SUNDAY, True, id="a moment"),
        pytest.param("at(2026-03-01T08:00:00)", FRIDAY, SUNDAY, False, id="a moment long ago"),
    ],
)
def test_due_is_what_fired_since_the_last_success(schedule: str, since: datetime, now: datetime, due: bool) -> None:
    """A schedule that fired is due whatever became of its run; one that is switched off, or has none, never is."""
    crawls = {
        enabled: parse_config(CRAWLS.format(schedule=schedule, zone="UTC", enabled=enabled), "crawls.yaml").crawls
        for enabled in ("true", "false")
    }
    assert is_due(crawls["true"].values(), since=since, now=now) is due
    assert not is_due(crawls["false"].values(), since=since, now=now)


def test_a_schedule_fires_by_its_own_clock() -> None:
    """Eight o'clock in Auckland is the evening before in UTC."""
    crawls = parse_config(
        CRAWLS.format(schedule="cron(0 8 ? * MON *)", zone="Pacific/Auckland", enabled="true"), "crawls.yaml"
    ).crawls
    sunday = datetime(2026, 3, 8, 18, 59, tzinfo=UTC)
    assert not is_due(crawls.values(), since=FRIDAY, now=sunday)
    assert is_due(crawls.values(), since=FRIDAY, now=sunday.replace(hour=19, minute=0))
