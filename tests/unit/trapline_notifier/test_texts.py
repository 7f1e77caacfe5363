"""The texts as people read them, letter by letter."""

from textwrap import dedent
from typing import Any

import pytest

from support.alerts import alert
from trapline_common.content.diff import unified_diff
from trapline_common.domain.observation import Reason
from trapline_notifier.message import compose
from trapline_notifier.texts.advice import ADVICE, advice

URL = "https://example.com/pricing"


def _text(block: str) -> str:
    return dedent(block).lstrip("\n")


def test_the_email_of_a_failure() -> None:
    """Page, what happened, for how long, last good run, title, final URL, screenshot, run, what to do."""
    first = alert(
        1,
        url=URL,
        reason="http_status",
        detail="503 Service Unavailable",
        status=503,
        failures=3,
        failing_for=7_300.0,
        title="Sorry",
        final_url="https://example.com/sorry?x=1",
        screenshot="s3://artifacts/ab/abc.png",
    )
    second = alert(
        2, url="https://example.com/b", reason="dns", detail="host not found", failures=1, last_good_run=None
    )
    message = compose([first, second])
    assert message.subject == "[trapline] pricing: 2 pages failed"
    assert message.email == _text(
        f"""
        pricing: 2 pages failed

        1. https://example.com/pricing
           http_status: 503 Service Unavailable
           Failing for: 3 runs in a row, 2h 1m
           Last good:   run 38
           Title:       Sorry
           Final URL:   https://example.com/sorry?x=1
           Screenshot:  s3://artifacts/ab/abc.png
           Run:         41
           To do:       Open the page; a 401 or 403 may need `headers` or `cookies`, a 404 a new URL.

        2. https://example.com/b
           dns: host not found
           Failing for: 1 run
           Last good:   never
           Run:         41
           To do:       Check the host's spelling, and that its DNS record still exists.

        --{" "}
        `trapline web` shows the pages, their pictures and their history.
        Trapline sent this because of `alert` in crawl pricing.
        Message {message.id}; it may arrive more than once.
        """
    )


def test_the_email_of_a_change() -> None:
    """The fields before and after, and the diff."""
    diff = unified_diff("Plans\nBasic $40\nPro $80", "Plans\nBasic $45\nPro $80", url=URL)
    fields = [{"name": "basic", "old": "$40", "new": "$45"}]
    message = compose([alert(3, "change", url=URL, diff=diff, fields=fields, baseline_run=40, title="Pricing")])
    assert message.subject == "[trapline] pricing: 1 page changed: https://example.com/pricing"
    assert message.body == _text(
        """
        pricing: 1 page changed

        1. https://example.com/pricing
           changed: basic and the page's text
           basic:         $40 -> $45
           Compared with: run 40
           Title:         Pricing
           Run:           41

           --- https://example.com/pricing (before)
           +++ https://example.com/pricing (after)
           @@ -1,3 +1,3 @@
            Plans
           -Basic $40
           +Basic $45
            Pro $80
        """
    )


def test_the_email_of_a_picture_that_changed() -> None:
    """How many regions, which share, and where the picture before is; the words name text and picture."""
    picture = {"regions": 2, "share": 0.00421, "pixels": 5_400, "before": "s3://artifacts/aa/old.png"}
    facts = {"url": URL, "diff": "", "fields": [], "screenshot": "s3://artifacts/bb/new.png", "picture": picture}
    message = compose([alert(3, "change", **facts)])
    assert message.body == _text(
        """
        pricing: 1 page changed

        1. https://example.com/pricing
           changed: the page's picture
           Picture:        2 regions changed, 0.42 %
           Picture before: s3://artifacts/aa/old.png
           Screenshot:     s3://artifacts/bb/new.png
           Run:            41
        """
    )
    both = compose([alert(3, "change", **{**facts, "diff": "-a\n+b"})])
    assert "changed: the page's text and the page's picture" in both.body


@pytest.mark.parametrize("odd", ["text", {}, {"regions": "many", "share": None}, {"regions": 1, "share": "x"}, []])
def test_a_picture_of_another_release(odd: object) -> None:
    """What is no picture as this release writes it stops no message."""
    assert "1 page changed" in compose([alert(3, "change", url=URL, diff="-a\n+b", fields=[], picture=odd)]).body


def test_the_chat_of_a_change() -> None:
    """Short Markdown: what changed, the fields, the diff in a block."""
    diff = unified_diff("Basic $40", "Basic $45", url=URL)
    message = compose([alert(3, "change", url=URL, diff=diff, fields=[{"name": "basic", "old": "$40", "new": None}])])
    assert message.chat.replace("  \n", "\n") == _text(
        """
        🔵 **pricing: 1 page changed**

        https://example.com/pricing
        `changed: basic and the page's text`
        basic: `$40 -> nothing`
        Run: `41`
        ```
        --- https://example.com/pricing (before)
        +++ https://example.com/pricing (after)
        @@ -1 +1 @@
        -Basic $40
        +Basic $45
        ```
        """
    ).rstrip("\n")


def test_the_email_of_a_summary() -> None:
    """Counts, duration and the worst reasons with an example."""
    worst = [{"reason": "dns", "count": 2, "example": "https://x.example/"}]
    facts: dict[str, Any] = {
        "outcome": "completed",
        "done": 1200,
        "failed": 3,
        "changes": 1,
        "seconds": 184.2,
        "worst": worst,
    }
    message = compose([alert(4, "summary", url=None, **facts)])
    assert message.subject == "[trapline] pricing: run 41 ended, 1,200 done, 3 failed, 1 change"
    assert message.body == _text(
        """
        pricing: run 41 ended, 1,200 done, 3 failed, 1 change

        1. run 41 ended
           Done:    1,200
           Failed:  3
           Changes: 1
           Took:    3m 4s
           dns:     2, such as https://x.example/
           Run:     41
           To do:   `trapline show 41` lists every failed page.
        """
    )


@pytest.mark.parametrize(
    ("kind", "subject", "line"),
    [
        ("expectation", "pricing: 1 page is not as expected", "not as expected: 30 s"),
        ("reminder", "pricing: 1 page still fails", "still fails: timeout: 30 s"),
        ("recovery", "pricing: 1 page is good again", "good again"),
        ("test", "pricing: 1 test alert", "a test: this channel works"),
    ],
)
def test_each_kind_says_what_it_is(kind: str, subject: str, line: str) -> None:
    """Subject and first line of the other kinds."""
    message = compose([alert(1, kind, failures=2)])
    assert message.subject.startswith(f"[trapline] {subject}")
    assert line in message.body


def test_a_change_whose_old_text_is_gone_says_so() -> None:
    """A missing diff is explained, never left out silently."""
    assert "the earlier text is no longer kept" in compose([alert(1, "change", diff=None, fields=[])]).body


def test_a_run_that_was_skipped_or_refused_says_why() -> None:
    """The summary of a run that did no work names its outcome and reason."""
    body = compose([alert(1, "summary", url=None, outcome="refused", detail="the sitemap is HTML")]).body
    assert "pricing: run 41 was refused" in body
    assert "Why:     the sitemap is HTML" in body


def test_every_reason_has_its_advice() -> None:
    """No reason a task can fail for leaves the reader alone, and an unknown one gets the general advice."""
    assert set(ADVICE) == set(Reason)
    assert advice("of another release") == "Open the page in a browser."


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0s"), (59.4, "59s"), (7_300.0, "2h 1m"), (200_000, "2d 7h")]
    + [(odd, "unknown") for odd in (None, -1, True, float("inf"), "long")],
)
def test_a_duration_reads_as_in_the_tables(seconds: object, expected: str) -> None:
    """A run's seconds read as `trapline show` has them; what is no number of seconds is unknown, and breaks nothing."""
    assert f"Took:    {expected}\n" in compose([alert(4, "summary", url=None, seconds=seconds)]).body
