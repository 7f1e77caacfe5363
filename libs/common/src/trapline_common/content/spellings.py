"""The ways in which a text may write a secret, as the finder compares them. Pure."""

import json
from base64 import b32encode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from trapline_common.content.escapes import Rewritten, unescaped
from trapline_common.content.folding import COMPACT, SPACED, WORDS

SHORT = 6
"""Folded characters below which a value is not looked for across blanks: ``a da`` in *Panama dam* is no user name."""
TELLING = 8
"""Letters and digits from which on they tell a value without the signs between them."""
_SKIPPED = (0, 2, 3)
"""Characters of base64 that other bytes decide too, by how many of these stand before the value in its group of 3."""


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


def spellings(name: str, value: str) -> tuple[Spelling, ...]:
    """Return every way to look for ``value``: itself, what is left of its own escapes, backwards, and encoded."""
    found: dict[tuple[str, str, str], Spelling] = {}
    for text, encoded in _forms(value):
        one = _spelling(name, text, encoded=encoded)
        if one.compact:
            found.setdefault((one.compact, one.spaced, one.words), one)
    return tuple(found.values())


def _forms(value: str) -> Iterator[tuple[str, bool]]:
    for rewritten in unescaped(Rewritten(value)):
        yield rewritten.text, False
        yield rewritten.text[::-1], False
    yield from (("+".join(value.split(by)), False) for by in (None, " "))  # as forms write blanks
    data = value.encode("utf-8", "replace")
    if not value.isascii():
        yield data.decode("latin-1"), False
        yield data.decode("cp1252", "ignore"), False
    numbers = [ord(character) for character in value]
    yield ",".join(map(str, numbers)), False
    yield ",".join(f"0x{number:x}" for number in numbers), False
    # What is encoded is often escaped before: a drawing in a page, a URL's parameter.
    for escaped in {value, escape(value), escape(value, quote=False), quote(value, safe=""), json.dumps(value)[1:-1]}:
        for text in _encoded(escaped.encode("utf-8", "replace")):
            if len(text) >= TELLING:
                yield text, True


def _encoded(data: bytes) -> Iterator[str]:
    yield data.hex()
    yield b32encode(data).decode().rstrip("=")
    for text in _base64(data):
        yield text
    for text in _base64(b64encode(data)):
        yield text


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
