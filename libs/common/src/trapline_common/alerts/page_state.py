"""A page's row before and after a verdict, and the alerts that the verdict causes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trapline_common.content.noise import Remembered
from trapline_common.domain.ids import PageId, RunId
from trapline_common.domain.picture import PictureVerdict


class AlertKind(StrEnum):
    """The kinds of alert. In ``crawl.alert.on``, ``failure`` stands for expectation, blocked and reminder too."""

    FAILURE = "failure"  # a page failed ``after_failures`` runs in a row
    EXPECTATION = "expectation"  # the same, and the page loaded: it is not what ``expect`` asks for
    BLOCKED = "blocked"  # the same, and the site shuts the crawler out
    REMINDER = "reminder"  # it still fails, ``remind_every`` later
    CHANGE = "change"  # what the crawl watches differs from the baseline
    RECOVERY = "recovery"  # a page whose failure was alerted is good again
    SUMMARY = "summary"  # a run ended


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """One page's row as it was read. No lock is held: ``version`` is what a verdict on this reading is checked by.

    The ledger writes a verdict only where the row still has this ``version``; else it is read and judged again.
    """

    page_id: PageId
    """The row's number."""
    url: str
    """The page's address, as the crawl names it."""
    version: int
    """How many updates the row has had; the compare-and-set on it refuses a verdict on an older reading."""
    baseline_hash: str | None = None
    """Content hash of the baseline; ``None`` until the first good visit."""
    baseline_fields: Mapping[str, str | None] = field(default_factory=dict)
    """The baseline's extracted fields, by name; empty until the first good visit."""
    baseline_run: RunId | None = None
    """The run whose visit made the baseline, or found the same content last; ``None`` until the first good visit."""
    fingerprint: str | None = None
    """Fingerprint of the config that the baseline was made with; under another one the baseline is replaced in
    silence."""
    judged_run: RunId | None = None
    """The newest run whose outcome was counted; an older run's result changes nothing."""
    failures: int = 0
    """Failed runs in a row, up to ``judged_run``."""
    alerted: bool = False
    """Whether a failure alert of this row of failures was written, so that a recovery is worth one."""
    since_alert: float | None = None
    """Seconds since the last failure alert, by the database's clock; ``None`` without one."""
    failing_for: float | None = None
    """Seconds since the first failure in the row, by the database's clock; ``None`` while the page is good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageUpdate:
    """What the page's row becomes; ``judge`` makes it, and the ledger writes it if the row's version has not moved."""

    baseline: bool
    """Whether this observation becomes the baseline."""
    baseline_run: RunId | None
    """The row's ``baseline_run`` from now on."""
    fingerprint: str | None
    """The row's ``fingerprint`` from now on."""
    judged_run: RunId | None
    """The row's ``judged_run`` from now on."""
    failures: int
    """The row's ``failures`` from now on; 0 for a good page."""
    alerted: bool
    """The row's ``alerted`` from now on."""
    alerted_now: bool = False
    """Whether a failure alert goes out with this verdict: the database notes the time."""
    remembered: Remembered = field(default_factory=Remembered)
    """What the row keeps to tell noise from a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDraft:
    """A row for the outbox."""

    kind: AlertKind
    """What happened."""
    payload: dict[str, Any]
    """The facts, as JSON (``alerts.payloads``)."""
    to: tuple[str, ...]
    """Channel names, from ``alert.to``; empty means all."""
    muted: bool = False
    """Kept in the ledger, never sent: the crawl did not ask for this kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of ``judge``."""

    update: PageUpdate
    """What the page's row becomes."""
    alerts: tuple[AlertDraft, ...] = ()
    """The alerts that the observation causes, in the order in which they happened."""
    changed: bool = False
    """Whether the observation counts as a change, even where no alert tells of it."""
    picture: PictureVerdict | None = None
    """What its picture is; ``None``: the row's picture stays as it is."""
    drops_picture: bool = False
    """Whether the row keeps no picture any more: its crawl compares none."""
