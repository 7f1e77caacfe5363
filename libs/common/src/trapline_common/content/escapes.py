"""Undoes the escapes of URLs, HTML, JSON, scripts and style sheets, and knows where each piece came from. Pure.

Escapes lie in one another: a value in a URL in a script in an attribute. So all kinds are undone at once, in rounds,
until a round changes nothing. A run of escapes of an escape (``%2525``, ``&amp;amp;``) takes one round however long it
is. No pattern backtracks over more than what it just read once, so a round is linear in the text.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from html import unescape
from html.entities import html5
from urllib.parse import unquote_to_bytes

from trapline_common.content.folding import UNSEEN

MOST_ROUNDS = 8
"""Kinds of escapes that may lie in one another; no site is known to reach four."""
_HEX = "[0-9A-Fa-f]"
_BEGIN = r"[%&\\]"
"""Every pattern begins with it, which ``re`` looks for as fast as for a letter; what follows asks which sign it was."""
_PERCENT = (
    rf"(?<=%)(?:(?P<percent>(?:25)*{_HEX}{{2}}(?:%(?:25)*{_HEX}{{2}})*)|[uU](?P<wide>{_HEX}{{4}}(?:%[uU]{_HEX}{{4}})*))"
)
_OLD_NAMES = "|".join(sorted((name for name in html5 if not name.endswith(";")), key=len, reverse=True))
"""Names of HTML that need no semicolon."""
_ENTITY = (
    r"(?<=&)(?:amp;)*(?P<entity>\#0*[0-9]{1,8}|\#[xX]0*[0-9A-Fa-f]{1,7}|[A-Za-z][A-Za-z0-9]{1,31}(?=;)"
    rf"|(?:{_OLD_NAMES}));?"
)
_BACKSLASH = r"(?<=\\)(?<!\\\\)\\*"
_OTHER = r"(?P<other>\r\n|[^\\])"
_IN_SCRIPTS = re.compile(
    rf"{_BEGIN}(?:{_PERCENT}|{_ENTITY}|{_BACKSLASH}(?:"
    rf"U(?P<long>00(?:0{_HEX}|10){_HEX}{{4}})|[uU](?P<units>{_HEX}{{4}}(?:\\+[uU]{_HEX}{{4}})*)"
    rf"|[uU]\{{0*(?P<point>{_HEX}{{1,6}})\}}|[xX](?P<byte>{_HEX}{{2}})|(?P<octal>[0-7]{{1,3}})|{_OTHER}))",
    re.DOTALL,
)
_IN_STYLES = re.compile(
    rf"{_BEGIN}(?:{_PERCENT}|{_ENTITY}|{_BACKSLASH}(?:(?P<point>{_HEX}{{1,6}})(?:\r\n|[ \t\n\r\f])?|{_OTHER}))",
    re.DOTALL,
)
_BROKEN = re.compile(
    rf"{_BEGIN}(?:[0-9A-Za-z#]{{1,8}}{UNSEEN.pattern}[0-9A-Za-z#;]"
    rf"|{UNSEEN.pattern}(?:[0-9A-Za-z#]{UNSEEN.pattern}|{_HEX}{{2}}(?![0-9A-Za-z])))"
)
"""An escape with a blank, or with something that nobody sees, in it; *A & B* and *50 % of it* are none."""
_STYLE_ESCAPE = re.compile(rf"\\{_HEX}")
_LAST_CODE = 0x10FFFF
_CONTROLS = dict.fromkeys("nrtbfv", " ") | dict.fromkeys(("\n", "\r", "\r\n"), "")
"""``\\n`` and the like are blanks; a backslash at the end of a line joins it with the next."""

Piece = tuple[int, int, str]
"""Where a piece of a text begins and ends, and what stands in its place in the next."""


class Rewritten:
    """A text after some rounds, and the way back to the text before them.

    ``pieces`` says again, when the way back is asked for, what was put in place of what: in order, and not overlapping.
    """

    def __init__(
        self, text: str, before: "Rewritten | None" = None, pieces: Callable[[], Iterable[Piece]] = tuple
    ) -> None:
        self.text = text
        self.before = before
        self._pieces = pieces

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the first text of ``text[start:end]``, which is not empty; a changed piece is whole."""
        one: Rewritten | None = self
        while one is not None:
            start, end = one.step(start)[0], one.step(end - 1)[1]
            one = one.before
        return start, end

    def step(self, at: int) -> tuple[int, int]:
        """Return the place in the text before the last round of the character ``at``."""
        begins, changes = self._changes
        number = bisect_right(begins, at) - 1
        if number < 0:
            return at, at + 1
        size, start, end = changes[number]
        beyond = at - begins[number] - size
        return (start, end) if beyond < 0 else (end + beyond, end + beyond + 1)

    @cached_property
    def _changes(self) -> tuple[list[int], list[tuple[int, int, int]]]:
        """Where changed pieces begin in this text; and of each its size here, and where it was in the text before."""
        begins: list[int] = []
        changes: list[tuple[int, int, int]] = []
        shift = 0
        for start, end, put in self._pieces():
            begins.append(start + shift)
            changes.append((len(put), start, end))
            shift += len(put) - (end - start)
        return begins, changes


def without(text: Rewritten, pieces: Callable[[], Iterable[tuple[int, int]]]) -> Rewritten:
    """Return a text without some of its pieces; itself when there are none."""
    kept: list[str] = []
    copied = 0
    for start, end in pieces():
        kept.append(text.text[copied:start])
        copied = end
    if copied == 0:
        return text
    kept.append(text.text[copied:])
    return Rewritten("".join(kept), text, lambda: ((start, end, "") for start, end in pieces()))


def unescaped(first: Rewritten) -> Iterator[Rewritten]:
    """Yield ``first``, and what each round makes of it.

    A backslash before a hexadecimal digit means one thing in scripts and another in style sheets: a text that holds
    one is undone in both ways. Blanks end some escapes and stand within others that something broke into groups: a text
    with both is undone with and without them.
    """
    yield first
    last = first
    for last in _rounds(first, _IN_SCRIPTS, _script_piece):
        yield last
    if _STYLE_ESCAPE.search(first.text):
        yield from _rounds(first, _IN_STYLES, _style_piece)
    for broken in (first,) if last is first else (first, last):
        if _BROKEN.search(broken.text):
            yield from _rounds(_joined(broken), _IN_SCRIPTS, _script_piece)


def _joined(text: Rewritten) -> Rewritten:
    return Rewritten(
        UNSEEN.sub("", text.text), text, lambda: ((*match.span(), "") for match in UNSEEN.finditer(text.text))
    )


def _rounds(first: Rewritten, pattern: re.Pattern[str], decode: Callable[[re.Match[str]], str]) -> Iterator[Rewritten]:
    last = first
    for _ in range(MOST_ROUNDS):
        text = pattern.sub(decode, last.text)
        if text == last.text:
            return
        last = Rewritten(text, last, _again(last.text, pattern, decode))
        yield last


def _again(
    text: str, pattern: re.Pattern[str], decode: Callable[[re.Match[str]], str]
) -> Callable[[], Iterator[Piece]]:
    return lambda: ((match.start(), match.end(), decode(match)) for match in pattern.finditer(text))


def _script_piece(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "units":
        return _units(re.sub(r"\\+[uU]", "", match["units"]))
    if kind in {"long", "byte"}:
        return _character(int(match[kind], 16))
    if kind == "octal":
        return _character(int(match["octal"], 8))
    return _style_piece(match)


def _style_piece(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "other":
        other = match["other"]
        return _CONTROLS.get(other, other)
    if kind == "percent":
        return _percent(match["percent"])
    if kind == "entity":
        end = ";" if match[0].endswith(";") else ""
        return unescape(f"&{match['entity']}{end}")
    if kind == "wide":
        return _units(re.sub("%[uU]", "", match["wide"]))
    return _character(int(match["point"], 16))


def _percent(run: str) -> str:
    data = unquote_to_bytes(re.sub(rf"%(?:25)+(?={_HEX}{{2}})", "%", f"%{run}"))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _units(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-16-be", "replace")


def _character(code: int) -> str:
    return chr(code) if code <= _LAST_CODE else "\ufffd"
