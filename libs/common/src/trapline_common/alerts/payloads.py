"""The facts an alert carries, as JSON; the notifier makes its texts of them. Pure.

Every page payload has ``url``, ``page_id``, ``final_url``, ``status``, ``title`` and ``screenshot`` (its location);
durations are seconds. Texts are clipped here, so that no page can make a row of the outbox large.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trapline_common.content.diff import FieldChange
from trapline_common.domain.ids import PageId, RunId
from trapline_common.domain.observation import Failure, Observation
from trapline_common.domain.picture import PictureVerdict
from trapline_common.domain.ports import ArtifactLocation

MAX_URL = 2_048
MAX_TITLE = 300
MAX_DETAIL = 1_000
MAX_VALUE = 500
MAX_FIELDS = 50
MAX_REASONS = 5
"""Characters, fields and reasons an alert may carry. A person reads it: more would hide what matters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonCount:
    """How many tasks of a run failed for one reason."""

    reason: str
    """A ``Reason``; empty where a task ended without one."""
    count: int
    """Tasks."""
    example: str
    """The address of one such page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What a run came to, for its summary."""

    run_id: RunId
    """The run."""
    outcome: str
    """A ``RunOutcome``."""
    done: int
    """Tasks that ended ``done``."""
    failed: int
    """Tasks that ended ``failed``."""
    changes: int
    """Observations that count as a change."""
    seconds: float
    """From the run's row to its end."""
    worst: Sequence[ReasonCount] = ()
    """Why tasks failed, in any order."""
    detail: str | None = None
    """Why the run was refused or cancelled, one line for a person."""


def _clip(text: str | None, most: int) -> str | None:
    if text is None or len(text) <= most:
        return text
    return text[: most - 1] + "…"


def _page(observation: Observation, *, location: ArtifactLocation, page_id: PageId) -> dict[str, Any]:
    return {
        "page_id": page_id,
        "url": _clip(observation.url, MAX_URL),
        "final_url": _clip(observation.final_url, MAX_URL),
        "status": observation.status,
        "title": _clip(observation.title, MAX_TITLE),
        "screenshot": location(observation.screenshot) if observation.screenshot else None,
    }


def failure(
    observation: Observation,
    failed: Failure,
    *,
    failures: int,
    failing_for: float | None,
    last_good_run: RunId | None,
    location: ArtifactLocation,
    page_id: PageId,
) -> dict[str, Any]:
    """Return the facts of a failure, expectation or reminder. ``failures`` are failed runs in a row, this one too."""
    return {
        **_page(observation, location=location, page_id=page_id),
        "reason": str(failed.reason),
        "detail": _clip(failed.detail, MAX_DETAIL),
        "failures": failures,
        "failing_for": failing_for,
        "last_good_run": last_good_run,
    }


def change(
    observation: Observation,
    *,
    diff: str | None,
    fields: Sequence[FieldChange],
    baseline_run: RunId | None,
    location: ArtifactLocation,
    page_id: PageId,
    picture: PictureVerdict | None = None,
) -> dict[str, Any]:
    """Return the facts of a change. ``diff`` None: the old text is gone; empty: only fields or the picture differ."""
    return {
        **_page(observation, location=location, page_id=page_id),
        "diff": diff,
        "fields": [
            {"name": item.name, "old": _clip(item.old, MAX_VALUE), "new": _clip(item.new, MAX_VALUE)}
            for item in fields[:MAX_FIELDS]
        ],
        "baseline_run": baseline_run,
        **({} if picture is None else {"picture": _picture(picture, location)}),
    }


def _picture(picture: PictureVerdict, location: ArtifactLocation) -> dict[str, Any]:
    found = picture.difference
    return {
        "regions": len(found.regions) + found.more,
        "share": picture.share,
        "pixels": found.pixels,
        "before": None if picture.against is None else location(picture.against),
    }


def recovery(
    observation: Observation,
    *,
    failures: int,
    failing_for: float | None,
    location: ArtifactLocation,
    page_id: PageId,
) -> dict[str, Any]:
    """Return the facts of a recovery: after how many failed runs in a row."""
    return {
        **_page(observation, location=location, page_id=page_id),
        "failures": failures,
        "failing_for": failing_for,
    }


def summary(facts: RunFacts) -> dict[str, Any]:
    """Return the facts of an ended run, the most frequent reasons first."""
    worst = sorted(facts.worst, key=lambda item: (-item.count, item.reason))[:MAX_REASONS]
    return {
        "run_id": facts.run_id,
        "outcome": facts.outcome,
        "detail": _clip(facts.detail, MAX_DETAIL),
        "done": facts.done,
        "failed": facts.failed,
        "changes": facts.changes,
        "seconds": facts.seconds,
        "worst": [
            {"reason": item.reason, "count": item.count, "example": _clip(item.example, MAX_URL)} for item in worst
        ],
    }
