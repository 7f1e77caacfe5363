"""Characters as the secret finder compares them: without case, blanks, accents and whatever nobody sees. Pure.

Each table maps one character at a time, whatever stands beside it, so that a place in a folded text leads back to the
place it came from, and ``str.translate`` does the work in linear time.
"""

import re
import unicodedata
from collections.abc import Mapping

_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Cn", "Mn", "Me", "Zl", "Zp", "Zs"})
"""General categories: control and format characters (zero-width ones, soft hyphen, bidirectional marks, tags), half
surrogates, unassigned, combining marks, and blanks."""
_LOOK_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols by category that fonts show as nothing: Hangul fillers, the empty Braille pattern."""
_LIKE = {"\u0131": "i", **dict(zip("асеорхуѕіјһԁѵкмтвнαοικτρζβεχμ", "aceopxysijhdvkmtbhaoiktpzbexm", strict=True))}
"""Letters that Unicode keeps apart and a person does not: what a browser's Turkish ``text-transform`` makes of I, and
Cyrillic and Greek ones that look like Latin ones, small or capital (Unicode's UTS 39 lists them as confusable). Not
among them are those whose two cases look like different letters."""
_STYLED = re.compile(
    r"LATIN LETTER SMALL CAPITAL (?P<small>[A-Z])"
    r"|(?:CROSSED )?NEGATIVE (?:CIRCLED|SQUARED) LATIN CAPITAL LETTER (?P<negative>[A-Z])"
    r"|REGIONAL INDICATOR SYMBOL LETTER (?P<flag>[A-Z])"
)
"""Names of letters in a style for which Unicode has no decomposition."""
_ASCII = 0x80


def _is_unseen(character: str) -> bool:
    return character in _LOOK_BLANK or unicodedata.category(character) in _UNSEEN


def _plain(character: str) -> str:
    """Return the letter or digit that a character is in another style or script; itself where it is none."""
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    styled = _STYLED.fullmatch(unicodedata.name(character, ""))
    return character if styled is None else str(styled[styled.lastgroup or 0]).lower()


def _folded(character: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character)
    lowered = unicodedata.normalize("NFKD", decomposed.casefold())
    return "".join(_LIKE.get(one) or _plain(one) for one in lowered if not _is_unseen(one))


class _Table(dict[int, str | None]):
    """Fills itself; ``str.translate`` asks it for each character that it has not met.

    ``None``, and not an empty text, takes a character out: Python's fast way through a text in ASCII knows only that.
    """

    def __missing__(self, code: int) -> str | None:
        self[code] = value = self._of(chr(code)) or None
        return value

    def _of(self, character: str) -> str:
        return _folded(character)


class _Words(_Table):
    """Letters and digits alone."""

    def _of(self, character: str) -> str:
        return "".join(one for one in _folded(character) if one.isalnum())


class _Spaced(_Table):
    """Blanks stay, as one kind."""

    def _of(self, character: str) -> str:
        return " " if character.isspace() else _folded(character)


UNSEEN = re.compile(
    r"[\s\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]+"
)
"""Blanks and what fonts show as nothing, in a row: what may stand within an escape. (The tables know more of them.)"""
COMPACT = _Table()
"""Without case, blanks and what nobody sees; other styles of a letter, and those that look like it, are that letter,
and each script's digits are digits."""
WORDS = _Words()
"""The same, of which letters and digits remain: for values written in groups, or joined by a program."""
SPACED = _Spaced()
"""The same as ``COMPACT``, but blanks remain: for values so short that a bridge over blanks would match words."""

_RUNS = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")


def fold(text: str, table: Mapping[int, str | None]) -> str:
    """Return ``text`` folded by one of the tables; what of it is ASCII goes Python's fast way, 20 times as fast."""
    if text.isascii():
        return text.translate(table)
    return "".join(run.translate(table) for run in _RUNS.findall(text))


for _table in (COMPACT, WORDS, SPACED):
    for _code in range(_ASCII):
        _table[_code]  # fills it
