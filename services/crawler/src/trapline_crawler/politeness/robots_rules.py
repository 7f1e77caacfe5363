"""What one robots.txt says to one robot (RFC 9309), read as Google's parser reads it. Pure.

The file is hostile until proved otherwise: time and memory are linear in its size, because only the groups of this one
robot are kept. (A parser that keeps each group under each name that the group is for takes their product.)
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, urlsplit

EVERY = "*"
"""The name of the group for every robot that has none of its own."""

LONGEST_LINE = 16_664
"""Characters of a line that are read, as Google reads them: eight times the longest URL that was once common."""

LONGEST_NUMBER = 16
"""Characters of a number: no ``Crawl-delay`` needs more."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_URL = re.compile(r"\S+://\S+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEPT = "".join(chr(code) for code in range(0x21, 0x7F))
_AGENT = ("user-agent", "useragent", "user agent")
_ALLOW = ("allow",)
_DISALLOW = ("disallow", "dissallow", "dissalow", "disalow", "diasllow", "disallaw")
_DELAY = ("crawl-delay", "crawldelay", "crawl delay")
"""What keys begin with, with the misspellings that Google's parser takes as well."""
_INDEX = re.compile(r"(.*/)index\.html?[^/]*", re.DOTALL)


class _Rule(NamedTuple):
    """One ``Allow`` or ``Disallow``."""

    size: int
    """Octets of its pattern: the rule with the longest one decides."""
    allow: bool
    """Whether it opens what it matches; of two as long as each other, the one that does decides."""
    parts: tuple[str, ...]
    """What must follow in this order, the first at the beginning; between them stands anything."""
    whole: bool
    """Whether nothing may follow the last part."""

    def matches(self, path: str) -> bool:
        """Say whether ``path`` matches; one pass, however many wildcards there are."""
        first, *middle = self.parts
        if not path.startswith(first):
            return False
        at = len(first)
        last = middle.pop() if middle and self.whole else None
        for part in middle:
            found = path.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        if last is not None:
            return len(path) - at >= len(last) and path.endswith(last)
        return not self.whole or at == len(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotsRules:
    """The rules of a site for one robot."""

    rules: tuple[_Rule, ...] = ()
    """The one that decides first; a path that none matches is allowed."""
    delay: float = 0.0
    """Seconds between two visits, by ``Crawl-delay``; finite, never negative."""

    def allows(self, url: str) -> bool:
        """Say whether the robot may visit ``url``. Takes time in proportion to the number of rules."""
        parts = urlsplit(url)
        path = _escaped(parts.path or "/", wildcards=False)
        if path == "/robots.txt":
            return True
        if parts.query:
            path = f"{path}?{_escaped(parts.query, wildcards=False)}"
        return next((rule.allow for rule in self.rules if rule.matches(path)), True)


def parse_robots(text: str, robot: str) -> RobotsRules:
    """Read ``text`` for ``robot``, a product token such as ``Trapline`` or a whole ``User-Agent``.

    Of a ``User-Agent`` each word counts as a name, the longest that the file has a group for. All groups of that name
    are taken together; a robot without one has those for every robot.
    """
    names = {name.lower() for name in _TOKEN.findall(_URL.sub(" ", robot))}
    reading = _Reading(names | {EVERY})
    for line in text.lstrip("\ufeff").replace("\r", "\n").split("\n"):
        reading.line(line[:LONGEST_LINE])
    own = max((name for name in reading.groups if name != EVERY), key=lambda name: (len(name), name), default=EVERY)
    return RobotsRules(rules=_in_order(reading.rules[own]), delay=reading.delays[own])


class _Reading:
    """One pass over the lines."""

    def __init__(self, names: set[str]) -> None:
        self.groups: set[str] = set()
        self.rules: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
        self.delays: defaultdict[str, float] = defaultdict(float)
        self._names = names
        self._group: set[str] = set()
        self._rules_began = False

    def line(self, line: str) -> None:
        key, value = _key_and_value(line.partition("#")[0])
        if key.startswith(_AGENT):
            self._agent(value)
        elif key.startswith(_ALLOW + _DISALLOW):
            self._rules_began = True
            for name in self._group if value else ():
                self._rule(name, value, allow=key.startswith(_ALLOW))
        elif key.startswith(_DELAY):
            delay = _seconds(value)
            for name in self._group:
                self.delays[name] = max(self.delays[name], delay)

    def _rule(self, name: str, value: str, *, allow: bool) -> None:
        self.rules[name].append((value, allow))
        if allow and (index := _INDEX.fullmatch(value)) is not None:  # who opens it opens its folder's own page
            self.rules[name].append((f"{index[1]}$", True))

    def _agent(self, value: str) -> None:
        if self._rules_began:
            self._group, self._rules_began = set(), False
        token = _TOKEN.match(value)
        name = EVERY if value.split(None, 1)[:1] == [EVERY] else token[0].lower() if token else ""
        if name in self._names:
            self._group.add(name)
            self.groups.add(name)


def _key_and_value(line: str) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    if not colon:  # Google's parser takes a blank for a forgotten colon
        words = line.split()
        return (words[0].lower(), words[1]) if len(words) == 2 else ("", "")  # noqa: PLR2004  (key and value)
    return key.strip().lower(), value.strip()


def _seconds(text: str) -> float:
    try:
        seconds = float(text[:LONGEST_NUMBER])
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


def _in_order(found: Iterable[tuple[str, bool]]) -> tuple[_Rule, ...]:
    """Return each pattern once, the longest first; where one is both opened and closed, it is open."""
    patterns: dict[str, bool] = {}
    for text, allow in found:
        pattern = _escaped(text, wildcards=True)
        patterns[pattern] = patterns.get(pattern, False) or allow
    return tuple(sorted((_rule(pattern, allow) for pattern, allow in patterns.items()), key=_precedence))


def _precedence(rule: _Rule) -> tuple[int, bool]:
    return -rule.size, not rule.allow


def _rule(pattern: str, allow: bool) -> _Rule:
    whole = pattern.endswith("$")
    parts = pattern.removesuffix("$").split(EVERY)
    first, rest = parts[0], [part for part in parts[1:] if part]
    if parts[1:] and not parts[-1]:
        whole = False  # it ends with a wildcard: whatever follows
    return _Rule(size=len(pattern), allow=allow, parts=(first, *rest), whole=whole)


def _escaped(text: str, *, wildcards: bool) -> str:
    """Return a path or a pattern in the one form in which they are compared.

    What needs no escape has none, what needs one has it in capitals, and so has anything beyond ASCII. ``*`` and ``$``
    are escaped but where they are ``wildcards``: the stars of a pattern, and a dollar at its end.
    """
    ascii_only = quote(text, safe=_KEPT, errors="replace")
    plain = _ESCAPE.sub(lambda found: _character(found[1]), ascii_only)
    if not wildcards:
        return plain.replace("*", "%2A").replace("$", "%24")
    return plain[:-1].replace("$", "%24") + plain[-1:]


def _character(digits: str) -> str:
    character = chr(int(digits, 16))
    return character if character in _UNRESERVED else f"%{digits.upper()}"
