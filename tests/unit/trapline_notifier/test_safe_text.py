"""What a hostile page wrote is harmless in every text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.alerts import alert
from trapline_notifier.message import compose
from trapline_notifier.texts import safe_text
from trapline_notifier.texts.subject import subject

HOSTILE = (
    "@channel <!here> <@U1> **b** [x](javascript:1) `x` ```\n"
    "# h <script>alert(1)</script> \x1b[31m\u202egpj\r\nBcc: a@b"
)


def _outside_code(markdown: str) -> str:
    """What of a Markdown text is not in a code span or block, nor one of our URLs."""
    without_blocks = re.sub(r"```\n.*?\n```", "", markdown, flags=re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", without_blocks)


def test_hostile_words_stay_in_code() -> None:
    """Nothing a page wrote is outside code in the chat text: no markup, link, mention or HTML of its making."""
    rows = [
        alert(
            1,
            "change",
            url="https://e.com/",
            title=HOSTILE,
            diff=HOSTILE + "\n ```\n@everyone",
            fields=[{"name": HOSTILE, "old": HOSTILE, "new": HOSTILE}],
        ),
        alert(2, "change", url=f"https://e.com/{HOSTILE}", title=HOSTILE, diff="", fields=[]),
    ]
    chat = compose(rows).chat
    rest = _outside_code(chat)
    assert not set("<>[]@`") & set(rest)
    assert not re.search(r"@\w|<[!@#]", chat)


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=80))
def test_no_text_leaves_its_code_span_or_block(text: str) -> None:
    """Any text in a span stays one span on one line; in a block no line of it closes the block."""
    span = safe_text.code(text)
    assert span.count("`") == 2
    assert "\n" not in span
    fenced = safe_text.fenced(text)
    assert not [line for line in fenced.split("\n")[1:-1] if line.strip().startswith("```")]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", "Trapline"),
        (" \r\n\t ", "Trapline"),
        ("price €40\r\nBcc: all@example.com", "price ?40 Bcc: all@example.com"),
        ("x" * 101, "x" * 97 + "..."),
        ("x" * 100, "x" * 100),
        ("a\u2028b\x00c\x7f", "a b c"),
    ],
)
def test_a_subject_is_one_ascii_line_of_at_most_100(raw: str, expected: str) -> None:
    """No line end, control character or other script gets into a subject; it is never empty."""
    assert subject(raw) == expected


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_subject_is_one_sns_takes(raw: str) -> None:
    """SNS's rules hold for any text."""
    made = subject(raw)
    assert 1 <= len(made) <= 100
    assert made.isascii()
    assert made.isprintable()
    assert made == made.strip()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("https://example.com/a?b=c&d=%20#e", "https://example.com/a?b=c&d=%20#e"),
        ("https://example.com/a b\n<x>", "https://example.com/a%20b%20%3Cx%3E"),
        ("https://example.com/@here`", "https://example.com/%40here%60"),
        ("https://example.com/é", "https://example.com/%C3%A9"),
    ],
)
def test_a_url_is_one_word_without_markup(raw: str, expected: str) -> None:
    """A good URL stays as it is; what isn't part of one is percent-encoded."""
    assert safe_text.url(raw) == expected
