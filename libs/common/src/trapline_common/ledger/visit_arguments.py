"""A visit's result as ``trapline.record_visit`` takes it: two composites, in the migration's order, and JSON. Pure.

A field of ``Observation`` becomes a key of its name without another line here; ``_OWN_WAY`` names those that do not.
"""

from dataclasses import fields
from math import isfinite
from typing import Any

from trapline_common.alerts.page_state import PageState, Verdict
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation, Timings
from trapline_common.domain.picture_json import page_document, picture_document, verdict_document

_OWN_WAY = frozenset({"timings", "text", "fields", "failure", "retry_after", "picture", "language"})
"""Fields that fill no column of their name, or not as they are; ``retry_after`` and ``language`` are read beside
the crawler alone."""

_AS_THEY_ARE = tuple(field.name for field in fields(Observation) if field.name not in _OWN_WAY)
_TIMINGS = tuple(field.name for field in fields(Timings))


def failure_columns(failure: Failure | None) -> tuple[str | None, str | None]:
    """Return the two columns of a failure, reason and detail; both ``None`` without one."""
    if failure is None:
        return None, None
    return str(failure.reason), failure.detail or None


def task_step(
    *,
    status: TaskStatus,
    position: int,
    failed_pages: int,
    checkpoint: bytes | None,
    reason: str | None,
    detail: str | None,
) -> tuple[object, ...]:
    """Return a ``trapline.task_step``."""
    return (status, position, failed_pages, checkpoint, reason, detail)


def page_verdict(verdict: Verdict, *, new_content: bool) -> tuple[object, ...]:
    """Return a ``trapline.page_verdict``."""
    update = verdict.update
    return (
        update.baseline,
        new_content,
        update.baseline_run,
        update.fingerprint,
        update.judged_run,
        update.failures,
        update.alerted,
        update.alerted_now,
        update.remembered.candidate,
        update.remembered.seen,
        update.remembered.earlier,
    )


def visit_document(observation: Observation, verdict: Verdict, *, new_content: bool) -> dict[str, Any]:
    """Return the observation's columns by name; its text with ``new_content`` only.

    The ledger keeps a text once per content of a page. ``page_visual`` is what the page's row keeps of pictures; it is
    left out where that stays as it is.
    """
    document = {name: getattr(observation, name) for name in _AS_THEY_ARE}
    timings = ((name, getattr(observation.timings, name)) for name in _TIMINGS)
    document["timings"] = {name: value for name, value in timings if value is not None and isfinite(value)}
    document["fields"] = dict(observation.fields)
    document["reason"], document["detail"] = failure_columns(observation.failure)
    document["changed"] = verdict.changed
    if new_content:
        document["text"] = observation.text
    if observation.picture is not None:
        document["picture"] = picture_document(observation.picture)
    if verdict.picture is not None:
        document["visual"] = verdict_document(verdict.picture)
        document["page_visual"] = None if verdict.picture.page is None else page_document(verdict.picture.page)
    elif verdict.drops_picture:
        document["page_visual"] = None
    return document


def alert_documents(verdict: Verdict) -> list[dict[str, Any]] | None:
    """Return the rows of the outbox; ``None`` for no alert."""
    return [
        {"kind": alert.kind, "recipients": alert.to, "payload": alert.payload, "muted": alert.muted}
        for alert in verdict.alerts
    ] or None


def is_new_content(observation: Observation, page: PageState) -> bool:
    """Say whether the observation's content is another than the baseline's, at the version that ``page`` was read."""
    return observation.content_hash != page.baseline_hash
