"""The way to a value in a document that is no page: ``$.plans[0].price`` (JSONPath) or ``plans.0.price``. Pure.

Of RFC 9535: names, indexes, ``*``, slices, ``..`` and a filter that compares one value. A CSV document is a list of its
rows, each a map by the names of the first row; a plain text is the list of its lines.
"""

import json
import re
from functools import lru_cache
from typing import Any, Literal

from pydantic import JsonValue

Step = tuple[Literal["name", "index", "all", "slice", "filter"], bool, Any]
"""What it selects, whether at any depth, and by which name, index, bounds or comparison; plain JSON."""

LONGEST_PATH = 1_000
"""Characters."""
_LARGEST_EXACT = 2**53 - 1
"""JavaScript compares whole numbers up to here exactly; larger ones of a document are kept as they are written."""
_DOTTED = re.compile(r"[^\W\d][\w-]*(?:\.(?:[\w-]+|\*)|\[(?:\d+|\*)\])*|\d+(?:\.(?:[\w-]+|\*)|\[(?:\d+|\*)\])+")
_NO_CSS = re.compile(r"\d|.*(?:[.\[]\d|\[\*|\.\*)")
_DOTTED_PART = re.compile(r"\[?([\w-]+|\*)\]?\.?")
_NAME = re.compile(r"[^\W\d][\w-]*")
_INDEX = re.compile(r"-?(?:0|[1-9]\d{0,8})")
_SLICE = re.compile(r"(-?\d{1,9})?\s*:\s*(-?\d{1,9})?(?:\s*:\s*([1-9]\d{0,8}))?")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_COMPARED = re.compile(
    r"""\?\s*\(?\s*@(?P<path>(?:\.[^\W\d][\w-]*|\[(?:'[^'\\]*'|"[^"\\]*"|\d{1,9})\])*)
    (?:\s*(?P<operator>==|!=|<=|>=|<|>)\s*
       (?P<value>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null))?\s*\)?""",
    re.VERBOSE | re.DOTALL,
)
_INNER = re.compile(r"\.(?P<name>[^\W\d][\w-]*)|\[(?:'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<index>\d+))\]")


def is_path(text: str) -> bool:
    """Tell whether ``text`` can only be a path: it begins with ``$``, or is dotted in a way that no CSS is."""
    if text.startswith("$"):
        return not text.startswith("${")
    return _DOTTED.fullmatch(text) is not None and _NO_CSS.match(text) is not None


@lru_cache(maxsize=1024)
def parse_path(text: str) -> tuple[Step, ...] | None:
    """Return the steps; ``None`` for a text that is no path (a CSS selector with more than names and dots in it).

    Raises ``ValueError`` for one that begins with ``$`` and goes wrong.
    """
    text = text.strip()
    if text.startswith("$"):
        return _JsonPath(text).steps()
    if _DOTTED.fullmatch(text) is None:
        return None
    return tuple(_dotted_step(part) for part in _DOTTED_PART.findall(text))


def _dotted_step(part: str) -> Step:
    if part == "*":
        return ("all", False, None)
    return ("index", False, int(part)) if _INDEX.fullmatch(part) else ("name", False, part)


class _JsonPath:
    """One pass over a JSONPath."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 1

    def steps(self) -> tuple[Step, ...]:
        if len(self._text) > LONGEST_PATH:
            raise ValueError(f"a path of {len(self._text)} characters; {LONGEST_PATH} are allowed")
        found: list[Step] = []
        while self._at < len(self._text):
            found.append(self._step())
        return tuple(found)

    def _step(self) -> Step:
        deep = self._text.startswith("..", self._at)
        if deep:
            self._at += 2
        elif self._text.startswith(".", self._at):
            self._at += 1
        elif not self._text.startswith("[", self._at):
            raise self._wrong()
        if self._text.startswith("[", self._at):
            return self._bracket(deep)
        if self._text.startswith("*", self._at):
            self._at += 1
            return ("all", deep, None)
        if (name := self._match(_NAME)) is not None:
            return ("name", deep, name[0])
        raise self._wrong()

    def _bracket(self, deep: bool) -> Step:
        self._at += 1
        self._spaces()
        step: Step
        if (quoted := self._match(_QUOTED)) is not None:
            step = ("name", deep, _unquoted(quoted[0]))
        elif self._text.startswith("*", self._at):
            self._at += 1
            step = ("all", deep, None)
        elif (part := self._match(_SLICE)) is not None:
            step = ("slice", deep, [None if bound is None else int(bound) for bound in part.groups()])
        elif (index := self._match(_INDEX)) is not None:
            step = ("index", deep, int(index[0]))
        elif (compared := self._match(_COMPARED)) is not None:
            step = ("filter", deep, _comparison(compared))
        else:
            raise self._wrong()
        self._spaces()
        if not self._text.startswith("]", self._at):
            raise self._wrong()
        self._at += 1
        return step

    def _spaces(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _wrong(self) -> ValueError:
        rest = self._text[self._at : self._at + 20]
        where = f"unexpected {rest!r}" if rest else "it ends too early"
        return ValueError(f"{self._text[:80]!r} is no path: {where}; write $.name, $[0], $.list[*].name or $..name")


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _comparison(found: re.Match[str]) -> list[JsonValue]:
    path: list[JsonValue] = [
        int(part["index"]) if part["index"] else part["name"] or part["single"] or part["double"] or ""
        for part in _INNER.finditer(found["path"])
    ]
    text = found["value"]
    value: JsonValue = None
    if text is not None:
        value = _unquoted(text) if text[0] in "'\"" else json.loads(text)
        if isinstance(value, int) and abs(value) > _LARGEST_EXACT:
            value = text  # as the document's own is compared
    return [path, found["operator"], value]
