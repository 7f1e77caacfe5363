"""What ``pattern`` of a field makes of what the field's selector found. Pure."""

from collections.abc import Mapping

from trapline_common.config.extraction import Extract
from trapline_common.config.regex import compile_regex


def with_patterns(
    extract: Mapping[str, Extract], fields: Mapping[str, str | None], text: str | None
) -> tuple[dict[str, str | None], list[str]]:
    """Return the fields after their patterns, and what is wrong in words: a pattern that matches nothing.

    A field without a selector is looked for in ``text``, the watched one. Of a field with all matches each line gives
    its own; a line without a match gives none.
    """
    found: dict[str, str | None] = {}
    problems: list[str] = []
    for name, one in extract.items():
        value = text if one.selector is None else fields.get(name)
        if one.pattern is not None and value is not None:
            pattern = compile_regex(one.pattern)
            given = value.split("\n") if one.all else [value]
            kept = [match for line in given if (match := pattern.first_in(line)) is not None]
            value = "\n".join(kept) if kept else None
            if value is None:
                problems.append(f"extract {name}: the pattern {one.pattern!r} matches nothing")
        found[name] = value
    return found, problems
