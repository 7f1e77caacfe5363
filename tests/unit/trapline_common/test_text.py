"""Counts, sizes, durations and ages as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from trapline_common.platform.text import ago, byte_size, counted, duration

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, ""),
        (-1, "0s"),
        (0, "0s"),
        (0.0004, "0s"),
        (0.15, "150ms"),
        (0.9996, "1.0s"),
        (3.44, "3.4s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.94, "1m"),
        (185, "3m 5s"),
        (3_600, "1h"),
        (7_800, "2h 10m"),
        (200_000, "2d 7h"),
    ],
)
def test_a_duration_has_its_one_or_two_largest_units(seconds: float | None, expected: str) -> None:
    """Each duration is written in one way, rounded to what a person needs; ``10.0s`` and ``60s`` do not exist."""
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.4, "400ms ago"), (185, "3m ago"), (-20, "in 20s"), (-200_000, "in 2d")]
)
def test_an_age_has_one_unit(seconds: float, expected: str) -> None:
    """How long ago, or until when, in the largest unit alone."""
    assert ago(NOW - timedelta(seconds=seconds), NOW) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(None, ""), (512, "512 B"), (1536, "1.5 KiB"), (20 * 1024**2, "20 MiB"), (3 * 1024**4, "3.0 TiB")],
)
def test_a_size_is_in_binary_units(count: int | None, expected: str) -> None:
    """Bytes in the unit that leaves a short number."""
    assert byte_size(count) == expected


def test_numbers_agree_with_their_words() -> None:
    """One page, two pages, thousands separated, and plurals of their own."""
    assert [counted(number, "page") for number in (0, 1, 1200)] == ["0 pages", "1 page", "1,200 pages"]
    assert counted(2, "page waits", "pages wait") == "2 pages wait"
