"""Which text the ledger can hold: Postgres takes no NUL, and UTF-8 has no half of a surrogate pair. Pure.

What a person or another program writes is checked before it is used; what a page says is mended instead
(``ledger.connection.to_text``).
"""

import re
from collections.abc import Mapping

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_BYTE = range(0xDC80, 0xDD00)
"""How Python shows a byte that is no UTF-8, in arguments and in file names (PEP 383)."""


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
    left: list[tuple[tuple[str, ...], object]] = [((), value)]
    while left:
        path, item = left.pop()
        if isinstance(item, str) and (fault := text_fault(item)) is not None:
            return f"{'.'.join(path) or 'message'}: {fault}"
        if isinstance(item, Mapping):
            for key, inner in item.items():
                if isinstance(key, str) and (fault := text_fault(key)) is not None:
                    return f"{'.'.join((*path, ascii(key)))}: the key {fault}"
                left.append(((*path, str(key)), inner))
        elif isinstance(item, list | tuple):
            left += [((*path, str(index)), inner) for index, inner in enumerate(item)]
    return None
