"""A crawl's pages: its ``urls``, then what its ``sitemap`` lists. Fetches, so it runs outside any transaction."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from trapline_common.config.held_secrets import SecretOrigins
from trapline_common.config.models import CrawlConfig
from trapline_common.config.patterns import PageFilter
from trapline_common.config.urls import normalise_url
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.egress.fetch import Fetch
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.runs.sitemap import parse_sitemap
from trapline_dispatcher.settings import EXPAND_WITHIN

MAX_DEPTH = 3
"""Index files above the pages. sitemaps.org knows one level; some sites have two."""
MAX_FILES = 2_000
"""Sitemap files read for one run."""
MAX_SEEN = 5_000_000
"""Entries looked at for one run, accepted or not: five times the largest ``limit``."""


async def expand(crawl: CrawlConfig, fetch: Fetch, *, within: float = EXPAND_WITHIN) -> list[str]:
    """Return the crawl's pages: ``urls`` in order, then the sitemap's in order, each once, at most ``limit``.

    It takes ``within`` seconds at most: thousands of files that each come at the last moment would take days.

    What the sitemap lists of other hosts (sitemaps.org forbids it), of an origin that the crawl's secrets are not for,
    or as no valid URL is left out, counted and logged.
    A sitemap is read whole or not at all: no page is lost because one file of an index could not be read.
    Raises ``TransientError`` (try the whole expansion again) and ``InputRefusedError`` (name, file and reason).
    """
    pages: dict[str, None] = dict.fromkeys(crawl.urls[: crawl.limit])
    if crawl.sitemap is None or len(pages) >= crawl.limit:
        return list(pages)
    walk = _Walk(fetch=fetch, root=crawl.sitemap)
    accepted = PageFilter.parse(crawl.include, crawl.exclude)
    origins = SecretOrigins(crawl)
    log = get_logger("dispatcher").bind(crawl=crawl.name, sitemap=crawl.sitemap)
    try:
        async with asyncio.timeout(within):
            async for url in walk.pages():
                if url not in origins:  # its host's other scheme, or where the sitemap was redirected to
                    walk.drop("other_origin", url)
                elif accepted.accepts(url):
                    pages[url] = None
                    if len(pages) >= crawl.limit:
                        log.info("sitemap_limit_reached", limit=crawl.limit)
                        break
    except TimeoutError as error:
        raise TransientError(
            f"crawls.{crawl.name}.sitemap: {crawl.sitemap}: not read within {within:g} s; files so far: "
            f"{len(walk.read)}"
        ) from error
    except InputRefusedError as error:
        raise InputRefusedError(f"crawls.{crawl.name}.sitemap: {error}") from error
    if walk.dropped:
        log.warning("sitemap_entries_dropped", **walk.dropped, examples=walk.examples)
    if not pages:
        raise InputRefusedError(f"crawls.{crawl.name}.sitemap: {crawl.sitemap}: {walk.nothing()}")
    return list(pages)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One walk over a sitemap and, if it is an index, the files it lists, in order and one at a time."""

    fetch: Fetch
    """Fetches one file."""
    root: str
    """The URL of the sitemap that the crawl names."""
    sites: set[tuple[str | None, int | None]] = field(default_factory=set)
    """Hosts and ports whose pages count: the root's own, and the one that it redirected to."""
    read: set[str] = field(default_factory=set)
    """URLs of the files read so far: an index that lists itself ends."""
    seen: int = 0
    """Entries looked at so far, accepted or not."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Entries left out, by reason: ``invalid``, ``other_host``, ``other_origin`` than secrets were written for."""
    examples: list[str] = field(default_factory=list)
    """The first entries left out, cut to 200 characters."""

    async def pages(self) -> AsyncIterator[str]:
        """Yield every page's normalised URL; repeats are possible."""
        waiting = [(self.root, 0)]
        while waiting:
            url, depth = waiting.pop()
            if url in self.read:
                continue
            if len(self.read) >= MAX_FILES:
                raise InputRefusedError(f"{self.root}: more than {MAX_FILES} sitemap files")
            self.read.add(url)
            found = await self.fetch(url)
            if not self.sites:
                self.sites = {_site(url), _site(found.url)}
            # off the event loop: the largest allowed file takes seconds
            sitemap = await asyncio.to_thread(parse_sitemap, found.body, url)
            entries = self._own(sitemap.entries)
            if not sitemap.index:
                for entry in entries:
                    yield entry
            elif depth >= MAX_DEPTH:
                raise InputRefusedError(f"{url}: an index below {MAX_DEPTH} other indexes")
            else:
                waiting.extend((entry, depth + 1) for entry in reversed(entries))

    def _own(self, entries: tuple[str, ...]) -> list[str]:
        self.seen += len(entries)
        if self.seen > MAX_SEEN:
            raise InputRefusedError(f"{self.root}: more than {MAX_SEEN} entries in all")
        own = []
        for entry in entries:
            try:
                url = normalise_url(entry)
            except ValueError:
                self.drop("invalid", entry)
                continue
            if _site(url) in self.sites:
                own.append(url)
            else:
                self.drop("other_host", url)
        return own

    def drop(self, why: str, entry: str) -> None:
        """Count an entry that is left out."""
        self.dropped[why] += 1
        if len(self.examples) < 3:  # noqa: PLR2004  (enough to see what they are)
            self.examples.append(entry[:200])

    def nothing(self) -> str:
        """Return why no page is left."""
        if not self.seen:
            return "lists no pages"
        if self.dropped.total() == self.seen:
            reasons = ", ".join(f"{count} {why.replace('_', ' ')}" for why, count in self.dropped.items())
            return f"lists no page of its own host ({reasons}; such as {self.examples[0]})"
        return f"none of its {self.seen} entries passes `include` and `exclude`"


def _site(url: str) -> tuple[str | None, int | None]:
    """Host and port; http and https on their own ports count as one site."""
    parts = urlsplit(url)
    return parts.hostname, parts.port
