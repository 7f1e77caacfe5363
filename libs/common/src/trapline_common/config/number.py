"""Numbers as people write them, in any script and locale. Pure.

What one text can mean is a set of values: ``1.299`` is 1299 to a German and 1.299 to a Briton. Who knows more (the
page's language, a setting) says which sign stands before the decimals; nobody guesses.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

DecimalSign = Literal[".", ","]
"""What stands before the decimals."""

_COMMAS = """
    af az be bg bs ca cs da de el es et eu fi fo fr fy gl hr hu hy id is it ka kk kl lb lt lv mk nb nl nn no
    pl pt ro ru sk sl sq sr sv tk tr tt uk uz vi
"""
_COMMA_LANGUAGES = frozenset(_COMMAS.split())
"""Languages whose decimals follow a comma. Source: Unicode CLDR 46, ``numbers/symbols/decimal`` of each language."""
_POINTS = """
    am bn cy en fil ga gu he hi iw ja kn ko ml mr ms my ne pa si sw ta te th tl ur zh
"""
_POINT_LANGUAGES = frozenset(_POINTS.split())
"""Languages whose decimals follow a point. The same source."""
_REGIONS: dict[str, DecimalSign | None] = {
    "de-ch": ".",
    "de-li": ".",
    "en-at": ",",
    "en-de": ",",
    "en-za": None,
    "it-ch": ".",
}
"""Where a region writes otherwise than its language; ``None``: both are common there."""
_SPANISH_POINTS = frozenset({"bo", "cu", "do", "gt", "hn", "mx", "ni", "pa", "pe", "pr", "sv", "us"})
"""Regions where Spanish writes a point before the decimals."""
_BY_FORMAT: dict[str, DecimalSign] = {"1,234.56": ".", "1.234,56": ",", "1 234,56": ",", "1'234.56": "."}

_LIKE = str.maketrans(
    {
        "\u066c": "'",  # Arabic thousands separator
        "\uff0c": ",",
        "\uff0e": ".",
        "\u2019": "'",
        "\u02bc": "'",
        "\u2018": "'",
        "\u00b4": "'",
        "\u00a0": " ",
        "\u2007": " ",
        "\u2009": " ",
        "\u202f": " ",
        "\u2212": "-",
        "\uff0d": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\uff0b": "+",
        "\uff08": "(",
        "\uff09": ")",
        "\ufe63": "-",
    }
)
_CURRENCY = (
    r"(?:[A-Z]{0,3}[$\u00a2-\u00a5\u058f\u060b\u09f2\u09f3\u0e3f\u20a0-\u20bf\ufdfc\uff04\uffe0\uffe1\uffe5\uffe6]"
    r"|[\u5186\u5143\uc6d0]|[A-Z]{3}(?![A-Za-z])|(?:kr|K\u010d|z\u0142|Ft|lei|\u043b\u0432|Fr|CHF|Rp|Rs|R)\b\.?)"
)
_FOUND = re.compile(
    rf"(?P<open>\()?\s?(?P<sign>(?<![\w)])[-+])?\s?(?P<currency>{_CURRENCY})?\s?(?P<inner>(?<![\w).,'])[-+])?"
    r"(?P<digits>(?<![0-9A-Za-z_.,])[.,](?=\d)\d+|\d[\d.,' \u066b]*(?<=\d))"
    r"(?P<dash>[.,:]\s?-{1,2}(?![\w-]))?(?P<after>\s?(?:%|(?P<unit>"
    + _CURRENCY
    + r")))?(?P<minus>-(?![\w-]))?(?P<close>\))?",
    re.ASCII,
)
_SCALES = {
    "million": 10**6,
    "millions": 10**6,
    "millionen": 10**6,
    "mio": 10**6,
    "mln": 10**6,
    "billion": 10**9,
    "billions": 10**9,
    "bn": 10**9,
    "mrd": 10**9,
    "milliarden": 10**9,
    "\u4e07": 10**4,
    "\u842c": 10**4,
    "\u4ebf": 10**8,
    "\u5104": 10**8,
}
"""Words behind a number that stand for zeros, in small letters. A billion is a thousand millions: so English has it,
and who writes the long scale writes a milliard."""
_MAYBE_SCALES = {"k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9}
"""Letters right behind a number that may stand for zeros, or for what a size or a screen is called by."""
_SCALED = re.compile(
    r"\s?(?P<word>" + "|".join(sorted(_SCALES, key=len, reverse=True)) + r")\.?(?![^\W\u4e00-\u9fff])"
    r"|(?P<letter>[kKMB])(?!\w)",
    re.IGNORECASE,
)
_COMMA_UNITS = re.compile(
    r"(?:kr|K\u010d|z\u0142|Ft|lei|\u043b\u0432|Rp|\u20bd|\u20ba|\u20ab|R\$|SEK|NOK|DKK|ISK|CZK|PLN)\.?"
)
"""Currencies of countries that write a comma before the decimals."""
_POINT_UNITS = re.compile(r"(?:US\$|[\u5186\u5143\uc6d0\uffe5\u00a3]|\u20b9|\u20a9|\u00a5|Rs\.?|GBP|USD|JPY|INR)")
"""Currencies of countries that write a point before the decimals."""
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:\d{3})*")
_LONGEST_NUMBER = 60
"""Characters; more digits than any price has."""


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a text."""

    values: tuple[Decimal, ...]
    """What it can mean: one value, or two where thousands can't be told from decimals."""
    written: str
    """How the text writes it, without sign and currency."""
    mend: str = "set `number_format`"
    """What a person may do about two values."""


def decimal_sign(number_format: str | None, language: str | None) -> DecimalSign | None:
    """Return what stands before a page's decimals, by the crawl's setting or else the page's language; or ``None``."""
    if number_format is not None:
        return _BY_FORMAT[number_format]
    tag = (language or "").lower().replace("_", "-").strip()
    primary, _, rest = tag.partition("-")
    region = rest.rpartition("-")[2]
    if (place := f"{primary}-{region}") in _REGIONS:
        return _REGIONS[place]
    if primary == "es":
        return "." if region in _SPANISH_POINTS else None if region == "419" else ","
    if primary in _COMMA_LANGUAGES:
        return ","
    return "." if primary in _POINT_LANGUAGES else None


def find_number(text: str, sign: DecimalSign | None = None) -> Number | None:
    """Return the first number in ``text``. ``sign``: what stands before the decimals, where that is known."""
    plain = _plain(text)
    found = _FOUND.search(plain)
    return None if found is None else _scaled(_read(found, sign), found)


def whole_number(text: str) -> Decimal | None:
    """Return ``text`` as a number when nothing but one is in it, as the file of a crawl writes it: ``1,299.50``."""
    found = _FOUND.fullmatch(_plain(text).strip())
    if found is None:
        return None
    number = _read(found, ".")
    return number.values[0] if number.written == found["digits"] else None


def _plain(text: str) -> str:
    """Return ``text`` with the digits of every script as 0 to 9, and with one sign for each that means the same.

    The Arabic sign before decimals stays as it is, for it can mean nothing else.
    """
    if text.isascii():
        return text
    swapped = text.translate(_LIKE)
    return "".join(str(unicodedata.decimal(char, char)) if not char.isascii() else char for char in swapped)


def _read(found: re.Match[str], sign: DecimalSign | None) -> Number:
    digits = found["digits"][:_LONGEST_NUMBER].rstrip(".,' ")
    if found["dash"] and digits[-4:-3] in {".", ","}:
        sign = "," if digits[-4] == "." else "."  # `1.299,-`: the dash stands where the decimals would
    units = [unit for unit in (found["currency"], found["unit"]) if unit]
    if sign is None and any(_COMMA_UNITS.fullmatch(unit) for unit in units):
        sign = ","
    elif sign is None and any(_POINT_UNITS.fullmatch(unit) for unit in units):
        sign = "."
    elif sign is None and "$" in units and digits.count(",") == 1 and "." not in digits:
        sign = "."  # no dollar has thousandths after a comma; after a point fuel has, and so have thousands in Chile
    values, written = _values(digits, sign)
    whole = written == found["digits"]
    negated = tuple(-value for value in values)
    if whole and found["open"] and found["close"]:  # as accountants write it; or the number of reviews, `(128)`
        alone = found[0].strip() == found.string.strip()
        sure = bool(units) or any(mark in digits for mark in ".,")
        if sure or alone:
            return Number(values=negated if sure else (*values, *negated), written=written)
    negative = ("-" in {found["sign"], found["inner"]} and not _is_dash(found)) or (
        whole and found["minus"] is not None
    )
    return Number(values=negated if negative else values, written=written)


def _is_dash(found: re.Match[str]) -> bool:
    """Tell whether the sign only parts words from a number: ``Shirt - $25``."""
    if found["sign"] is None or not found.string[found.end("sign") : found.end("sign") + 1].isspace():
        return False
    before = found.string[: found.start("sign")]
    word = before.rstrip(" \t")
    return word != before and (word[-1:].isalnum() or word[-1:] in {")", "]"})


def _scaled(number: Number, found: re.Match[str]) -> Number:
    """Return the number with the zeros that a word behind it stands for; both where a letter may stand for them."""
    behind = _SCALED.match(found.string, found.end("digits"))
    if behind is None or number.written != found["digits"]:
        return number
    if (word := behind["word"]) is not None:
        return Number(values=tuple(value * _SCALES[word.lower()] for value in number.values), written=number.written)
    zeros = _MAYBE_SCALES.get(behind["letter"])
    if zeros is None:
        return number
    values = (*number.values, *(value * zeros for value in number.values))
    return Number(values=values, written=number.written + behind["letter"], mend="take what is meant by a `pattern`")


def _values(text: str, sign: DecimalSign | None) -> tuple[tuple[Decimal, ...], str]:
    """Return what the first number in a run of digits and separators can mean, and the part that it is."""
    if text[0] in ".,":
        return (Decimal("0." + text[1:]),), text
    groups = re.split(r"([.,' \u066b])", text)
    parts, marks = groups[0::2], groups[1::2]
    end = next((index for index, part in enumerate(parts) if not part), len(parts))
    parts, marks = parts[:end], marks[: end - 1]
    while marks:
        values = _whole(parts, marks, sign)
        if values:
            return values, "".join(part + mark for part, mark in zip(parts, [*marks, ""], strict=True))
        parts, marks = parts[:-1], marks[:-1]
    return (Decimal(parts[0]),), parts[0]


def _whole(parts: list[str], marks: list[str], sign: DecimalSign | None) -> tuple[Decimal, ...]:
    """Return what all parts together can mean; nothing where no locale writes them so."""
    last = marks[-1]
    if len(set(marks)) == 1:
        grouped = _grouped(parts, marks)
        decimals = len(marks) == 1 and last in ".,\u066b"
        as_decimals = Decimal(f"{parts[0]}.{parts[1]}") if decimals else None
        as_thousands = Decimal("".join(parts)) if grouped and last != "\u066b" else None
        if as_decimals is None or as_thousands is None:
            only = as_thousands if as_decimals is None else as_decimals
            return () if only is None else (only,)
        if sign is None:
            return as_thousands, as_decimals
        return (as_decimals,) if last == sign else (as_thousands,)
    if last in ".,\u066b" and marks.count(last) == 1 and _grouped(parts[:-1], marks[:-1]):
        return (Decimal(f"{''.join(parts[:-1])}.{parts[-1]}"),)
    return ()


def _grouped(parts: list[str], marks: list[str]) -> bool:
    """Tell whether the parts are groups of thousands, or of lakhs and crores, with one sign between them."""
    first, *middle, last = parts
    if len(set(marks)) > 1 or not 1 <= len(first) <= 3 or first[0] == "0" or len(last) != 3:  # noqa: PLR2004
        return False
    by_threes = all(len(part) == 3 for part in middle)  # noqa: PLR2004
    by_twos = marks[0] == "," and len(first) <= 2 and all(len(part) == 2 for part in middle)  # noqa: PLR2004
    return by_threes or by_twos
