"""What the storm says of pages, rows and tokens that something happened to too often."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.storm.verdict import MOST_ANSWERS, MOST_KILLS, shared_or_deadly, too_often


def _kills(times: int) -> list[Mapping[str, Any]]:
    return [{"event": "poisoned", "url": "http://a.example/poison"}] * times


def _resumed(*executions: str) -> list[Mapping[str, Any]]:
    return [{"event": "resumed", "invocation": "row", "execution": each} for each in executions]


@pytest.mark.parametrize("events", [_kills(MOST_KILLS), _resumed("one", "one"), [{"event": "ready"}]])
def test_what_the_faults_explain_is_right(events: list[Mapping[str, Any]]) -> None:
    """As many deaths as a page's budget has, and one execution that goes on with its row again and again."""
    assert shared_or_deadly(events) == []


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        (_kills(MOST_KILLS + 1), f"http://a.example/poison killed {MOST_KILLS + 1} crawlers"),
        (_resumed("one", "two"), "1 invocations were resumed by two executions"),
    ],
)
def test_anything_more_is_a_sentence(events: list[Mapping[str, Any]], sentence: str) -> None:
    """A death more, or a second execution."""
    assert shared_or_deadly(events) == [sentence]


def test_a_token_that_is_answered_again_and_again_is_a_sentence() -> None:
    """Repeats that lost answers explain are none."""
    assert too_often({"one": 1, "two": MOST_ANSWERS}) == []
    assert too_often({"one": MOST_ANSWERS + 1}) == [f"1 task tokens were answered more than {MOST_ANSWERS} times"]
