"""Shares as a person reads them."""

import pytest

from trapline_common.platform.text import percent


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.999, "100 %"),
        (0.12345, "12 %"),
        (0.0421, "4.2 %"),
        (0.00421, "0.42 %"),
        (0.004, "0.4 %"),
        (0.0000173, "0.0017 %"),
        (0.0000000009, "0.00000009 %"),
    ],
)
def test_two_digits_count(share: float, text: str) -> None:
    """Of a small share the digits that count are shown, however far behind the point they are."""
    assert percent(share) == text
