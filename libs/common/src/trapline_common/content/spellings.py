"""The ways in which a text may write a secret, as the finder compares them. Pure."""

import json
from base64 import b32encode, b64encode, urlsafe_b64encode
from codecs import encode as by_codec
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from quopri import encodestring
from urllib.parse import quote

from trapline_common.content.escapes import Rewritten, unescaped
from trapline_common.content.folding import COMPACT, SPACED, WORDS

SHORT = 6
"""Folded characters below which a value is not looked for across blanks: ``a da`` in *Panama dam* is no user name."""
TELLING = 8
"""Letters and digits from which on they tell a value without the signs between them."""
_TELLING_ENCODED = 7
"""Characters of an encoding that tell a value: what is left of six letters in the base64 of ``user:secret``."""
_SKIPPED = (0, 2, 3)
"""Characters of base64 that other bytes decide too, by how many of these stand before the value in its group of 3."""
_SKIPPED_32 = (0, 2, 4, 5, 7)
"""The same of base32, in its group of 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """One way to write one secret, folded in each of the ways in which it is looked for."""

    name: str
    """The secret's name."""
    compact: str
    """By ``COMPACT``; the value is looked for in this way when it is in neither of the next two."""
    spaced: str = ""
    """By ``SPACED``, for a value that is too short for a bridge over blanks; else empty."""
    words: str = ""
    """By ``WORDS``; empty where letters and digits do not tell the value."""
    lead: str = ""
    """The signs before the first of ``words``, folded."""
    tail: str = ""
    """The signs after the last of ``words``, folded."""
    encoded: bool = False
    """Whether it is base64, base32 or hexadecimal: the characters beside it may belong to it."""


@lru_cache(maxsize=512)
def spellings(name: str, value: str) -> tuple[Spelling, ...]:
    """Return every way to look for ``value``: itself, what is left of its own escapes, backwards, and encoded."""
    found: dict[tuple[str, str, str], Spelling] = {}
    for text, encoded in _forms(value):
        one = _spelling(name, text, encoded=encoded)
        if one.compact and not (encoded and len(text) < _TELLING_ENCODED):
            found.setdefault((one.compact, one.spaced, one.words), one)
    return tuple(found.values())


def _forms(value: str) -> Iterator[tuple[str, bool]]:
    for rewritten in unescaped(Rewritten(value)):
        yield rewritten.text, False
        yield rewritten.text[::-1], False
    yield from (("+".join(value.split(by)), False) for by in (None, " "))  # as forms write blanks
    data = value.encode("utf-8", "replace")
    if not value.isascii():
        yield from ((text, False) for text in _misread(data))
    yield by_codec(value, "rot13"), False
    for all_blanks in (False, True):  # as mail is written; what is left of a soft line break are signs
        yield encodestring(data, quotetabs=all_blanks).decode().replace("=\n", ""), False
    yield ",".join(f"U+{ord(character):04X}" for character in value), False
    for numbers in {tuple(map(ord, value)), tuple(data)}:
        yield from ((",".join(format(number, form) for number in numbers), False) for form in ("d", "#x", "o", "08b"))
    # What is encoded is often escaped before: a drawing in a page, a URL's parameter.
    for escaped in {value, escape(value), escape(value, quote=False), quote(value, safe=""), json.dumps(value)[1:-1]}:
        for text in _encoded(escaped.encode("utf-8", "replace")):
            yield text, True
    for order in ("utf-16-le", "utf-16-be"):
        wide = value.encode(order, "replace")
        yield from ((text, True) for text in (wide.hex(), *_base64(wide)))


def _misread(data: bytes) -> Iterator[str]:
    """Yield what UTF-8 is that was read as another encoding, once and twice."""
    for encoding in ("latin-1", "cp1252"):
        once = data.decode(encoding, "ignore")
        yield once
        yield once.encode().decode(encoding, "ignore")


def _encoded(data: bytes) -> Iterator[str]:
    """Yield what tells ``data`` in hexadecimal, base32 and base64, and in one of these within another."""
    plain = (data.hex(), *_base32(data), *_base64(data))
    yield from plain
    yield from (text[::-1] for text in plain)
    for inner in (data.hex().encode(), b64encode(data)):
        yield inner.hex()
        yield from _base64(inner)
    yield from _base64(b64encode(b64encode(data)))


def _base32(data: bytes) -> Iterator[str]:
    for before, skipped in enumerate(_SKIPPED_32):
        yield b32encode(b"\0" * before + data).decode()[skipped : (before + len(data)) * 8 // 5]


def _base64(data: bytes) -> Iterator[str]:
    """Yield the characters that ``data`` alone decides, for each place where it may begin in a longer text."""
    for before, skipped in enumerate(_SKIPPED):
        whole = (before + len(data)) * 8 // 6
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(b"\0" * before + data).decode()[skipped:whole]


def _spelling(name: str, text: str, *, encoded: bool) -> Spelling:
    compact, words = text.translate(COMPACT), text.translate(WORDS)
    if len(compact) < SHORT:
        return Spelling(name=name, compact=compact, spaced=" ".join(text.translate(SPACED).split()))
    if len(words) < TELLING:
        return Spelling(name=name, compact=compact, encoded=encoded)
    lead = len(compact) - len(compact.lstrip(_signs(compact)))
    tail = len(compact) - len(compact.rstrip(_signs(compact)))
    return Spelling(
        name=name,
        compact=compact,
        words=words,
        lead=compact[:lead],
        tail=compact[len(compact) - tail :],
        encoded=encoded,
    )


def _signs(text: str) -> str:
    return "".join({character for character in text if not character.isalnum()}) or "\0"
