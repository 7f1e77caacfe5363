"""A visit's result as the JSON documents that ``trapline.record_visit`` takes. Pure.

Keys are named as the columns they fill. A field of ``Observation`` becomes a column of its name without another line
here; ``_OWN_WAY`` names the fields that do not.
"""

from dataclasses import fields
from math import isfinite
from typing import Any

from trapline_common.alerts.page_state import PageState, Verdict
from trapline_common.domain.observation import Failure, Observation, Timings

_OWN_WAY = frozenset({"timings", "text", "fields", "failure", "retry_after"})
"""Fields that fill no column of their name, or not as they are; the crawler alone reads ``retry_after``."""

_AS_THEY_ARE = tuple(field.name for field in fields(Observation) if field.name not in _OWN_WAY)
_TIMINGS = tuple(field.name for field in fields(Timings))


def failure_columns(failure: Failure | None) -> tuple[str | None, str | None]:
    """Return the two columns of a failure, reason and detail; both ``None`` without one."""
    if failure is None:
        return None, None
    return str(failure.reason), failure.detail or None


def observation_document(observation: Observation, page: PageState, verdict: Verdict) -> dict[str, Any]:
    """Return the columns of ``trapline.observation``.

    The text is left out where ``page`` has it as its baseline's, at the version that the database insists on: the ledger
    keeps a text once per content of a page.
    """
    document = {name: getattr(observation, name) for name in _AS_THEY_ARE}
    timings = ((name, getattr(observation.timings, name)) for name in _TIMINGS)
    document["timings"] = {name: value for name, value in timings if value is not None and isfinite(value)}
    document["fields"] = dict(observation.fields)
    document["reason"], document["detail"] = failure_columns(observation.failure)
    document["changed"] = verdict.changed
    document["accepted"] = verdict.update.baseline
    if is_new_content(observation, page):
        document["text"] = observation.text
    return document


def page_document(observation: Observation, page: PageState, verdict: Verdict) -> dict[str, Any]:
    """Return what the page's row becomes. What ``Remembered`` leaves as it is has no key."""
    update = verdict.update
    document: dict[str, Any] = {
        "new_baseline": update.baseline and is_new_content(observation, page),
        "baseline_run": update.baseline_run,
        "fingerprint": update.fingerprint,
        "judged_run": update.judged_run,
        "failures": update.failures,
        "alerted": update.alerted,
        "alerted_now": update.alerted_now,
    }
    if update.remembered.seen is not None:
        document |= {"candidate_hash": update.remembered.candidate, "candidate_seen": update.remembered.seen}
    if update.remembered.earlier is not None:
        document["earlier_hashes"] = update.remembered.earlier
    return document


def alert_documents(verdict: Verdict) -> list[dict[str, Any]] | None:
    """Return the rows of the outbox; ``None`` for no alert."""
    return [
        {"kind": alert.kind, "recipients": alert.to, "payload": alert.payload, "muted": alert.muted}
        for alert in verdict.alerts
    ] or None


def is_new_content(observation: Observation, page: PageState) -> bool:
    """Say whether the observation's content is another than the baseline's."""
    return observation.content_hash != page.baseline_hash
