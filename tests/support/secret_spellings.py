"""Ways in which a page may write a secret, and a search for it that shares no code with the crawler's own."""

import base64
import binascii
import codecs
import json
import quopri
import re
import string
import unicodedata
from collections.abc import Callable, Iterator
from html import escape, unescape
from html.entities import codepoint2name
from urllib.parse import quote, quote_plus, unquote_to_bytes

Spell = Callable[[str], str]


def _each(write: Callable[[str], str]) -> Spell:
    return lambda value: "".join(map(write, value))


def _groups(by: str, size: int = 4) -> Spell:
    return lambda value: by.join(value[at : at + size] for at in range(0, len(value), size))


def _units(value: str) -> Iterator[int]:
    data = value.encode("utf-16-be")
    return (int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))


def _percent(value: str) -> str:
    return "".join(f"%{byte:02X}" for byte in value.encode())


def _encoded(before: str, after: str = "") -> Spell:
    return lambda value: base64.b64encode(f"{before}{value}{after}".encode()).decode()


def _named(character: str) -> str:
    name = codepoint2name.get(ord(character))
    return f"&{name};" if name else {"/": "&sol;", "*": "&ast;", "(": "&lpar;", "+": "&plus;"}.get(character, character)


def _styled(first_upper: int, first_lower: int) -> Spell:
    def write(character: str) -> str:
        if character in string.ascii_uppercase:
            return chr(first_upper + ord(character) - ord("A"))
        if character in string.ascii_lowercase:
            return chr(first_lower + ord(character) - ord("a"))
        return character

    return _each(write)


def _alike(plain: str, others: str) -> Spell:
    table = str.maketrans(plain, others)
    return lambda value: value.translate(table)


def _digits(zero: str) -> Spell:
    return _each(lambda c: chr(ord(zero) + int(c)) if c in string.digits else c)


def _full_width(character: str) -> str:
    return chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character


IN_TEXT: dict[str, Spell] = {
    "as it is": str,
    "upper case": str.upper,
    "lower case": str.lower,
    "swapped case": str.swapcase,
    "percent of a path": quote,
    "percent of a parameter": lambda v: quote(v, safe=""),
    "percent in lower case": lambda v: quote(v, safe="").lower(),
    "percent of a form": quote_plus,
    "percent of each byte": _percent,
    "percent of each byte, lower case": lambda v: _percent(v).lower(),
    "percent of percent": lambda v: quote(quote(v, safe=""), safe=""),
    "percent of percent of percent": lambda v: quote(quote(_percent(v), safe=""), safe=""),
    "percent u": lambda v: "".join(f"%u{unit:04x}" for unit in _units(v)),
    "HTML": escape,
    "HTML without quotes": lambda v: escape(v, quote=False),
    "HTML, decimal": _each(lambda c: f"&#{ord(c)};"),
    "HTML, hexadecimal": _each(lambda c: f"&#x{ord(c):x};"),
    "HTML, capital X and zeros": _each(lambda c: f"&#X{ord(c):05X};"),
    "HTML, no semicolons": _each(lambda c: f"&#{ord(c)}" if not c.isdigit() else f"&#{ord(c)};"),
    "HTML, by names": _each(_named),
    "HTML of HTML": lambda v: escape(escape(v)),
    "HTML of HTML of HTML": lambda v: escape(escape(escape(v))),
    "JSON": lambda v: json.dumps(v)[1:-1],
    "JSON, not only ASCII": lambda v: json.dumps(v, ensure_ascii=False)[1:-1],
    "JSON with escaped slashes": lambda v: json.dumps(v)[1:-1].replace("/", "\\/"),
    "JSON for HTML": lambda v: (
        json.dumps(v)[1:-1].replace("&", "\\u0026").replace("<", "\\u003c").replace("+", "\\u002B")
    ),
    "JSON of JSON": lambda v: json.dumps(json.dumps(v))[1:-1],
    "script, units": lambda v: "".join(f"\\u{unit:04x}" for unit in _units(v)),
    "script, code points": _each(lambda c: f"\\u{{{ord(c):x}}}"),
    "script, bytes": _each(lambda c: f"\\x{ord(c):02x}" if ord(c) < 0x100 else f"\\u{{{ord(c):x}}}"),
    "script, octal": _each(lambda c: f"\\{ord(c):03o}" if ord(c) < 0x40 else c),
    "script, signs": _each(lambda c: c if c.isalnum() or c.isspace() else f"\\{c}"),
    "Python, long": _each(lambda c: f"\\U{ord(c):08x}"),
    "style sheet": _each(lambda c: f"\\{ord(c):x} "),
    "style sheet, six digits": _each(lambda c: f"\\{ord(c):06X}"),
    "style sheet, signs": _each(lambda c: c if c.isalnum() else f"\\{ord(c):x} "),
    "groups": _groups(" "),
    "letters apart": _groups(" ", 1),
    "groups with blanks that do not break": _groups("\u00a0"),
    "thin blanks": _groups("\u2009", 2),
    "groups on lines": _groups("\n"),
    "groups with tabs": _groups("\t", 3),
    "groups with hyphens": _groups("-"),
    "groups with points": _groups("\u00b7"),
    "groups with bars": _groups(" | "),
    "a list of letters": lambda v: json.dumps(list(v)),
    "a sum of strings": _groups('" + "'),
    "zero-width blanks": _groups("\u200b", 1),
    "zero-width joiners": _groups("\u200d", 1),
    "word joiners": _groups("\u2060", 2),
    "soft hyphens": _groups("\u00ad", 1),
    "byte order marks": _groups("\ufeff", 1),
    "control characters": _groups("\x01", 1),
    "C1 controls": _groups("\x9d", 1),
    "grapheme joiners": _groups("\u034f", 1),
    "variation selectors": _groups("\ufe0f", 1),
    "marks of direction": _groups("\u200e\u202c", 1),
    "tags": _groups("\U000e0041", 1),
    "Hangul fillers": _groups("\u3164", 1),
    "empty Braille": _groups("\u2800", 1),
    "accents": _groups("\u0301", 1),
    "full width": _each(_full_width),
    "bold letters": _styled(0x1D400, 0x1D41A),
    "letters in circles": _styled(0x24B6, 0x24D0),
    "backwards": lambda v: v[::-1],
    "backwards and turned round": lambda v: f"\u202e{v[::-1]}\u202c",
    "base64": _encoded(""),
    "base64 for URLs": lambda v: base64.urlsafe_b64encode(v.encode()).decode().rstrip("="),
    "base64 of credentials": _encoded("user:"),
    "base64 after one byte": _encoded("x", " and more"),
    "base64 after two bytes": _encoded("xy", "."),
    "base64 in lines": lambda v: _groups("\r\n", 16)(_encoded("user:")(v)),
    "base64 of base64": lambda v: _encoded("")(_encoded("")(v)),
    "base64 of HTML": lambda v: _encoded("<p>")(escape(v)),
    "base64 of JSON": lambda v: _encoded('{"k":"')(json.dumps(v)[1:-1]),
    "base64 in a URL": lambda v: quote(_encoded("ab")(v), safe=""),
    "base32": lambda v: base64.b32encode(v.encode()).decode(),
    "base64, three times": lambda v: _encoded("")(_encoded("")(_encoded("")(v))),
    "base64 backwards": lambda v: _encoded("user:")(v)[::-1],
    "base64 of UTF-16": lambda v: base64.b64encode(f"ab{v}".encode("utf-16-le")).decode(),
    "base64 of hexadecimal": lambda v: _encoded("")(v.encode().hex()),
    "base32 after two bytes": lambda v: base64.b32encode(f"xy{v}".encode()).decode(),
    "hexadecimal of base64": lambda v: _encoded("")(v).encode().hex(),
    "hexadecimal twice": lambda v: v.encode().hex().encode().hex(),
    "hexadecimal of UTF-16": lambda v: v.encode("utf-16-be").hex(),
    "hexadecimal": lambda v: v.encode().hex(),
    "hexadecimal, upper case": lambda v: v.encode().hex().upper(),
    "hexadecimal with colons": lambda v: v.encode().hex(":"),
    "hexadecimal dump": lambda v: v.encode().hex(" "),
    "a list of bytes": lambda v: ", ".join(f"0x{ord(c):x}" for c in v),
    "character codes": lambda v: f"String.fromCharCode({','.join(str(ord(c)) for c in v)})",
    "points of Unicode": lambda v: " ".join(f"U+{ord(c):04X}" for c in v),
    "decimal bytes": lambda v: json.dumps(list(v.encode())),
    "octal bytes": lambda v: " ".join(f"{byte:o}" for byte in v.encode()),
    "binary bytes": lambda v: " ".join(f"{byte:08b}" for byte in v.encode()),
    "rot13": lambda v: codecs.encode(v, "rot13"),
    "quoted-printable": lambda v: quopri.encodestring(v.encode(), quotetabs=True).decode(),
    "quoted-printable, each byte": lambda v: "".join(f"={byte:02X}" for byte in v.encode()),
    "quoted-printable in short lines": _groups("=\r\n", 5),
    "HTML, many zeros": _each(lambda c: f"&#{ord(c):014d};"),
    "HTML, hexadecimal with many zeros": _each(lambda c: f"&#x{ord(c):014x};"),
    "UTF-8 read as Latin-1 twice": lambda v: v.encode().decode("latin-1").encode().decode("latin-1"),
    "Arabic digits": _digits("\u0660"),
    "digits of Devanagari": _digits("\u0966"),
    "digits in black circles": lambda v: _digits("\u2775")(v.replace("0", "\u24ff")),
    "Cyrillic letters that look alike": _alike("aceopxysABCEHKMOPTX", "асеорхуѕАВСЕНКМОРТХ"),  # noqa: RUF001  (that they look alike is the point)
    "Greek letters that look alike": _alike("ABEZIKMOPTXaikot", "ΑΒΕΖΙΚΜΟΡΤΧαικοτ"),
    "small capitals": _alike("abcdeghijklmnoprtuvwyz", "ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ"),
    "letters in black squares": _styled(0x1F170, 0x1F170),
    "letters of flags": _styled(0x1F1E6, 0x1F1E6),
    "HTML of JSON": lambda v: escape(json.dumps(v)[1:-1]),
    "HTML of a URL": lambda v: escape(quote(v, safe="/&")),
    "percent of HTML": lambda v: quote(escape(v), safe=""),
    "JSON of percent of HTML": lambda v: json.dumps(quote(escape(v)))[1:-1],
}
"""By what it is. Each makes a text out of the value."""

IN_MARKUP: dict[str, Spell] = {
    "letters in elements": _each(lambda c: f"<b>{escape(c)}</b>"),
    "comments between": lambda v: "<!-- no -->".join(map(escape, v)),
    "attributes that look like ends": _each(lambda c: f'<i title="a > b">{escape(c)}</i>'),
    "rows of a table": _each(lambda c: f"<tr><td>{escape(c)}</td></tr>\n"),
    "an attribute": lambda v: f'<p data-key="{escape(v)}">',
    "a link": lambda v: f'<a href="/?key={quote(v, safe="")}">x</a>',
    "a script": lambda v: f"<script>let key = {json.dumps(v)}</script>",
    "a sum in a script": lambda v: f"<script>let key = {' + '.join(map(json.dumps, v))}</script>",
    "a comment": lambda v: f"<!-- {v} -->",
    "a style": lambda v: f"<style>p::before {{ content: '{IN_TEXT['style sheet'](v)}' }}</style>",
}
"""Ways that need markup."""


def plain(text: str) -> str:
    """Return letters and digits of ``text``, in one case and one style."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKD", text).casefold())


def _readings(text: str) -> Iterator[str]:
    """Yield ``text`` with each kind of escape undone, up to three deep."""
    seen: set[str] = set()
    waiting = [text]
    for _ in range(3):
        found = []
        for one in waiting:
            if one in seen:
                continue
            seen.add(one)
            yield one
            found += [
                unescape(one),
                unquote_to_bytes(one.encode("utf-8", "replace")).decode("utf-8", "replace"),
                re.sub(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})", _code, one).replace("\\", ""),
                re.sub(r"\\([0-9a-fA-F]{1,6}) ?", _code, one),
                re.sub(r"<[^<>]*>", "", one),
            ]
        waiting = found


def _code(match: re.Match[str]) -> str:
    code = int(next(group for group in match.groups() if group), 16)
    return chr(code) if code < 0x110000 else ""


def _decoded(text: str) -> Iterator[str]:
    """Yield what the base64, base32 and hexadecimal runs of ``text`` hold."""
    dense = re.sub(r"[\s:-]", "", text)
    for run in re.findall(r"[0-9a-fA-F]{12,}", dense):
        with_even = run[: len(run) // 2 * 2]
        yield bytes.fromhex(with_even).decode("utf-8", "replace")
    for run in re.findall(r"[A-Za-z0-9+/_-]{12,}", re.sub(r"\s", "", text)):
        common = run.replace("-", "+").replace("_", "/")
        for at in range(4):
            part = common[at:]
            try:
                yield base64.b64decode(part[: len(part) // 4 * 4]).decode("utf-8", "replace")
            except binascii.Error:
                continue


def held(text: str, *values: str) -> str | None:
    """Return how ``text`` holds one of the values, or six letters and digits in a row of it; ``None`` when it does not.

    A value is of letters and digits that stand nowhere else in the text.
    """
    parts: set[str] = set()
    for wanted in map(plain, values):
        parts |= {wanted[at : at + 6] for at in range(len(wanted) - 5)}
    parts |= {part[::-1] for part in parts}
    any_part = re.compile("|".join(map(re.escape, sorted(parts))))
    for reading in _readings(text):
        for shown in (reading, *_decoded(reading)):
            if found := any_part.search(plain(shown)):
                return f"{found[0]!r} in {shown[:200]!r}"
    return None
