"""A page's visits as a line of events: what changed and what failed, with the visits between them folded. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from trapline_common.content.diff import FieldChange, compare_fields
from trapline_common.ledger.views.page_history import Visit
from trapline_common.platform.text import counted

_PICTURES = 12
"""Pictures of a page that are shown at once; the line of visits leads to the others."""
_SHOWN = 1
"""Unchanged visits in a row that stand by themselves; more are folded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One place of the line."""

    style: str
    """``chg``, ``bad``, ``ok`` or ``fold``."""
    word: str
    """What happened."""
    visit: Visit | None
    """The visit; ``None``: several are folded."""
    fields: tuple[FieldChange, ...] = ()
    """Of a change: the fields that differ from the visit before."""
    folded: tuple[Visit, ...] = ()
    """The visits that are folded."""


def timeline(visits: Sequence[Visit], *, whole: bool) -> list[Entry]:
    """Return the entries, newest first. ``whole``: the last visit is the page's first."""
    found: list[Entry] = []
    quiet: list[Visit] = []
    for index, visit in enumerate(visits):
        before = next((older for older in visits[index + 1 :] if older.reason is None), None)
        first = whole and index == len(visits) - 1
        if visit.reason is None and not visit.changed and not first:
            quiet.append(visit)
            continue
        found += _folded(quiet)
        quiet = []
        found.append(_entry(visit, before, first=first))
    return found + _folded(quiet)


def film(visits: Sequence[Visit]) -> list[Visit]:
    """Return the visits at which a page began to look as it does in their pictures, newest first, the last few."""
    pictured = [visit for visit in visits if visit.screenshot]
    pairs = zip_longest(pictured, pictured[1:])
    began = (visit for visit, older in pairs if older is None or visit.screenshot != older.screenshot)
    return list(islice(began, _PICTURES))


def _entry(visit: Visit, before: Visit | None, *, first: bool) -> Entry:
    if visit.reason is not None:
        return Entry(style="bad", word=visit.reason, visit=visit)
    if visit.changed:
        fields = () if before is None else compare_fields(before.fields, visit.fields)
        return Entry(style="chg", word="changed", visit=visit, fields=fields)
    return Entry(style="ok", word="first visit, baseline" if first else "visit", visit=visit)


def _folded(quiet: Sequence[Visit]) -> list[Entry]:
    if len(quiet) <= _SHOWN:
        return [Entry(style="ok", word="no change", visit=visit) for visit in quiet]
    return [Entry(style="fold", word=f"{counted(len(quiet), 'visit')}, no change", visit=None, folded=tuple(quiet))]
