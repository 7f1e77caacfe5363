"""Grouping, the message's id, and its size."""

import json
import unicodedata
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from support.alerts import alert
from trapline_notifier.message import MAX_BYTES, SHOWN, channel_texts, compose, group, size

DIFF = "--- a\n+++ b\n@@ -1 +1 @@\n" + "\n".join(f"-{'é' * 60}\n+{'ü' * 60}" for _ in range(66))


def test_a_group_is_one_crawl_one_kind_one_set_of_recipients() -> None:
    """Alerts are grouped by crawl, kind and recipients, whose order doesn't matter, and keep their order."""
    rows = [
        alert(1),
        alert(2, crawl="docs"),
        alert(3, "change"),
        alert(4),
        alert(5, to=("b", "a")),
        alert(6, to=("a", "b")),
    ]
    assert group(rows) == [[1, 4], [2], [3], [5, 6]]


def test_the_id_depends_on_the_alerts_alone() -> None:
    """The same alerts make the same id in any order, and other alerts another: repeats can be dropped by it."""
    rows = [alert(1), alert(2), alert(3)]
    assert compose(rows).id == compose(rows[::-1]).id
    assert compose(rows).id != compose(rows[:2]).id
    assert compose(rows).data["alert_ids"] == [1, 2, 3]


def test_a_title_that_has_no_bytes_stops_no_message() -> None:
    """A lone surrogate is replaced: no channel could encode it, and the alert would never be sent."""
    row = alert(1)
    broken = compose([replace(row, payload={**row.payload, "title": "\ud800!", "fields": [{"name": "\udfff"}]})])
    assert "\ud800" not in channel_texts(broken)["default"]
    assert size(broken) > 0


def test_twenty_are_listed_and_the_others_counted() -> None:
    """Of 57 alerts the texts tell 20 and count the rest; the ids of all are in the data."""
    message = compose([alert(n) for n in range(1, 58)])
    assert message.subject == "[trapline] pricing: 57 pages failed"
    assert "20. https://example.com/20\n" in message.email
    assert "https://example.com/21\n" not in message.email
    assert "... and 37 more pages; `trapline show 41` lists them." in message.email
    assert len(message.data["alerts"]) == SHOWN
    assert (message.data["count"], len(message.data["alert_ids"])) == (57, 57)


def test_diffs_are_cut_until_the_message_fits() -> None:
    """Twenty diffs of 16 KiB fit into one SNS message, each with its beginning and a line that says it goes on."""
    message = compose([alert(n, "change", diff=DIFF, fields=[]) for n in range(1, 21)])
    assert size(message) <= MAX_BYTES
    assert message.email.count("… the diff goes on") == 20
    assert message.email.count("@@ -1 +1 @@") == 20
    assert len(message.data["alerts"][19]["diff"]) > 1_000


def test_a_single_diff_is_shown_whole() -> None:
    """One change keeps all that was stored of its diff."""
    message = compose([alert(1, "change", diff=DIFF, fields=[])])
    assert "… the diff goes on" not in message.email
    assert message.data["alerts"][0]["diff"] == DIFF


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "title": st.text(st.characters(codec=None, exclude_categories=()), max_size=20),
                "detail": st.text(st.characters(codec="utf-8"), max_size=400),
                "diff": st.none()
                | st.text(st.sampled_from('\x01"\\é\U0001f600\n'), max_size=200).map(lambda text: text * 80),
            }
        ),
        min_size=1,
        max_size=25,
    ),
    st.sampled_from(["failure", "change", "recovery", "expectation", "reminder", "of another release"]),
    st.text(max_size=150),
)
def test_any_alert_makes_a_message_every_channel_takes(payloads: list[dict[str, Any]], kind: str, crawl: str) -> None:
    """With any text of a page the message fits, its texts encode, and its subject is what SNS takes."""
    message = compose([alert(n, kind, crawl=crawl, **payload) for n, payload in enumerate(payloads, start=1)])
    assert size(message) <= MAX_BYTES
    assert len(message.chat) <= 2_000
    assert 1 <= len(message.subject) <= 100
    assert message.subject.isascii()
    assert message.subject.isprintable()
    for text in (message.email, message.chat):
        assert {letter for letter in text if unicodedata.category(letter) == "Cc"} <= {"\n"}
        assert not set(text) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068")
        assert text.encode().decode() == text
    assert set(channel_texts(message)) == {"default", "email", "sms"}
    assert json.loads(channel_texts(message)["default"])["id"] == message.id
