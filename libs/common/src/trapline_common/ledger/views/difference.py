"""A page's change as a person reads it: the diff of its text, and the fields that differ."""

from dataclasses import dataclass

from trapline_common.content.diff import FieldChange, compare_fields, unified_diff
from trapline_common.ledger.views.pages import Change

_MOST_LINES = 5_000
"""Lines of a diff that a person asked for: more than an alert carries, still bounded."""
_MOST_BYTES = 1024 * 1024
"""Bytes of the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs between a page and its baseline."""

    diff: str | None
    """The unified diff; ``None`` when a text is no longer kept, empty when only fields differ."""
    fields: tuple[FieldChange, ...]
    """The extracted fields that differ."""


def difference(change: Change, url: str) -> Difference:
    """Return what differs; from the alert where the texts are no longer kept."""
    if change.old_text is None or change.new_text is None:
        text = change.alert_diff
    else:
        text = unified_diff(change.old_text, change.new_text, url=url, max_lines=_MOST_LINES, max_bytes=_MOST_BYTES)
    fields = () if change.old_fields is None else compare_fields(change.old_fields, change.new_fields)
    return Difference(diff=text, fields=fields)
