"""A crawl's pages: its ``urls``, then what its ``sitemap`` lists. Fetches, so it runs outside any transaction."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from trapline_common.config.held_secrets import SecretOrigins
from trapline_common.config.models import CrawlConfig
from trapline_common.config.patterns import PageFilter
from trapline_common.config.urls import normalise_url
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.domain.ports import SecretSource
from trapline_common.egress.fetch import Fetch, Fetched
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.runs.left_out import LeftOut
from trapline_dispatcher.runs.sitemap import Sitemap, parse_sitemap
from trapline_dispatcher.runs.sitemap_sender import SitemapSender, sitemap_sender
from trapline_dispatcher.settings import EXPAND_WITHIN

MAX_DEPTH = 3
"""Index files above the pages. sitemaps.org knows one level; some sites have two."""
MAX_FILES = 2_000
"""Sitemap files read for one run; the others are left out."""
MAX_SEEN = 5_000_000
"""Entries looked at for one run, accepted or not: five times the largest ``limit``."""
AGAIN_AFTER = (1.0, 4.0)
"""Seconds before a file of an index that could not be fetched for now is tried again; then it is left out."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BREAKS = re.compile(r"[\t\r\n]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What a run visits."""

    urls: list[str]
    """The pages, each once."""
    left_out: str | None = None
    """What of the sitemap was left out, in one line for a person; ``None``: nothing."""


async def expand(crawl: CrawlConfig, fetch: Fetch, secrets: SecretSource, *, within: float = EXPAND_WITHIN) -> Pages:
    """Return the crawl's pages: ``urls`` in order, then the sitemap's in order, each once, at most ``limit``.

    It takes ``within`` seconds at most: thousands of files that each come at the last moment would take days.

    What the sitemap lists of other hosts (sitemaps.org forbids it), of an origin that the crawl's secrets are not for,
    or as no valid URL is left out and counted; so is a file of an index that can't be read.
    Raises ``TransientError`` (try the whole expansion again) and ``InputRefusedError`` (name, file and reason).
    """
    pages: dict[str, None] = dict.fromkeys(crawl.urls[: crawl.limit])
    if crawl.sitemap is None or len(pages) >= crawl.limit:
        return Pages(urls=list(pages))
    where = f"crawls.{crawl.name}.sitemap"
    walk: _Walk | None = None
    try:
        walk = _Walk(fetch=fetch, root=crawl.sitemap, identity=await sitemap_sender(crawl, secrets))
        async with asyncio.timeout(within):
            await _read(walk, crawl, pages)
    except TimeoutError as error:
        done = "" if walk is None else f"; files so far: {len(walk.read)}"
        raise TransientError(f"{where}: {crawl.sitemap}: not read within {within:g} s{done}") from error
    except InputRefusedError as error:
        raise InputRefusedError(f"{where}: {_without_secrets(str(error), walk)}") from error
    except TransientError as error:
        raise TransientError(_without_secrets(str(error), walk)) from error
    if not pages:
        raise InputRefusedError(f"{where}: {crawl.sitemap}: {walk.nothing()}")
    if walk.left:
        get_logger("dispatcher").warning("sitemap_left_out", crawl=crawl.name, **walk.left.counts)
    return Pages(urls=list(pages), left_out=walk.left.sentence())


def _without_secrets(text: str, walk: "_Walk | None") -> str:
    return text if walk is None else walk.identity.finder.scrub(text)


async def _read(walk: "_Walk", crawl: CrawlConfig, pages: dict[str, None]) -> None:
    """Add what the sitemap lists to ``pages``."""
    accepted, origins = PageFilter.parse(crawl.include, crawl.exclude), SecretOrigins(crawl)
    async for url in walk.pages():
        if url not in origins:  # its host's other scheme, or where the sitemap was redirected to
            walk.left.entry("other origin", url)
        elif not accepted.accepts(url):
            walk.filtered += 1
        elif len(pages) >= crawl.limit and url not in pages:
            walk.left.limit = crawl.limit
            return
        else:
            pages[url] = None


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One walk over a sitemap and, if it is an index, the files it lists, in order and one at a time."""

    fetch: Fetch
    """Fetches one file."""
    root: str
    """The URL of the sitemap that the crawl names."""
    identity: SitemapSender
    """As whom the files are fetched."""
    sites: set[tuple[str | None, int | None]] = field(default_factory=set)
    """Hosts and ports whose pages count: the root's own, and the one that it redirected to."""
    read: set[str] = field(default_factory=set)
    """URLs of the files read so far: an index that lists itself ends."""
    seen: int = 0
    """Entries looked at so far, accepted or not."""
    filtered: int = 0
    """Pages that ``include`` and ``exclude`` keep out, as the crawl wants it."""
    left: LeftOut = field(default_factory=LeftOut)
    """What is left out."""

    async def pages(self) -> AsyncIterator[str]:
        """Yield every page's normalised URL; repeats are possible. What could not be read for now is tried again."""
        waiting = [(self.root, 0)]
        for pause in (*AGAIN_AFTER, None):
            later: list[tuple[str, int]] = []
            while waiting:
                url, depth = waiting.pop()
                try:
                    found = None if self._is_too_much(url) else await self._file(url)
                except (InputRefusedError, TransientError) as error:
                    if url == self.root:
                        raise
                    if isinstance(error, TransientError) and pause is not None:
                        self.read.discard(url)
                        later.append((url, depth))
                    else:
                        self.left.file(url, str(error))
                    continue
                if found is not None:
                    sitemap, base = found
                    for entry in self._own(sitemap.pages, base):
                        yield entry
                    waiting += reversed(self._below(sitemap, base, depth))
            if not later or pause is None:
                return
            await asyncio.sleep(pause)
            waiting = later[::-1]

    def _below(self, sitemap: Sitemap, base: str, depth: int) -> list[tuple[str, int]]:
        """Return the files that an index lists; a robots.txt may name some of any host."""
        files = self._own(sitemap.files, base, any_host=urlsplit(base).path == "/robots.txt")
        if files and depth >= MAX_DEPTH:
            self.left.file(base, f"an index below {MAX_DEPTH} other indexes")
            return []
        return [(file, depth + 1) for file in files]

    def _is_too_much(self, url: str) -> bool:
        if url in self.read:
            return True
        if len(self.read) >= MAX_FILES:
            self.left.file(url, f"more than {MAX_FILES} files")
            return True
        self.read.add(url)
        return False

    async def _file(self, url: str) -> tuple[Sitemap, str]:
        """Return a file and the URL that it was found at."""
        found: Fetched = await self.fetch(url, self.identity.sender)
        if not self.sites:
            self.sites = {_site(url), _site(found.url)}
        # off the event loop: the largest allowed file takes seconds
        sitemap = await asyncio.to_thread(parse_sitemap, found.body, url)
        if sitemap.broken is not None:
            self.left.part(url, sitemap.broken)
        return sitemap, found.url

    def _own(self, entries: Sequence[str], base: str, *, any_host: bool = False) -> list[str]:
        """Return the entries that count, normalised; a relative one is below the file that lists it."""
        self.seen += len(entries)
        if self.seen > MAX_SEEN:
            raise InputRefusedError(f"{self.root}: more than {MAX_SEEN} entries in all")
        own = []
        for entry in entries:
            try:
                url = normalise_url(_absolute(entry, base))
            except ValueError:
                self.left.entry("no valid URL", self.identity.finder.scrub(entry))
                continue
            if self.identity.finder and self.identity.finder.scrub(url) != url:
                self.left.entry("with a secret of the crawl in it", "")
            elif any_host or _site(url) in self.sites:
                own.append(url)
            else:
                self.left.entry("other host", url)
        return own

    def nothing(self) -> str:
        """Return why no page is left."""
        if self.filtered:
            return f"none of its {self.filtered} pages passes `include` and `exclude`"
        said = self.left.sentence()
        return "lists no pages" if said is None else f"lists no page of its own host that can be visited: {said}"


def _absolute(entry: str, base: str) -> str:
    """Return an entry as a URL: many leave the host out, or the scheme, or break the line."""
    text = _BREAKS.sub("", entry).strip()
    if not text or (_SCHEME.match(text) and not re.match(r"[\w.-]+:\d", text)):
        return text
    split = urlsplit(base)
    if text.partition("/")[0].lower() == split.netloc.lower():
        return f"{split.scheme}://{text}"
    return urljoin(base, text)


def _site(url: str) -> tuple[str | None, int | None]:
    """Host and port; http and https on their own ports count as one site."""
    parts = urlsplit(url)
    return parts.hostname, parts.port
