"""Numbers and dates that a server writes: read, bounded or ignored, and never an error."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trapline_crawler.visit.blocked import LONGEST_RETRY_AFTER, retry_after
from trapline_crawler.visit.header_values import LARGEST, moment, runs_no_scripts, whole_number

NOW = "Fri, 20 Nov 2026 10:00:00 GMT"

ABSURD = [
    "Mon, 01 Jan 99999999999 00:00:00 GMT",
    "Mon, 01 Jan 0000 00:00:00 GMT",
    "Mon, 01 Jan 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Mon, 01 Jan 2026 00:00:00 +99999999999999999999",
    "Mon, 99999999999999999999 Jan 2026 00:00:00 GMT",
    "Mon, 01 Jan 2026 99999999999999999999:00:00 GMT",
    "Mon, 01 Jan -2026 00:00:00 GMT",
    "Mon, 01 Foo 2026 00:00:00 GMT",
    ", , , ,",
    "0 0 0 0",
    "\x00",
    "\u0661\u0662",
    "²",
    "1_000",
    "+5",
    "-5",
    "1e5",
    "0x10",
    "9" * 5_000,
    "Mon, " * 50_000,
    "",
]


@pytest.mark.parametrize("text", ABSURD)
def test_nonsense_is_no_error(text: str) -> None:
    """Whatever stands there, as the value or as the answer's own date: nothing, or a bounded number of seconds."""
    for headers in ({"retry-after": text, "date": NOW}, {"retry-after": NOW, "date": text}, {"retry-after": text}):
        found = retry_after(headers)
        assert found is None or 0 <= found <= LONGEST_RETRY_AFTER


@settings(max_examples=50)
@given(st.text(max_size=80), st.text(max_size=80))
def test_no_text_is_an_error(value: str, date: str) -> None:
    """The same of any text at all."""
    found = retry_after({"retry-after": value, "date": date})
    assert found is None or 0 <= found <= LONGEST_RETRY_AFTER
    number = whole_number(value)
    assert number is None or 0 <= number <= LARGEST


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        (" 42 ", 42),
        ("007", 7),
        ("9" * 5_000, LARGEST),
        ("0" * 5_000, 0),
        ("-1", None),
        ("²", None),
        ("", None),
    ],
)
def test_a_number_is_bounded(text: str, number: int | None) -> None:
    """Five thousand digits, which Python's ``int`` refuses, are the largest number; anything but digits is none."""
    assert whole_number(text) == number


def test_a_date_is_read() -> None:
    """As seconds since 1970, whichever zone it is in; without one it is in UTC."""
    assert moment("Thu, 01 Jan 1970 00:01:00 GMT") == 60.0
    assert moment("Thu, 01 Jan 1970 02:01:00 +0200") == 60.0
    assert moment("Thu, 01 Jan 1970 00:01:00") == 60.0


@pytest.mark.parametrize(
    ("policy", "stops"),
    [
        ("default-src 'none'; style-src 'unsafe-inline'; sandbox", True),
        ("SANDBOX allow-same-origin", True),
        ("sandbox allow-scripts", False),
        ("default-src 'self', sandbox", True),
        ("default-src 'self'\nsandbox allow-forms", True),
        ("default-src https://sandbox.example", False),
        ("", False),
    ],
)
def test_which_policies_stop_scripts(policy: str, *, stops: bool) -> None:
    """A sandbox without ``allow-scripts`` stops them, in whichever of a page's policies it stands."""
    assert runs_no_scripts({"content-security-policy": policy}) == stops
    assert not runs_no_scripts({})
