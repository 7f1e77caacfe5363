"""The storm's measure of order can fail: each way to tell a channel something wrong is a sentence."""

import pytest

from tests.storm.telling_order import out_of_order
from tests.storm.topic import Arrival

KNOWN = {
    1: ("failure", 7),
    2: ("recovery", 7),
    3: ("failure", 7),
    4: ("failure", 8),
    5: ("change", 8),
    6: ("summary", None),
}


def _arrival(kind: str, *alerts: int, count: int | None = None, name: str = "") -> Arrival:
    pages = {KNOWN[alert][1] for alert in alerts} - {None}
    return Arrival(id=name or f"m{alerts}", kind=kind, alerts=alerts, count=len(pages) if count is None else count)


RIGHT = {
    "one by one": [_arrival("failure", 1), _arrival("recovery", 2), _arrival("failure", 3, 4), _arrival("change", 5)],
    "told as one": [_arrival("failure", 1, 2, 3, 4), _arrival("summary", 6, count=1), _arrival("change", 5)],
    "a late repeat": [_arrival("failure", 1), _arrival("recovery", 2), _arrival("failure", 1)],
}
WRONG = {
    "told before": [_arrival("recovery", 2), _arrival("failure", 1)],
    "told after": [_arrival("recovery", 1, 2), _arrival("failure", 4), _arrival("failure", 3), _arrival("recovery", 2)],
    "and again by": [_arrival("failure", 1), _arrival("recovery", 1, 2)],
    "its last word is failure": [_arrival("recovery", 1, 2, 3)],
    "its last word is recovery": [_arrival("failure", 1, 2)],
    "speaks of 3 pages, and is about 1": [_arrival("failure", 1, 2, 3, count=3)],
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_happened_in_its_order_is_right(name: str) -> None:
    """Alert by alert, several as one, and a message that arrives twice."""
    assert out_of_order(RIGHT[name], KNOWN, refused=()) == []


@pytest.mark.parametrize("sentence", WRONG)
def test_anything_else_is_wrong(sentence: str) -> None:
    """Turned round, left out, under another id, with another last word, or with a number that is not true."""
    found = out_of_order(WRONG[sentence], KNOWN, refused=())
    assert any(sentence in each for each in found), found


def test_a_refused_alert_need_not_be_told() -> None:
    """What a channel refuses for its content is told to operations; its page goes on."""
    assert out_of_order([_arrival("recovery", 2)], KNOWN, refused=[1]) == []
