"""URL patterns: ``include`` and ``exclude`` of a sitemap's pages, ``url`` of a ``logged_in_check``.

``*`` stands for any run of characters, slashes too; nothing else is special. A pattern that begins with ``http://`` or
``https://`` is compared with the whole URL, any other with the path; one that holds ``?`` with path and query, one that
holds ``#`` with the route in the fragment too. Without ``#`` a pattern says nothing of routes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from trapline_common.config.urls import normalise_fragment, normalise_path, normalise_query, normalise_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One pattern in the normal form of URLs, cut at its stars."""

    parts: tuple[str, ...]
    """What stands between the stars, in order; one part when there is no star."""
    whole_url: bool
    """Compared with the URL from its scheme on, else with its path."""
    with_query: bool
    """A path is compared together with its query."""
    with_route: bool
    """The route in the fragment is compared too; a path then always together with its query."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern. Raises ``ValueError`` when it is not Unicode."""
        text, hash_sign, route = text.partition("#")
        scheme, separator, rest = text.partition("://")
        whole = bool(separator) and scheme in {"http", "https"}
        host, slash, path = rest.partition("/") if whole else ("", "", text)
        path, question, query = path.partition("?")
        text = _origin(scheme, host) if whole else ""
        text += _path(slash + path) if slash or not whole else ""
        text += f"?{normalise_query(query)}" if question else ""
        text += f"#{normalise_fragment(route)}" if hash_sign else ""
        parts = tuple(text.split("*"))
        return cls(parts=parts, whole_url=whole, with_query=bool(question), with_route=bool(hash_sign))

    def matches(self, url: str) -> bool:
        """Tell whether a normalised URL matches; the time is linear in its length for every pattern."""
        url, hash_sign, route = url.partition("#")
        route = hash_sign + route if self.with_route else ""
        if self.whole_url:
            return _glob(self.parts, url + route)
        split = urlsplit(url)
        query = f"?{split.query}" if self.with_query or (self.with_route and split.query) else ""
        return _glob(self.parts, split.path + query + route)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFilter:
    """No ``include`` means every page; ``exclude`` wins over ``include``."""

    include: tuple[Pattern, ...]
    """One of these must match; empty: none needs to."""
    exclude: tuple[Pattern, ...]
    """None of these may match."""

    @classmethod
    def parse(cls, include: Iterable[str], exclude: Iterable[str]) -> Self:
        """Read both lists. Raises ``ValueError`` when a pattern is not Unicode."""
        return cls(include=tuple(map(Pattern.parse, include)), exclude=tuple(map(Pattern.parse, exclude)))

    def accepts(self, url: str) -> bool:
        """Tell whether a normalised URL belongs to the crawl."""
        wanted = not self.include or any(pattern.matches(url) for pattern in self.include)
        return wanted and not any(pattern.matches(url) for pattern in self.exclude)


def _origin(scheme: str, host: str) -> str:
    try:
        return normalise_url(f"{scheme}://{host}/").removesuffix("/")
    except ValueError:
        # a host with a star in it is no host; it is compared as it stands
        return f"{scheme}://{host.lower()}"


def _path(path: str) -> str:
    return normalise_path(path) if path.startswith("/") else normalise_path(f"/{path}")[1:]


def _glob(parts: tuple[str, ...], text: str) -> bool:
    first, *rest = parts
    if not rest:
        return text == first
    *middle, last = rest
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
