"""Which ticks are due at a look at the clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from trapline_common.config.schedule_times import ticks
from trapline_common.ledger.schedules import KeptSchedule
from trapline_machine.serve.due import due

NOON = datetime(2026, 3, 7, 12, tzinfo=UTC)
"""The day before clocks change in America."""
EXPRESSIONS = ("rate(1 minute)", "rate(7 minutes)", "cron(0/5 * * * ? *)", "cron(30 1-3 * * ? *)", "rate(1 day)")
EVER = datetime(2020, 1, 1, tzinfo=UTC)


def kept(expression: str) -> KeptSchedule:
    return KeptSchedule(
        crawl="docs",
        expression=expression,
        timezone="America/Chicago",
        since=NOON,
        recorded_to=NOON - timedelta(microseconds=1),
    )


@settings(max_examples=150, deadline=None)
@given(
    expression=st.sampled_from(EXPRESSIONS),
    jitter=st.sampled_from([0.0, 30.0, 300.0, 86_400.0]),
    pauses=st.lists(st.integers(1, 7200), min_size=1, max_size=60),
)
def test_looks_at_any_times_find_each_tick_once(expression: str, jitter: float, pauses: list[int]) -> None:
    """Whatever lies between the looks: each tick is found once, in order, on time or in its window, none early."""
    schedule, now, found = kept(expression), NOON, list[datetime]()
    for pause in pauses:
        look = due(schedule, jitter=jitter, now=now, not_before=EVER)
        assert look.again_at > now
        news = [*look.missed, *([] if look.latest is None else [look.latest])]
        assert all(tick <= now for tick in news)
        found += news
        if news:
            schedule = KeptSchedule(
                crawl="docs",
                expression=expression,
                timezone=schedule.timezone,
                since=NOON,
                recorded_to=news[-1],
            )
        if look.latest is None:
            quiet = min(look.again_at, now + timedelta(hours=30)) - timedelta(seconds=1)
            if quiet > now:
                assert due(schedule, jitter=jitter, now=quiet, not_before=EVER).latest is None, "nothing before then"
        now += timedelta(seconds=pause)
    expected = []
    for tick in ticks(expression, schedule.timezone, after=NOON - timedelta(microseconds=1), since=NOON):
        if tick > schedule.recorded_to:
            break
        expected.append(tick)
    assert found == expected


def test_jitter_is_whole_minutes_and_the_same_after_a_restart() -> None:
    """Each tick of a day fires within its window, to the second at the same time whenever one asks; they differ."""
    places = set[float]()
    for hour in range(24):
        tick = NOON + timedelta(hours=hour)
        fired = [
            second
            for second in range(181)
            if due(
                KeptSchedule(
                    crawl="docs",
                    expression="rate(1 hour)",
                    timezone="UTC",
                    since=NOON,
                    recorded_to=tick - timedelta(seconds=1),
                ),
                jitter=130.0,
                now=tick + timedelta(seconds=second),
                not_before=EVER,
            ).latest
            == tick
        ]
        assert fired == list(range(fired[0], 181))
        places.add(fired[0])
    assert len(places) > 12
    assert max(places) > 130, "as Terraform rounds it"
    assert max(places) < 180


def test_no_tick_is_placed_as_late_as_the_next() -> None:
    """Jitter that is longer than a schedule's step: who looks often misses nothing, and fires every tick."""
    schedule, fired = kept("rate(1 minute)"), 0
    for second in range(600):
        look = due(schedule, jitter=86_400.0, now=NOON + timedelta(seconds=second), not_before=EVER)
        assert look.missed == []
        if look.latest is not None:
            schedule, fired = replace(schedule, recorded_to=look.latest), fired + 1
    assert fired in {9, 10}
