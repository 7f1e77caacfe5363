"""A page's row before and after a verdict, and the alerts that the verdict causes. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from trapline_common.content.noise import Remembered
from trapline_common.domain.ids import PageId, RunId


class AlertKind(StrEnum):
    """What a person hears about. ``crawl.alert.on`` names failure (expectation, blocked and reminder with it) and the others."""

    FAILURE = "failure"  # a page failed ``after_failures`` runs in a row
    EXPECTATION = "expectation"  # the same, and the page loaded: it is not what ``expect`` asks for
    BLOCKED = "blocked"  # the same, and the site shuts the crawler out
    REMINDER = "reminder"  # it still fails, ``remind_every`` later
    CHANGE = "change"  # what the crawl watches differs from the baseline
    RECOVERY = "recovery"  # a page whose failure was alerted is good again
    SUMMARY = "summary"  # a run ended


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """One page's row, as locked. ``baseline_*`` are ``None`` or empty until the first good visit.

    ``fingerprint`` is that of the config the baseline was made with; ``judged_run`` the newest run that was judged;
    ``failures`` the failed runs in a row up to it. ``since_alert``: seconds since the last failure alert, and
    ``failing_for``: seconds since the first failure in the row, both by the database's clock.
    """

    page_id: PageId
    url: str
    version: int
    baseline_hash: str | None = None
    baseline_fields: Mapping[str, str | None] = field(default_factory=dict)
    baseline_run: RunId | None = None
    fingerprint: str | None = None
    judged_run: RunId | None = None
    failures: int = 0
    alerted: bool = False
    since_alert: float | None = None
    failing_for: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageUpdate:
    """What the page's row becomes. ``baseline``: this observation is it now. ``alerted_now``: set the alert's time.

    ``remembered``: what the row keeps to tell noise from news.
    """

    baseline: bool
    baseline_run: RunId | None
    fingerprint: str | None
    judged_run: RunId | None
    failures: int
    alerted: bool
    alerted_now: bool = False
    remembered: Remembered = field(default_factory=Remembered)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDraft:
    """A row for the outbox. ``to`` names channels, empty means all. ``muted``: kept in the ledger, never sent."""

    kind: AlertKind
    payload: dict[str, Any]
    to: tuple[str, ...]
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of ``judge``. ``changed``: count the observation as a change, whether or not anybody hears of it."""

    update: PageUpdate
    alerts: tuple[AlertDraft, ...] = ()
    changed: bool = False
