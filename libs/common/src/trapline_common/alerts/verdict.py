"""What an observation means for its page: whether it becomes the baseline, and which alerts it causes. Pure.

``ledger.completion.settle`` reads the page's row, without a lock, and hands its state to ``judge``. The ledger writes
the verdict in the transaction that completes the task, so an alert exists exactly when its cause does. It writes by
compare-and-set on the row's ``version``: where another completion of the page committed since the reading, it refuses
the verdict, and ``settle`` reads the row and judges again.
"""

from typing import Any

from trapline_common.alerts import payloads
from trapline_common.alerts.page_state import AlertDraft, AlertKind, PageState, PageUpdate, Verdict
from trapline_common.alerts.payloads import RunFacts
from trapline_common.config.models import AlertConfig, CrawlConfig
from trapline_common.content.diff import compare_fields, unified_diff
from trapline_common.content.noise import Baseline, Remembered, Weighed, holds_back, weigh
from trapline_common.domain.ids import RunId
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.domain.picture import PictureVerdict
from trapline_common.domain.ports import ArtifactLocation

REMINDER_SLACK = 0.02
"""A reminder may come this fraction of ``remind_every`` early: a daily run that starts a little sooner than yesterday's
would otherwise remind every second day."""

AT_ONCE = frozenset({Reason.POISON, Reason.BROWSER, Reason.PAGE_CRASHED, Reason.UNAVAILABLE})
"""Reasons of a task whose budget for faults of ours is used up. It was tried several times, so its first failed run
alerts."""


_KINDS = {Reason.EXPECTATION: AlertKind.EXPECTATION, Reason.BLOCKED: AlertKind.BLOCKED}
"""Failures that are alerts of a kind of their own."""


def needs_baseline(
    state: PageState, observation: Observation, *, run_id: RunId, crawl: CrawlConfig, fingerprint: str
) -> bool:
    """Whether ``judge`` needs the baseline itself, so that the caller reads it first; never for an unchanged page."""
    return (
        observation.failure is None
        and not is_late(state, run_id)
        and _differs(state, observation, fingerprint)
        and ("change" in crawl.alert.on or holds_back(crawl))
    )


def has_picture(state: PageState, observation: Observation, *, run_id: RunId) -> bool:
    """Whether the observation has a picture that its page is judged by: a good visit's, of no older run."""
    return observation.picture is not None and observation.failure is None and not is_late(state, run_id)


def judge(
    state: PageState,
    observation: Observation,
    *,
    run_id: RunId,
    crawl: CrawlConfig,
    fingerprint: str,
    baseline: Baseline,
    location: ArtifactLocation,
    picture: PictureVerdict | None = None,
) -> Verdict:
    """Return what ``observation`` of ``run_id`` does to its page, and the alerts it causes.

    Guarantees: a late result (of an older run than one already judged) does nothing; a failed visit never becomes the
    baseline; the first good visit, and the first under another ``fingerprint``, become it silently; an empty diff is
    never sent; a failing page alerts once, reminds, and recovers once; content that ``noise`` holds back causes no
    alert and leaves the baseline where it was. ``baseline`` is needed when ``needs_baseline`` says so; without its
    text the alert says that it is gone. ``picture``: what its picture is; one that changed is a change of the page.
    """
    if is_late(state, run_id):
        return Verdict(update=_unchanged(state))
    if observation.failure is not None:
        return _judge_failure(state, observation, observation.failure, run_id=run_id, crawl=crawl, location=location)
    alerts: list[AlertDraft] = []
    if state.alerted and "recovery" in crawl.alert.on:
        payload = payloads.recovery(
            observation,
            failures=state.failures,
            failing_for=state.failing_for,
            location=location,
            page_id=state.page_id,
        )
        alerts.append(AlertDraft(kind=AlertKind.RECOVERY, payload=payload, to=crawl.alert.to))
    if _differs(state, observation, fingerprint):
        found = weigh(
            observation,
            crawl,
            baseline=baseline,
            baseline_hash=state.baseline_hash or "",
            baseline_fields=state.baseline_fields,
            same_run=state.judged_run == run_id,
        )
    else:
        first = state.baseline_hash is None or state.fingerprint != fingerprint
        found = Weighed(accepted=True, is_change=False, remembered=Remembered(seen=0, earlier=() if first else None))
    shown = picture if picture is not None and picture.is_change else None
    changed = found.is_change or shown is not None
    if changed and "change" in crawl.alert.on:
        change = _change(
            state, observation, baseline_text=baseline.text, location=location, text=found.is_change, picture=shown
        )
        changed = change is not None
        if change is not None:
            alerts.append(AlertDraft(kind=AlertKind.CHANGE, payload=change, to=crawl.alert.to))
    update = PageUpdate(
        baseline=found.accepted,
        baseline_run=run_id if found.accepted else state.baseline_run,
        fingerprint=fingerprint,
        judged_run=run_id,
        failures=0,
        alerted=False,
        remembered=found.remembered,
    )
    return Verdict(
        update=update,
        alerts=tuple(alerts),
        changed=changed,
        picture=picture,
        drops_picture=crawl.visual is None,
    )


def summary(facts: RunFacts, alert: AlertConfig) -> AlertDraft:
    """Return the alert that a run ended: muted unless ``alert.on`` has ``summary``."""
    return AlertDraft(
        kind=AlertKind.SUMMARY, payload=payloads.summary(facts), to=alert.to, muted="summary" not in alert.on
    )


def is_late(state: PageState, run_id: RunId) -> bool:
    """Say whether a result is of an older run than one that was judged already, so that it changes nothing."""
    return any(seen is not None and run_id < seen for seen in (state.judged_run, state.baseline_run))


def _differs(state: PageState, observation: Observation, fingerprint: str) -> bool:
    if state.baseline_hash is None or state.fingerprint != fingerprint:
        return False
    return observation.content_hash != state.baseline_hash


def _unchanged(state: PageState) -> PageUpdate:
    return PageUpdate(
        baseline=False,
        baseline_run=state.baseline_run,
        fingerprint=state.fingerprint,
        judged_run=state.judged_run,
        failures=state.failures,
        alerted=state.alerted,
    )


def _change(
    state: PageState,
    observation: Observation,
    *,
    baseline_text: str | None,
    location: ArtifactLocation,
    text: bool,
    picture: PictureVerdict | None,
) -> dict[str, Any] | None:
    """Return the payload, or ``None`` when there is nothing to show. ``text``: text or fields are a change too.

    That happens when the hashes differ but the texts and fields don't: the way of hashing changed with a release. The
    observation becomes the baseline, and is no change.
    """
    fields = compare_fields(state.baseline_fields, observation.fields) if text else []
    diff: str | None = ""
    if text:
        diff = (
            None if baseline_text is None else unified_diff(baseline_text, observation.text or "", url=observation.url)
        )
    if diff == "" and not fields and picture is None:
        return None
    return payloads.change(
        observation,
        diff=diff,
        fields=fields,
        baseline_run=state.baseline_run,
        location=location,
        page_id=state.page_id,
        picture=picture,
    )


def _judge_failure(
    state: PageState,
    observation: Observation,
    failure: Failure,
    *,
    run_id: RunId,
    crawl: CrawlConfig,
    location: ArtifactLocation,
) -> Verdict:
    if failure.reason is Reason.CANCELLED or state.judged_run == run_id:
        # A cancelled visit tells nothing about the page; and a run counts once, however often it visits the page.
        return Verdict(update=_unchanged(state))
    failures = state.failures + 1
    kind = _failure_kind(state, failure, failures=failures, alert=crawl.alert)
    update = PageUpdate(
        baseline=False,
        baseline_run=state.baseline_run,
        fingerprint=state.fingerprint,
        judged_run=run_id,
        failures=failures,
        alerted=state.alerted or kind is not None,
        alerted_now=kind is not None,
    )
    if kind is None:
        return Verdict(update=update)
    payload = payloads.failure(
        observation,
        failure,
        failures=failures,
        failing_for=state.failing_for,
        last_good_run=state.baseline_run,
        location=location,
        page_id=state.page_id,
    )
    return Verdict(update=update, alerts=(AlertDraft(kind=kind, payload=payload, to=crawl.alert.to),))


def _failure_kind(state: PageState, failure: Failure, *, failures: int, alert: AlertConfig) -> AlertKind | None:
    """Return the kind of alert for this failure, if any; a reason in ``AT_ONCE`` does not wait for a second run."""
    if "failure" not in alert.on:
        return None
    if state.alerted:
        if alert.remind_every is None:
            return None
        due = state.since_alert is None or state.since_alert >= alert.remind_every * (1 - REMINDER_SLACK)
        return AlertKind.REMINDER if due else None
    if failures < alert.after_failures and failure.reason not in AT_ONCE:
        return None
    return _KINDS.get(failure.reason, AlertKind.FAILURE)
