"""Whether a text is a CSS selector that the browser takes, without a browser: each slip is known before anything runs.

Source: CSS Selectors 4, section 18 (the grammar), and Chromium's list of pseudo-classes
(third_party/blink/renderer/core/css/css_selector.cc); a test asks the browser about each of them. Pure.
"""

import re
from functools import lru_cache

from trapline_common.config.suggest import did_you_mean

LONGEST_SELECTOR = 4_000
"""Characters. What is longer was written by no person."""
_DEEPEST = 20
"""Selectors within selectors (``:not(:is(...))``); Chromium's own parser allows more, no page needs it."""

_ESCAPE = r"\\(?:[0-9A-Fa-f]{1,6}[ \t\n\f]?|[^\n\f0-9A-Fa-f])"
_START = rf"(?:[A-Za-z_]|[^\x00-\x7f]|{_ESCAPE})"
_PART = rf"(?:[A-Za-z0-9_-]|[^\x00-\x7f]|{_ESCAPE})"
_IDENT = re.compile(rf"(?:--|-?{_START}){_PART}*")
_HASH = re.compile(rf"{_PART}+")
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'", re.DOTALL)
_SPACE = re.compile(r"(?:[ \t\n\r\f]|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)*")
_MATCHER = re.compile(r"[~|^$*]?=")
_NTH = re.compile(r"(?:even|odd|[+-]?[0-9]*n(?:[ \t]*[+-][ \t]*[0-9]+)?|[+-]?[0-9]+)", re.IGNORECASE)
_WORDS = re.compile(r"[^()]+")

_PLAIN_NAMES = """
    active any-link autofill buffering checked default defined disabled empty enabled first-child
    first-of-type focus focus-visible focus-within fullscreen host hover in-range indeterminate invalid
    last-child last-of-type link modal muted only-child only-of-type open optional out-of-range paused
    picture-in-picture placeholder-shown playing popover-open read-only read-write required root scope seeking
    stalled target target-current user-invalid user-valid valid visited
"""
_PLAIN = frozenset(_PLAIN_NAMES.split())
_OF_SELECTORS = frozenset({"is", "not", "where", "has", "host", "host-context", "-webkit-any"})
_NTHS = frozenset({"nth-child", "nth-last-child", "nth-of-type", "nth-last-of-type"})
_NTHS_OF = frozenset({"nth-child", "nth-last-child"})
"""Of these, those that take `of` and a selector."""
_OF_WORDS = frozenset({"lang", "dir", "state"})
_PLAYWRIGHT = frozenset({"has-text", "text", "text-is", "text-matches", "visible", "nth-match"})
"""What the clicks of ``steps`` take besides, as they always did: there it is Playwright that looks for the element."""
_OTHERS = {
    "contains": "jQuery's; CSS can't look for text: use `expect: {contains: ...}`",
    "has-text": "Playwright's; CSS can't look for text: use `expect: {contains: ...}`",
    "text": "Playwright's; CSS can't look for text: use `expect: {contains: ...}`",
    "visible": "Playwright's and jQuery's; hidden elements are passed over anyway",
    "first": "jQuery's; write :first-of-type, or leave it out: `extract` takes the first match",
    "last": "jQuery's; write :last-of-type",
    "eq": "jQuery's; write :nth-of-type(1) for the first one",
}
_ENGINES = re.compile(r"\s*(?:text|xpath|role|id|data-testid|data-test-id|css|internal:[a-z]+)=|.*>>", re.DOTALL)
_XPATH = re.compile(r"\s*(?:\(*\s*\.{0,2}/|\.\.(?![\w-])|(?:ancestor|child|descendant|following|parent|self)[\w-]*::)")


def check_selector(text: str, *, playwright: bool = False) -> str:
    """Return ``text`` as it stands when it is a CSS selector. Raises ``ValueError`` that says what is wrong.

    ``playwright``: take Playwright's pseudo-classes too, such as ``:has-text("Log in")``.
    """
    reason = _fault(text, playwright)
    if reason is not None:
        raise ValueError(reason)
    return text


@lru_cache(maxsize=4096)
def _fault(text: str, playwright: bool) -> str | None:
    shown = text if len(text) <= 80 else text[:79] + "…"  # noqa: PLR2004  (one line)
    if len(text) > LONGEST_SELECTOR:
        return f"a selector of {len(text)} characters; {LONGEST_SELECTOR} are allowed"
    if "${" in text:
        return f"{shown!r}: no secret and no variable may be in a selector, which is stored and shown; write it out"
    if _XPATH.match(text):
        return f"{shown!r} is XPath, which is not read; write a CSS selector, such as #plans .price"
    if _ENGINES.match(text):
        return f"{shown!r} is for another tool (Playwright's engines); write a CSS selector, such as #plans .price"
    try:
        _Parser(text, playwright).whole()
    except _BrokenSelectorError as error:
        return f"{shown!r} is no CSS selector: {error}"
    return None


class _BrokenSelectorError(Exception):
    """What is wrong with a selector, in words that follow a colon."""


class _Parser:
    """One pass over a selector, never back."""

    def __init__(self, text: str, playwright: bool) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._playwright = playwright

    def whole(self) -> None:
        self._list()
        if self._at < len(self._text):
            raise self._unexpected()

    def _list(self, *, relative: bool = False, forgiving: bool = False) -> None:
        if forgiving and not self._peeked_after_space(",") and self._next() == ")":
            return
        while True:
            self._complex(relative=relative)
            if not self._take(","):
                return

    def _complex(self, *, relative: bool) -> None:
        self._skip()
        if relative and self._next() in {">", "+", "~"}:
            self._at += 1
            self._skip()
        self._compound()
        while True:
            spaced = self._skip()
            char = self._next()
            if char in {">", "+", "~"}:
                self._at += 1
                self._skip()
                if self._next() in {"", ",", ")"}:
                    raise _BrokenSelectorError(f"nothing follows the {char!r}")
                self._compound()
            elif spaced and char not in {"", ",", ")"}:
                self._compound()
            else:
                return

    def _compound(self) -> None:
        begun = self._at
        self._type()
        while (char := self._next()) in {"#", ".", "[", ":"}:
            self._at += 1
            if char == "#":
                self._name("#", "an id")
            elif char == ".":
                self._name(".", "a class")
            elif char == "[":
                self._attribute()
            else:
                self._pseudo()
        if self._at == begun:
            raise self._unexpected()

    def _type(self) -> None:
        if self._next() == "|" and not self._text.startswith("||", self._at):
            self._at += 1
            if self._next() != "*" and _IDENT.match(self._text, self._at) is None:
                raise _BrokenSelectorError("the name of an element must follow the '|'")
        if self._next() == "*":
            self._at += 1
            if self._next() == "|" and self._text[self._at + 1 : self._at + 2] not in {"=", "|"}:
                self._at += 1
                if self._next() == "*":
                    self._at += 1
                elif not self._match(_IDENT):
                    raise self._unexpected()
        else:
            self._match(_IDENT)

    def _name(self, sign: str, what: str) -> None:
        if self._match(_IDENT):
            return
        found = _HASH.match(self._text, self._at)
        if found is not None:
            name = "id" if sign == "#" else "class"
            fix = f'[{name}="{found[0]}"]' if name == "id" else f'[class~="{found[0]}"]'
            raise _BrokenSelectorError(f"{what} can't begin like {sign}{found[0]}; write {fix}")
        raise _BrokenSelectorError(f"{what} must follow the {sign!r}")

    def _attribute(self) -> None:
        self._skip()
        if self._next() == "*" and self._text[self._at + 1 : self._at + 2] == "|":
            self._at += 2
        if not self._match(_IDENT):
            raise _BrokenSelectorError("an attribute's name must follow the '['")
        self._skip()
        if self._match(_MATCHER):
            self._skip()
            if not (self._match(_STRING) or self._match(_IDENT)):
                raise _BrokenSelectorError("the value in [...] must be put in quotes")
            if self._skip() and self._next().lower() in {"i", "s"} and self._next():
                self._at += 1
            self._skip()
        if self._next() != "]":
            raise _BrokenSelectorError("a '[' is not closed" if not self._next() else f"{self._rest()} in a '[...]'")
        self._at += 1

    def _pseudo(self) -> None:
        if self._next() == ":":
            raise _BrokenSelectorError(
                "a pseudo-element (::) is no element of the page"
                + ("; an attribute is `selector@attribute`" if self._text.startswith(":attr", self._at) else "")
            )
        found = _IDENT.match(self._text, self._at)
        if found is None:
            raise _BrokenSelectorError("the name of a pseudo-class must follow the ':'")
        self._at = found.end()
        name, called = found[0].lower(), self._next() == "("
        if self._playwright and name in _PLAYWRIGHT:
            if called:
                self._anything()
            return
        if not called:
            if name not in _PLAIN and not name.startswith("-webkit-"):
                raise self._unknown(name)
            return
        if name not in _OF_SELECTORS | _NTHS | _OF_WORDS:
            raise self._unknown(name)
        self._at += 1
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _BrokenSelectorError("nested too deeply")
        self._arguments(name)
        self._depth -= 1
        self._skip()
        if self._next() != ")":
            raise _BrokenSelectorError(
                f"a '(' behind :{name} is not closed" if not self._next() else f"{self._rest()} in :{name}(...)"
            )
        self._at += 1

    def _arguments(self, name: str) -> None:
        self._skip()
        if name in _NTHS:
            if not self._match(_NTH):
                raise _BrokenSelectorError(f":{name}(...) needs a number, even, odd, or a form such as 2n+1")
            if self._skip() and name in _NTHS_OF and self._text.startswith("of", self._at):
                self._at += 2
                self._list()
        elif name in _OF_WORDS:
            if not self._match(_WORDS):
                raise _BrokenSelectorError(f":{name}(...) needs a word")
        else:
            self._list(relative=name == "has", forgiving=name in {"is", "where"})

    def _anything(self) -> None:
        """Pass over a balanced ``(...)``, in which strings may hold anything."""
        depth = 0
        while self._at < len(self._text):
            if self._match(_STRING):
                continue
            char = self._next()
            self._at += 1
            depth += (char == "(") - (char == ")")
            if depth == 0:
                return
        raise _BrokenSelectorError("a '(' is not closed")

    def _unknown(self, name: str) -> _BrokenSelectorError:
        if name in _OTHERS:
            return _BrokenSelectorError(f":{name} is {_OTHERS[name]}")
        hint = did_you_mean(name, _PLAIN | _OF_SELECTORS | _NTHS | _OF_WORDS)
        return _BrokenSelectorError(f"there is no pseudo-class :{name[:40]}; {hint}".rstrip("; "))

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _peeked_after_space(self, char: str) -> bool:
        self._skip()
        return self._next() == char

    def _take(self, char: str) -> bool:
        self._skip()
        if self._next() != char:
            return False
        self._at += 1
        return True

    def _skip(self) -> bool:
        return self._match(_SPACE)

    def _match(self, pattern: re.Pattern[str]) -> bool:
        """Pass over what matches here; say whether that was anything."""
        found = pattern.match(self._text, self._at)
        if found is None or found.end() == self._at:
            return False
        self._at = found.end()
        return True

    def _rest(self) -> str:
        return f"unexpected {self._text[self._at : self._at + 20]!r}"

    def _unexpected(self) -> _BrokenSelectorError:
        if self._at >= len(self._text):
            return _BrokenSelectorError("it ends where an element must be named")
        return _BrokenSelectorError(self._rest())
