"""Looks at each crawl's sitemap before anything is written, so that a wrong one is refused like a wrong line."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from trapline_common.config.document import parse_document
from trapline_common.config.models import CrawlConfig
from trapline_common.config.problems import Problem, at, refusal
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.egress.fetch import Fetch, Fetched
from trapline_dispatcher.runs.sitemap import parse_sitemap


class FetchOnce:
    """A ``Fetch`` that hands out what ``look`` has fetched, once: a run opened right after need not fetch it again."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._seen: dict[str, Fetched] = {}

    async def __call__(self, url: str) -> Fetched:
        """Return the file; the errors are those of ``Fetch``."""
        return self._seen.pop(url, None) or await self._fetch(url)

    async def look(self, url: str) -> None:
        """Fetch and read a sitemap. Raises ``InputRefusedError`` when it is none, ``TransientError`` for now."""
        found = await self._fetch(url)
        parse_sitemap(found.body, url)
        self._seen[url] = found


async def check_sitemaps(crawls: Iterable[CrawlConfig], fetch: FetchOnce, file: Path) -> None:
    """Raise ``InputRefusedError`` with file, line and field of every sitemap that is none.

    One that can't be fetched just now is no wrong input: its run is opened, and tried again for a while.
    """
    problems: list[Problem] = []
    for crawl in crawls:
        if crawl.sitemap is None:
            continue
        try:
            await fetch.look(crawl.sitemap)
        except InputRefusedError as error:
            text = await asyncio.to_thread(file.read_text, "utf-8-sig")
            lines = parse_document(text, str(file)).lines
            problems.append(at(("crawls", crawl.name, "sitemap"), lines, str(error)))
        except TransientError:
            continue
    if problems:
        raise refusal(str(file), problems)
