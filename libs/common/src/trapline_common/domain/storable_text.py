"""Which text the ledger can hold: Postgres takes no NUL, and UTF-8 has no half of a surrogate pair. Pure.

What a person or another program writes is checked before it is used; what a page says is mended instead
(``ledger.connection.to_text``).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_BYTE = range(0xDC80, 0xDD00)
"""How Python shows a byte that is no UTF-8, in arguments and in file names (PEP 383)."""
_SHOWN = 10
"""Keys of a place that a message names, from the outermost."""


def storable(text: str) -> str:
    """Return ``text`` with U+FFFD for each character that the ledger can't hold."""
    return _UNSTORABLE.sub("\ufffd", text)


def text_fault(text: str) -> str | None:
    """Return what is wrong with ``text``, as the end of a sentence; ``None``: the ledger can hold it."""
    found = _UNSTORABLE.search(text)
    if found is None:
        return None
    code = ord(found[0])
    if code == 0:
        return "holds a NUL character"
    if code in _BYTE:
        return f"holds the byte 0x{code - 0xDC00:02x}, which is not UTF-8"
    return f"holds U+{code:04X}, half of a character: write the character itself"


def first_fault(value: object) -> str | None:
    """Return where in ``value``, of maps, lists and scalars as JSON has them, a text can't be held, and why.

    ``None`` when there is no such text. Keys are looked at too; no depth is too deep.
    """
    left: list[tuple[_Place | None, object]] = [(None, value)]
    while left:
        place, item = left.pop()
        if isinstance(item, str) and (fault := text_fault(item)) is not None:
            return f"{_written(place)}: {fault}"
        if isinstance(item, Mapping):
            for key, inner in item.items():
                if isinstance(key, str) and (fault := text_fault(key)) is not None:
                    return f"{_written(_Place(place, ascii(key)))}: the key {fault}"
                left.append((_Place(place, str(key)), inner))
        elif isinstance(item, list | tuple):
            left += [(_Place(place, str(index)), inner) for index, inner in enumerate(item)]
    return None


class _Place(NamedTuple):
    """A place in a value: the place around it, and the key or the index in that."""

    outer: "_Place | None"
    """The map or the list around it; ``None`` for the value itself."""
    key: str
    """Its key or index there."""


def _written(place: _Place | None) -> str:
    keys: list[str] = []
    while place is not None:
        keys.append(place.key)
        place = place.outer
    shown = keys[: -_SHOWN - 1 : -1]
    return ".".join(shown if len(keys) <= _SHOWN else [*shown, "..."]) or "message"
