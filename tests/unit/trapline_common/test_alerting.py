"""The rules of baselines and alerts, one by one, and played out over many runs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline_common.alerts.page_state import AlertKind, PageState, PageUpdate, Verdict
from trapline_common.alerts.payloads import ReasonCount, RunFacts
from trapline_common.alerts.verdict import judge, needs_baseline, summary
from trapline_common.config.models import AlertConfig, CrawlConfig
from trapline_common.content.noise import Baseline, Remembered
from trapline_common.content.text import content_hash
from trapline_common.domain.ids import PageId, RunId
from trapline_common.domain.observation import Failure, Observation, Reason

URL = "https://example.com/pricing"
NEW_PAGE = PageState(page_id=PageId(7), url=URL, version=0)


def _crawl(**alert: Any) -> CrawlConfig:
    return CrawlConfig(name="pricing", alert=AlertConfig(**alert))


def _good(text: str = "Basic $40", fields: Mapping[str, str | None] | None = None) -> Observation:
    found = dict(fields or {})
    return Observation(
        url=URL,
        final_url=URL,
        status=200,
        title="Pricing",
        text=text,
        fields=found,
        content_hash=content_hash(text, found),
    )


def _bad(reason: Reason = Reason.TIMEOUT) -> Observation:
    failure = Failure(reason=reason, detail="it went wrong", retry=False)
    return Observation(url=URL, failure=failure, screenshot="ab/abc.png")


def _judge(
    state: PageState,
    observation: Observation,
    *,
    run: int = 2,
    crawl: CrawlConfig | None = None,
    fingerprint: str = "f1",
    text: str | None = "Basic $40",
) -> Verdict:
    return judge(
        state,
        observation,
        run_id=RunId(run),
        crawl=crawl or _crawl(),
        fingerprint=fingerprint,
        baseline=Baseline(text=text),
        location=lambda key: f"/artifacts/{key}",
    )


def _seen(**changes: Any) -> PageState:
    """A page whose baseline is ``_good()`` of run 1."""
    state = replace(
        NEW_PAGE,
        version=1,
        baseline_hash=_good().content_hash,
        baseline_run=RunId(1),
        fingerprint="f1",
        judged_run=RunId(1),
    )
    return replace(state, **changes)


def _after(state: PageState, update: PageUpdate, observation: Observation) -> PageState:
    """What the store makes of a verdict; reminders are not due."""
    return replace(
        state,
        version=state.version + 1,
        baseline_hash=observation.content_hash if update.baseline else state.baseline_hash,
        baseline_fields=observation.fields if update.baseline else state.baseline_fields,
        baseline_run=update.baseline_run,
        fingerprint=update.fingerprint,
        judged_run=update.judged_run,
        failures=update.failures,
        alerted=update.alerted,
        since_alert=0.0 if update.alerted_now else state.since_alert,
    )


def _kinds(verdict: Verdict) -> list[AlertKind]:
    return [alert.kind for alert in verdict.alerts]


def test_the_first_good_visit_becomes_the_baseline_silently() -> None:
    """Nothing is compared with nothing: no alert, no change, but a baseline."""
    verdict = _judge(NEW_PAGE, _good(), run=1, text=None)
    assert verdict == Verdict(
        update=PageUpdate(
            baseline=True,
            baseline_run=RunId(1),
            fingerprint="f1",
            judged_run=RunId(1),
            failures=0,
            alerted=False,
            remembered=Remembered(seen=0, earlier=()),
        ),
        drops_picture=True,
    )


def test_an_equal_visit_is_no_change() -> None:
    """The same content moves the baseline to the newer run and writes no alert."""
    verdict = _judge(_seen(), _good())
    assert (verdict.alerts, verdict.changed, verdict.update.baseline_run) == ((), False, RunId(2))


def test_a_change_carries_its_diff_and_fields() -> None:
    """A change alert has the diff, the fields before and after, and the run it compares with."""
    verdict = _judge(_seen(baseline_fields={"basic": "$40"}), _good("Basic $45", {"basic": "$45"}))
    (alert,) = verdict.alerts
    assert verdict.changed
    assert verdict.update.baseline
    assert alert.kind is AlertKind.CHANGE
    assert "-Basic $40\n+Basic $45" in alert.payload["diff"]
    assert alert.payload["fields"] == [{"name": "basic", "old": "$40", "new": "$45"}]
    assert alert.payload["baseline_run"] == 1


def test_a_change_outside_of_on_is_counted_and_not_sent() -> None:
    """Without ``change`` in ``on`` the observation counts as changed, and no old text is fetched."""
    crawl = _crawl(on=("failure",))
    verdict = _judge(_seen(), _good("Basic $45"), crawl=crawl, text=None)
    assert (verdict.alerts, verdict.changed) == ((), True)
    assert not needs_baseline(_seen(), _good("Basic $45"), run_id=RunId(2), crawl=crawl, fingerprint="f1")


def test_an_empty_diff_is_never_sent() -> None:
    """A hash that differs over equal texts and fields (another release's hash) silently becomes the baseline."""
    verdict = _judge(_seen(baseline_hash="of an older release"), _good())
    assert (verdict.alerts, verdict.changed, verdict.update.baseline) == ((), False, True)


def test_a_lost_old_text_still_alerts_and_says_so() -> None:
    """When the baseline's text is gone the change is reported without a diff."""
    (alert,) = _judge(_seen(), _good("Basic $45"), text=None).alerts
    assert alert.payload["diff"] is None


def test_another_fingerprint_resets_silently() -> None:
    """After ``watch``, ``extract`` or ``ignore`` changed, the next good visit is the baseline without an alert."""
    verdict = _judge(_seen(), _good("Basic $45"), fingerprint="f2")
    assert (verdict.alerts, verdict.changed) == ((), False)
    assert (verdict.update.baseline, verdict.update.fingerprint) == (True, "f2")


def test_a_failed_visit_under_another_fingerprint_keeps_the_reset_for_later() -> None:
    """A failure leaves the old fingerprint in place, so the next good visit still resets silently."""
    verdict = _judge(_seen(), _bad(), fingerprint="f2")
    assert (verdict.update.baseline, verdict.update.fingerprint) == (False, "f1")


@pytest.mark.parametrize("observation", [_good("Basic $45"), _bad(Reason.POISON)], ids=["good", "bad"])
@pytest.mark.parametrize(
    "state", [_seen(judged_run=RunId(3)), _seen(baseline_run=RunId(3))], ids=["judged", "baseline"]
)
def test_a_late_result_does_nothing(state: PageState, observation: Observation) -> None:
    """A result of an older run changes no baseline, counts nothing and writes no alert."""
    verdict = _judge(state, observation, run=2, crawl=_crawl(after_failures=1))
    assert verdict.alerts == ()
    assert not verdict.changed
    assert _after(state, verdict.update, observation) == replace(state, version=state.version + 1)
    assert not needs_baseline(state, observation, run_id=RunId(2), crawl=_crawl(), fingerprint="f1")


def test_a_failure_alerts_once_at_the_configured_run() -> None:
    """With ``after_failures: 3`` the third failed run alerts, and no other does."""
    state, kinds = _seen(), []
    for run in range(2, 8):
        verdict = _judge(state, _bad(), run=run, crawl=_crawl(after_failures=3))
        kinds.append(_kinds(verdict))
        assert not verdict.update.baseline
        assert verdict.update.alerted_now == bool(verdict.alerts)
        state = _after(state, verdict.update, _bad())
    assert kinds == [[], [], [AlertKind.FAILURE], [], [], []]
    assert state.failures == 6


def test_a_failure_alert_carries_what_a_person_needs() -> None:
    """Reason, detail, runs in a row, last good run and the screenshot's location are in the payload."""
    (alert,) = _judge(_seen(failures=1, failing_for=60.0), _bad()).alerts
    assert alert.payload == {
        "page_id": 7,
        "url": URL,
        "final_url": None,
        "status": None,
        "title": None,
        "screenshot": "/artifacts/ab/abc.png",
        "reason": "timeout",
        "detail": "it went wrong",
        "failures": 2,
        "failing_for": 60.0,
        "last_good_run": 1,
    }


def test_two_failures_in_one_run_count_once() -> None:
    """A run that visits a page twice adds one to the row of failed runs."""
    assert _judge(_seen(judged_run=RunId(2), failures=1), _bad(), run=2).update.failures == 1


def test_a_cancelled_task_says_nothing_about_its_page() -> None:
    """An operator's cancellation is no failure of the page."""
    state = _seen(failures=1)
    verdict = _judge(state, _bad(Reason.CANCELLED))
    assert verdict.alerts == ()
    assert (verdict.update.failures, verdict.update.judged_run) == (1, RunId(1))


def test_a_poison_page_alerts_at_once() -> None:
    """A page that kills every invocation does not wait for ``after_failures``."""
    assert _kinds(_judge(_seen(), _bad(Reason.POISON), crawl=_crawl(after_failures=5))) == [AlertKind.FAILURE]


def test_an_unmet_expectation_has_its_own_kind() -> None:
    """``expect`` not met is kept apart from a page that did not load, under the same subscription."""
    assert _kinds(_judge(_seen(failures=1), _bad(Reason.EXPECTATION))) == [AlertKind.EXPECTATION]
    assert _kinds(_judge(_seen(failures=1), _bad(Reason.EXPECTATION), crawl=_crawl(on=("change",)))) == []


@pytest.mark.parametrize(
    ("since", "every", "expected"),
    [
        (3_600.0, 86_400.0, []),
        (86_400.0, 86_400.0, [AlertKind.REMINDER]),
        (86_340.0, 86_400.0, [AlertKind.REMINDER]),  # a daily run that began a minute sooner than yesterday's
        (82_800.0, 86_400.0, []),  # an hourly run, one hour too soon
        (1e9, None, []),
    ],
)
def test_a_reminder_comes_when_it_is_due(since: float, every: float | None, expected: list[AlertKind]) -> None:
    """A page that still fails is reported again after ``remind_every``, give or take a daily run's jitter, or never."""
    state = _seen(failures=4, alerted=True, since_alert=since)
    verdict = _judge(state, _bad(), crawl=_crawl(remind_every=every))
    assert _kinds(verdict) == expected
    assert verdict.update.alerted_now == bool(expected)
    assert verdict.update.alerted


def test_recovery_follows_only_a_failure_that_was_alerted() -> None:
    """A page that failed below the threshold recovers in silence; one that alerted says so once, with its change."""
    assert _kinds(_judge(_seen(failures=1), _good())) == []
    verdict = _judge(_seen(failures=3, alerted=True), _good("Basic $45"))
    assert _kinds(verdict) == [AlertKind.RECOVERY, AlertKind.CHANGE]
    assert verdict.alerts[0].payload["failures"] == 3
    assert (verdict.update.alerted, verdict.update.failures) == (False, 0)


def test_an_unwanted_recovery_still_ends_the_row() -> None:
    """Without ``recovery`` in ``on`` nothing is sent, and the next failure starts anew."""
    verdict = _judge(_seen(failures=3, alerted=True), _good(), crawl=_crawl(on=("failure",)))
    assert verdict.alerts == ()
    assert (verdict.update.alerted, verdict.update.failures) == (False, 0)


def test_alerts_go_to_the_channels_the_crawl_names() -> None:
    """``alert.to`` is on every draft."""
    crawl = _crawl(to=("ops", "slack"), after_failures=1)
    assert _judge(_seen(), _bad(), crawl=crawl).alerts[0].to == ("ops", "slack")
    assert _judge(_seen(), _good("new"), crawl=crawl).alerts[0].to == ("ops", "slack")


def test_a_summary_is_kept_and_sent_only_when_wanted() -> None:
    """The summary is always written, most frequent reasons first, and muted unless ``on`` has ``summary``."""
    facts = RunFacts(
        run_id=RunId(9),
        outcome="completed",
        done=10,
        failed=3,
        changes=2,
        seconds=12.5,
        worst=[ReasonCount(reason="dns", count=1, example="a"), ReasonCount(reason="tls", count=2, example="b")],
    )
    quiet, loud = summary(facts, AlertConfig()), summary(facts, AlertConfig(on=("summary",)))
    assert (quiet.muted, loud.muted, quiet.kind) == (True, False, AlertKind.SUMMARY)
    assert [worst["reason"] for worst in loud.payload["worst"]] == ["tls", "dns"]


def test_no_page_can_make_a_large_alert() -> None:
    """Titles, URLs, details and values of 200 KB leave a payload of a few kilobytes."""
    huge = "x" * 200_000
    failing = replace(
        _bad(), title=huge, final_url=huge, url=huge, failure=Failure(reason=Reason.TIMEOUT, detail=huge, retry=False)
    )
    changed = _good(huge, {f"field {number}": huge for number in range(60)})
    for verdict in (_judge(_seen(failures=1), failing), _judge(_seen(), changed)):
        assert len(str(verdict.alerts[0].payload)) < 64 * 1024


@given(
    st.lists(st.sampled_from(["good", "changed", "bad", "expectation"]), max_size=30),
    st.integers(1, 4),
)
def test_over_any_history_alerts_pair_up(history: list[str], after: int) -> None:
    """Over any history of runs one alert opens a row of failures, one recovery closes it, never out of turn."""
    state = NEW_PAGE
    texts = {"good": "Basic $40", "changed": "Basic $45"}
    baseline: str | None = None
    in_a_row, alerted = 0, False
    for run, what in enumerate(history, start=1):
        failing = {"bad": Reason.TIMEOUT, "expectation": Reason.EXPECTATION}.get(what)
        observation = _good(texts[what]) if failing is None else _bad(failing)
        verdict = _judge(state, observation, run=run, crawl=_crawl(after_failures=after), text=baseline)
        expected: list[AlertKind] = []
        if failing is not None:
            in_a_row += 1
            if in_a_row >= after and not alerted:
                expected = [AlertKind.FAILURE if what == "bad" else AlertKind.EXPECTATION]
                alerted = True
        else:
            expected = [AlertKind.RECOVERY] if alerted else []
            expected += [AlertKind.CHANGE] if baseline not in {None, texts[what]} else []
            baseline, in_a_row, alerted = texts[what], 0, False
        assert _kinds(verdict) == expected
        state = _after(state, verdict.update, observation)
        assert (state.failures, state.alerted) == (in_a_row, alerted)
