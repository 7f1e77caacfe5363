"""The screen of one page: what happened to it."""

from dataclasses import dataclass
from datetime import datetime

from trapline_common.content.diff import FieldChange, compare_fields
from trapline_common.content.word_diff import WordDiff, word_diff
from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.page_history import (
    FieldStep,
    LoadPart,
    PageState,
    Visit,
    field_steps,
    load_parts,
    observation_pair,
    page_state,
    page_visits,
)
from trapline_common.ledger.views.together import read_together

VISITS = 120
"""Visits of the timeline at once."""
_NEWEST = 2_000
"""Visits from which the charts are drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageParameters:
    """Which page, and which two of its versions."""

    id: int
    """The page's number."""
    older: int | None = None
    """The observation on the left; ``None``: the accepted one before the other."""
    newer: int | None = None
    """The observation on the right; ``None``: the newest change, else the newest good visit."""
    before: int | None = None
    """The timeline begins before this observation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions of a page."""

    older: Visit | None
    """The version on the left; ``None``: there is one only."""
    newer: Visit
    """The version on the right."""
    fields: tuple[FieldChange, ...]
    """The extracted fields that differ."""
    words: WordDiff | None
    """What differs in the watched text; ``None`` where a text is no longer kept."""
    text: str | None
    """Where there is one version only: its text, cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageScreen:
    """One page."""

    at: datetime
    """The moment."""
    page: PageState
    """The page as it is now."""
    visits: tuple[Visit, ...]
    """Its visits, newest first."""
    compared: Comparison | None
    """Two versions of it; ``None``: it was never visited."""
    steps: tuple[FieldStep, ...]
    """The moments at which its fields, or being good, changed; oldest first."""
    loads: tuple[LoadPart, ...]
    """How long its visits took; oldest first."""
    more: bool = False
    """Whether there are earlier visits."""


async def page_screen(database: Database, asked: PageParameters) -> PageScreen:
    """Return one page. Raises ``InputRefusedError`` when there is none of that number."""
    found = await read_together(
        database,
        state := page_state(asked.id),
        pair := observation_pair(asked.id, older=asked.older, newer=asked.newer),
        visits := page_visits(asked.id, before=asked.before, limit=VISITS + 1),
        steps := field_steps(asked.id, newest=_NEWEST),
        loads := load_parts(asked.id, newest=_NEWEST),
    )
    page = found[state]
    if page is None:
        raise InputRefusedError(f"no page {asked.id}")
    return PageScreen(
        at=page.at,
        page=page,
        visits=found[visits][:VISITS],
        more=len(found[visits]) > VISITS,
        compared=_compared(found[pair]),
        steps=found[steps],
        loads=found[loads],
    )


def _compared(pair: tuple[tuple[Visit, str | None], ...]) -> Comparison | None:
    if not pair:
        return None
    newer, text = pair[-1]
    if len(pair) == 1:
        return Comparison(older=None, newer=newer, fields=(), words=None, text=None if text is None else text[:20_000])
    older, before = pair[0]
    words = None if text is None or before is None else word_diff(before, text)
    return Comparison(
        older=older, newer=newer, fields=compare_fields(older.fields, newer.fields), words=words, text=None
    )
