"""A page's change as a person is told it."""

from dataclasses import dataclass

from trapline_common.content.diff import FieldChange, compare_fields, unified_diff
from trapline_common.ledger.views.pages import Change

_MOST_LINES = 5_000

_MOST_BYTES = 1024 * 1024
"""A person asked for this diff: more than an alert carries, still bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A change as it is told. ``diff`` is ``None`` when a text is gone, empty when only fields differ."""

    diff: str | None
    fields: tuple[FieldChange, ...]


def difference(change: Change, url: str) -> Difference:
    """Return what differs; from the alert where the texts themselves are gone."""
    if change.old_text is None or change.new_text is None:
        text = change.alert_diff
    else:
        text = unified_diff(change.old_text, change.new_text, url=url, max_lines=_MOST_LINES, max_bytes=_MOST_BYTES)
    fields = () if change.old_fields is None else compare_fields(change.old_fields, change.new_fields)
    return Difference(diff=text, fields=fields)
