"""What is told as one, in which order messages go, and whether their numbers are true."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.alerts import alert
from trapline_common.domain.ports import AlertRow
from trapline_notifier.message import compose, group, halves, id_of
from trapline_notifier.texts.telling import tellings

KINDS = ("failure", "expectation", "blocked", "reminder", "recovery", "change", "summary")


def _history(*kinds: str, page: int = 7) -> list[AlertRow]:
    """Return the alerts of one page, in the order in which they happened, one run each."""
    return [alert(n, kind, page=page, run=40 + n, failing_for=60.0) for n, kind in enumerate(kinds, 1)]


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (("failure", "recovery"), ["recovery"]),
        (("failure", "recovery", "failure"), ["failure"]),
        (("recovery", "failure"), ["failure"]),
        (("failure", "reminder", "reminder"), ["failure"]),
        (("blocked", "reminder"), ["blocked"]),
        (("reminder", "reminder"), ["reminder"]),
        (("failure", "recovery", "reminder"), ["failure"]),
        (("failure", "recovery", "change"), ["recovery", "change"]),
        (("change", "failure", "recovery", "failure"), ["change", "failure"]),
        (("change", "change"), ["change", "change"]),
    ],
)
def test_what_is_over_before_it_was_told_is_told_as_one(kinds: tuple[str, ...], told: list[str]) -> None:
    """The last state has the word, a change is never lost, and who was never told of a failure is not reminded."""
    assert [each.kind for each in tellings(_history(*kinds))] == told


def test_a_failure_that_is_over_is_told_with_its_recovery() -> None:
    """One message, one page, in true words: it failed, why, and it is good again."""
    rows = _history("failure", "recovery")
    message = compose(rows)
    assert message.subject == "[trapline] pricing: 1 page failed and is good again: https://example.com/7"
    assert "failed, and is good again" in message.body
    assert "Before:         failed in run 41 (timeout: 30 s)" in message.body
    assert message.alert_ids == (1, 2)
    assert message.data["count"] == 1
    assert message.data["alerts"][0]["id"] == 2
    assert [each["id"] for each in message.data["alerts"][0]["before"]] == [1]


def test_failure_recovery_failure_is_one_failed_page() -> None:
    """Three alerts of one page are one page that fails, and the text says what came before."""
    message = compose(_history("failure", "recovery", "failure"))
    assert message.subject == "[trapline] pricing: 1 page failed: https://example.com/7"
    assert "was good again, and fails again: timeout: 30 s" in message.body
    assert "failed in run 41 (timeout: 30 s); good again in run 42" in message.body
    assert "was good again, and fails again: timeout: 30 s" in message.chat


def test_a_long_history_is_cut_in_the_middle() -> None:
    """Of twenty turns the first and the last are listed, and the others counted."""
    (item,) = (line for line in compose(_history(*("failure", "recovery") * 10)).body.split("\n") if "Before:" in line)
    assert item.count(";") == 6 - 1
    assert "failed in run 41" in item
    assert "; 14 more; " in item
    assert item.endswith("failed in run 59 (timeout: 30 s)")


def test_two_pages_are_two_pages_however_many_alerts() -> None:
    """Two changes of one page are not two pages, and neither are a failure and its reminder."""
    rows = [alert(1, "change", page=7, fields=[]), alert(2, "change", page=8, fields=[])]
    assert compose(rows).subject == "[trapline] pricing: 2 pages changed"
    twice = [alert(1, "change", page=7, fields=[]), alert(2, "change", page=7, fields=[])]
    assert compose(twice).subject == "[trapline] pricing: 1 page changed, 2 times: https://example.com/7"
    failed = [alert(1, page=7), alert(2, page=8), alert(3, "reminder", page=7)]
    assert compose(failed).subject == "[trapline] pricing: 2 pages failed"


def test_a_later_alert_is_not_lifted_above_an_earlier_one_of_its_page() -> None:
    """A change, a failure, and a change of the same page: the last does not join the first one's message."""
    rows = [
        alert(1, "change", page=7),
        alert(2, "failure", page=7),
        alert(3, "recovery", page=8),
        alert(4, "change", page=8),
        alert(5, "change", page=7),
    ]
    assert group(rows) == [[1], [2], [3], [4, 5]]


def test_what_ends_a_run_stays_between_that_run_and_the_next() -> None:
    """A failure of the next run does not go out before the news that the run before it ended."""
    rows = [
        alert(1, run=41),
        alert(2, "summary", run=41),
        alert(3, run=42),
        alert(4, run=77, crawl="docs"),
        alert(5, "summary", run=42),
    ]
    assert group(rows) == [[1], [2], [3], [4], [5]]


def test_alerts_for_other_recipients_are_never_told_as_one() -> None:
    """Who gets only the failure's message must get the failure; each list of recipients has its own last word."""
    rows = [alert(1, page=7, to=("ops",)), alert(2, "recovery", page=7), alert(3, page=7, to=("ops", "ops"))]
    assert group(rows) == [[2], [1, 3]]


@st.composite
def histories(draw: st.DrawFn) -> list[AlertRow]:
    """Alerts of a few pages and crawls, in any order of kinds."""
    count = draw(st.integers(1, 30))
    found = []
    for number in range(1, count + 1):
        kind = draw(st.sampled_from(KINDS))
        crawl = draw(st.sampled_from(("pricing", "docs")))
        page = None if kind == "summary" else draw(st.integers(1, 4)) + (10 if crawl == "docs" else 0)
        found.append(alert(number, kind, crawl=crawl, page=page, fields=[]))
    return found


@given(histories())
def test_any_history_is_told_in_order_and_whole(rows: list[AlertRow]) -> None:
    """Every alert is in one message; what a page's alerts say last, the messages say last; the numbers are true."""
    by_id = {row.id: row for row in rows}
    groups = group(rows)
    assert sorted(key for each in groups for key in each) == sorted(by_id)
    place = {key: index for index, each in enumerate(groups) for key in each}
    told = tellings(rows)
    for page in {row.page_id for row in rows if row.page_id is not None}:
        words = [place[each.last.id] for each in told if each.last.page_id == page]
        assert words == sorted(words)
        last_state = [row for row in rows if row.page_id == page and row.kind not in {"change", "summary"}][-1:]
        for state in last_state:
            (telling,) = (each for each in told if state in each.alerts)
            assert telling.last == state
            assert (telling.kind == "recovery") == (state.kind == "recovery")
    for crawl in ("pricing", "docs"):
        for before, after in pairwise([row for row in rows if row.crawl == crawl]):
            if "summary" in {before.kind, after.kind} and before.page_id is None:
                assert place[before.id] <= place[after.id]
    for each in groups:
        message = compose([by_id[key] for key in each])
        if message.kind != "summary":
            assert message.data["count"] == len({by_id[key].page_id for key in each})
        assert message.id == id_of(each)
        if len(each) > 1:
            parts = halves([by_id[key] for key in each])
            assert sorted(row.id for part in parts for row in part) == sorted(each)
            assert all(parts)
