"""The lines of crawls.yaml that leave out what differs, for a person to paste: the view edits no file. Pure."""

import json
import re
from collections.abc import Sequence

from trapline_common.content.word_diff import DiffLine, Part
from trapline_common.domain.picture import Box

_MOST = 3
"""Lines that are offered: who leaves out more than that wants a selector."""
_LONGEST = 300
"""Characters of a line; a longer one is a paragraph, and no noise."""
_SPECIAL = re.compile(r"([\\.+*?()\[\]{}|^$])")
_NUMBER = re.compile(r"[0-9][0-9.,]*\Z")


def ignored_text(lines: Sequence[DiffLine]) -> str:
    """Return an ``ignore`` with a pattern for each of the first lines that changed or came; empty where none can be."""
    found: list[str] = []
    for line in lines:
        pattern = _pattern(line.parts) if line.kind in {"chg", "ins"} else ""
        if pattern and pattern not in found:
            found.append(pattern)
    if not found:
        return ""
    return "\n".join(["ignore:", *(f"  - {{pattern: {_quoted(pattern)}}}" for pattern in found[:_MOST])])


def ignored_regions(boxes: Sequence[Box]) -> str:
    """Return a ``visual`` that ignores the elements at the first regions; their selectors a person has to write."""
    places = [f'    - "SELECTOR"  # of what is at {x}, {y} ({wide} x {high} pixels)' for x, y, wide, high in boxes]
    return "\n".join(["visual:", "  ignore:", *places[:_MOST]]) if places else ""


def _pattern(parts: Sequence[Part]) -> str:
    """Return a pattern of both versions of a line; empty where it would be that of any line."""
    kept = "".join(part.text for part in parts if part.op == "same") or "".join(part.text for part in parts)
    if len(kept) > _LONGEST or not re.search(r"\w", kept):
        return ""
    changed = any(part.op == "same" for part in parts)
    found = ""
    for part in parts:
        if part.op == "same" or not changed:
            found += _SPECIAL.sub(r"\\\1", part.text)
        elif not found.endswith((_ANY, _DIGITS)):
            found += _DIGITS if all(_NUMBER.match(one.text) for one in parts if one.op != "same") else _ANY
    return found.strip()


_ANY, _DIGITS = ".*", "[0-9.,]+"


def _quoted(text: str) -> str:
    """Return a string of YAML, which takes JSON's escapes."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
