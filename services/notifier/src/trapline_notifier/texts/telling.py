"""What of a page is over before it was told is told as one: several alerts in a row become one telling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from trapline_common.domain.ports import AlertHead, AlertRow

A = TypeVar("A", bound=AlertHead)

_FAILURES = frozenset({"failure", "expectation", "blocked"})
_STATES = _FAILURES | {"reminder", "recovery"}
"""Kinds that say whether a page fails now: each takes back what the one before it said. A change does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling(Generic[A]):
    """One thing to tell: one alert, or the alerts of one page that followed each other before any was told."""

    alerts: tuple[A, ...]
    """The alerts, in the order in which they happened."""

    @property
    def last(self) -> A:
        """The alert that has the last word."""
        return self.alerts[-1]

    @property
    def earlier(self) -> tuple[A, ...]:
        """Those that were over before they were told."""
        return self.alerts[:-1]

    @property
    def kind(self) -> str:
        """What to tell: the last alert's kind. Who was never told that a page fails is not reminded of it."""
        if self.last.kind != "reminder":
            return self.last.kind
        for alert in reversed(self.earlier):
            if alert.kind != "reminder":
                return alert.kind if alert.kind in _FAILURES else "failure"
        return "reminder"

    @property
    def failed_before(self) -> bool:
        """Whether one of the earlier alerts tells of a failure."""
        return any(alert.kind != "recovery" for alert in self.earlier)

    @property
    def was_good_before(self) -> bool:
        """Whether one of the earlier alerts tells that the page was good again."""
        return any(alert.kind == "recovery" for alert in self.earlier)


def tellings(alerts: Sequence[A]) -> list[Telling[A]]:
    """Return what is to be told of ``alerts``, in the order in which the last of each happened.

    The states of a page, for the same recipients, become one telling; every other alert is one of its own.
    """
    states: dict[tuple[object, tuple[str, ...]], list[A]] = {}
    found: list[list[A]] = []
    for alert in sorted(alerts, key=lambda each: each.id):
        if alert.page_id is None or alert.kind not in _STATES:
            found.append([alert])
            continue
        key = (alert.page_id, recipients(alert))
        if key not in states:
            states[key] = []
            found.append(states[key])
        states[key].append(alert)
    told = [Telling(alerts=tuple(each)) for each in found]
    return sorted(told, key=lambda each: each.last.id)


def recipients(alert: AlertHead) -> tuple[str, ...]:
    """Return the names in the alert's ``to``, each once and in order: for whom it is."""
    return tuple(sorted(set(alert.to)))


def pages(told: Sequence[Telling[AlertRow]]) -> int:
    """Return how many pages the tellings are about; one about no page counts for itself."""
    return len({_page(each.last) for each in told})


def _page(row: AlertRow) -> object:
    if row.page_id is not None:
        return row.page_id
    return row.payload.get("url") or (row.id,)
