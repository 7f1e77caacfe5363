"""Finds secrets in what a page wrote, however it wrote them, and puts their references in their place. Pure.

A text is read as it stands and with its escapes undone (``escapes``), both folded (``folding``); HTML is also read
without its markup. What is found there is traced back to its place in the text. The time is linear in the text, for a
given number of secrets.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain, islice

from trapline_common.content.escapes import Rewritten, unescaped, without
from trapline_common.content.folding import COMPACT, SPACED, WORDS, fold
from trapline_common.content.markup import markup
from trapline_common.content.spellings import Spelling, spellings

MOST_PLACES = 10_000
"""Places of secrets in one text; of a text with more nothing is kept but a reference."""
_PIECE = 1024
"""Characters that are folded at a time when a place in a folded text is traced back."""
_IN_ENCODED = re.compile(r"[A-Za-z0-9+/_=-]*")
_UNFINISHED = re.compile(r"(?:%[0-9A-Fa-f]?|&[#A-Za-z0-9]{0,31}|\\+[uUx]?\{?[0-9A-Fa-f]{0,7})\Z")
"""An escape that a cut has left without its end."""
_LONGEST_ESCAPE = 40
_LOOKED_BACK = 100_000
"""Characters before a cut in which the beginning of a secret is looked for."""
_BEGINS_ENCODED = 4
"""Characters of an encoded value, at least, that count as its beginning at a cut: three of its letters at most. Of so
many encodings one or another begins with almost any letter, and each cut would cost one."""
_BETWEEN = 3
"""Separators in a row that may stand before a sign of a value written in groups."""
_MOST_SIGNS = 64
"""Characters beside a place in which the signs at the value's ends are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a secret stands in a text."""

    start: int
    """Its first character."""
    end: int
    """The first character after it."""
    name: str
    """The secret's name."""


class _Folded:
    """One view of a text, folded by one table, and the way back."""

    def __init__(self, view: Rewritten, table: Mapping[int, str | None]) -> None:
        self._view = view.text
        self._table = table
        self._opened: dict[int, array[int]] = {}
        self.text = fold(view.text, table)

    def place(self, at: int) -> int:
        """Return which character of the view made the folded one ``at``."""
        number = bisect_right(self._sizes, at) - 1
        if number not in self._opened:
            self._opened[number] = self._open(number)
        return number * _PIECE + self._opened[number][at - self._sizes[number]]

    @cached_property
    def _sizes(self) -> list[int]:
        """How much of the folded text the view's pieces make, summed up."""
        begins = range(0, len(self._view), _PIECE)
        return list(accumulate((len(fold(self._piece(at), self._table)) for at in begins), initial=0))

    def _piece(self, begin: int) -> str:
        return self._view[begin : begin + _PIECE]

    def _open(self, number: int) -> "array[int]":
        origins = array("H")
        for offset, character in enumerate(self._piece(number * _PIECE)):
            origins.extend([offset] * len(character.translate(self._table)))
        return origins


class SecretFinder:
    """Looks for secrets. ``values``: names with values, empty ones are none; a name may have several, old and new."""

    def __init__(self, values: Mapping[str, str] | Iterable[tuple[str, str]]) -> None:
        pairs = values.items() if isinstance(values, Mapping) else values
        given = sorted(((name, value) for name, value in pairs if value), key=lambda item: -len(item[1]))
        self._ranks = {name: rank for rank, (name, _) in enumerate(given)}
        self._own = re.compile("|".join(re.escape(reference(name)) for name in self._ranks) or r"(?!)")
        every = [spelling for name, value in given for spelling in spellings(name, value)]
        self._needles = [
            (table, [(needle, spelling) for spelling in every if (needle := _needle(spelling, table))])
            for table in (COMPACT, WORDS, SPACED)
        ]

    def __bool__(self) -> bool:
        """Tell whether there is any secret to look for."""
        return bool(self._ranks)

    def shows(self, text: str) -> bool:
        """Tell whether a secret stands in ``text``, in any of its spellings."""
        return bool(self) and next(self._found(Rewritten(text), text), None) is not None

    def scrub(self, text: str) -> str:
        """Return a text that a page wrote with each secret's reference in place of it."""
        return self._replaced(text, self._found(Rewritten(text), text)) if self else text

    def scrub_cut(self, text: str, *, least: int = 1) -> str:
        """Do the same to a text that was cut off before: the beginning of a secret at its end goes too.

        ``least``: folded characters that count as a beginning; more than one where it is not sure that there was a cut.
        """
        if not self:
            return text
        places = list(islice(self._found(Rewritten(text), text), MOST_PLACES))
        end = self._end_of_whole(text, least)
        # What looks like a beginning may be the end of a whole one: backwards, for example.
        end = max((place.end for place in places if place.start <= end < place.end), default=end)
        return self._replaced(text[:end], (place for place in places if place.end <= end))

    def scrub_html(self, html: str) -> str:
        """Do the same to HTML, in which markup may stand within a value. The tags within one go with it."""
        if not self:
            return html
        whole = Rewritten(html)
        bare = without(whole, lambda: markup(html))
        split = () if bare is whole else self._found(bare, html)
        return self._replaced(html, chain(self._found(whole, html), split))

    def scrub_again(self, text: str) -> str:
        """Do the same to a text of our own, made of scrubbed parts: the references in it stay as they are."""
        if not self:
            return text
        kept = self._own.findall(text)
        parts = [self.scrub(part) for part in self._own.split(text)]
        return "".join(part for pair in zip(parts, [*kept, ""], strict=True) for part in pair)

    def _found(self, first: Rewritten, original: str) -> Iterator[Place]:
        for view in unescaped(first):
            for table, needles in self._needles:
                if not needles:
                    continue
                folded = _Folded(view, table)
                for needle, spelling in needles:
                    at = folded.text.find(needle)
                    while at >= 0:
                        start, end = folded.place(at), folded.place(at + len(needle) - 1) + 1
                        if table is WORDS:
                            start, end = _with_signs(view.text, start, end, spelling)
                        yield _traced(original, *view.origin(start, end), spelling)
                        at = folded.text.find(needle, at + len(needle))

    def _replaced(self, text: str, found: Iterable[Place]) -> str:
        places = list(islice(found, MOST_PLACES))
        if len(places) == MOST_PLACES:
            return reference(places[0].name)
        pieces: list[str] = []
        copied = 0
        for place in self._merged(places):
            pieces += (text[copied : place.start], reference(place.name))
            copied = place.end
        return "".join([*pieces, text[copied:]])

    def _merged(self, found: list[Place]) -> list[Place]:
        """Return the places in order, those that overlap as one, under the name of the longest secret in it."""
        merged: list[Place] = []
        for place in sorted(found, key=lambda one: (one.start, one.end)):
            last = merged[-1] if merged else None
            if last is None or place.start >= last.end:
                merged.append(place)
            else:
                name = min(last.name, place.name, key=self._ranks.__getitem__)
                merged[-1] = Place(start=last.start, end=max(last.end, place.end), name=name)
        return merged

    def _end_of_whole(self, text: str, least: int) -> int:
        """Return where the beginning of a secret at the end of ``text`` stands; its length when there is none."""
        before = max(0, len(text) - _LOOKED_BACK)
        return before + self._end_of_whole_in(text[before:], least)

    def _end_of_whole_in(self, text: str, least: int) -> int:
        first = len(text)
        unfinished = _UNFINISHED.search(text[-_LONGEST_ESCAPE:])
        for end in {first, first - len(unfinished[0]) if unfinished else first}:
            for view in unescaped(Rewritten(text[:end])):
                for table, needles in self._needles:
                    folded = _Folded(view, table)
                    held = max((_begun(folded.text, *each) for each in needles), default=0)
                    if held >= least:
                        place = folded.place(len(folded.text) - held)
                        first = min(first, view.origin(place, place + 1)[0])
        return first


def reference(name: str) -> str:
    """Return how ``crawls.yaml`` names a secret."""
    return f"${{secret:{name}}}"


def _needle(spelling: Spelling, table: Mapping[int, str | None]) -> str:
    """Return what to look for in a text folded by ``table``: a spelling is looked for in one of them."""
    if table is WORDS:
        return spelling.words
    if table is SPACED:
        return spelling.spaced
    return "" if spelling.words or spelling.spaced else spelling.compact


def _traced(original: str, start: int, end: int, spelling: Spelling) -> Place:
    if spelling.encoded:
        # The characters at both ends of base64 hold bits of the value as well.
        before = _IN_ENCODED.match(original[max(0, start - 2) : start][::-1])
        after = _IN_ENCODED.match(original, end, end + 3)
        start -= len(before[0]) if before else 0
        end = after.end() if after else end
    return Place(start=start, end=end, name=spelling.name)


def _with_signs(text: str, start: int, end: int, spelling: Spelling) -> tuple[int, int]:
    """Return the place with the value's signs before and after it, as far as they stand there."""
    before = _signs_in(reversed(text[max(0, start - _MOST_SIGNS) : start]), spelling.lead[::-1])
    return start - before, end + _signs_in(iter(text[end : end + _MOST_SIGNS]), spelling.tail)


def _signs_in(characters: Iterator[str], wanted: str) -> int:
    """Return how many characters hold as many of the ``wanted`` signs as stand next, in order."""
    met = taken = between = 0
    for count, character in enumerate(characters, start=1):
        if met == len(wanted):
            break
        folded = character.translate(COMPACT)
        if folded == wanted[met]:
            met, taken, between = met + 1, count, 0
        elif folded:
            between += 1
            if between > _BETWEEN or folded.isalnum():
                break
    return taken


def _begun(text: str, needle: str, spelling: Spelling) -> int:
    """Return how many characters at the end of ``text`` are the beginning of ``needle``, but not all of it."""
    fewest = _BEGINS_ENCODED if spelling.encoded else 1
    sizes = range(min(len(needle) - 1, len(text)), fewest - 1, -1)
    return next((size for size in sizes if text.endswith(needle[:size])), 0)
