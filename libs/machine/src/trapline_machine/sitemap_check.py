"""Looks at each crawl's sitemap before anything is written, so that a wrong one is refused like a wrong line."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from trapline_common.config.document import parse_document
from trapline_common.config.models import CrawlConfig
from trapline_common.config.problems import Problem, at, refusal
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.domain.ports import SecretSource
from trapline_common.egress.fetch import NOBODY, Fetch, Fetched, Sender
from trapline_common.egress.http_fetch import HttpFetch
from trapline_common.egress.settings import gate_from_env
from trapline_dispatcher.runs.sitemap import parse_sitemap
from trapline_dispatcher.runs.sitemap_sender import sitemap_sender


class FetchOnce:
    """A ``Fetch`` that hands out what ``look`` has fetched, once: a run opened right after need not fetch it again."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._seen: dict[tuple[str, Sender], Fetched] = {}

    async def __call__(self, url: str, sender: Sender = NOBODY) -> Fetched:
        """Return the file; the errors are those of ``Fetch``."""
        return self._seen.pop((url, sender), None) or await self._fetch(url, sender)

    async def look(self, url: str, sender: Sender) -> None:
        """Fetch and read a sitemap. Raises ``InputRefusedError`` when it is none, ``TransientError`` for now."""
        found = await self._fetch(url, sender)
        await asyncio.to_thread(parse_sitemap, found.body, url)
        self._seen[url, sender] = found


def fetch_once(environ: Mapping[str, str]) -> FetchOnce:
    """Return what fetches through the gate that the environment describes."""
    return FetchOnce(HttpFetch(gate=gate_from_env(environ)))


async def check_sitemaps(
    crawls: Sequence[CrawlConfig], fetch: FetchOnce, secrets: SecretSource, file: Path
) -> dict[str, str]:
    """Return what is wrong with sitemaps that are none, by crawl: file, line, field and reason.

    Raises ``InputRefusedError`` with all of it when no crawl is left that can run; else the others do, and the run of
    each of these ends refused. One that can't be fetched just now is no wrong input: its run is opened, and tried again
    for a while.
    """
    broken: dict[str, str] = {}
    for crawl in crawls:
        if crawl.sitemap is None:
            continue
        try:
            identity = await sitemap_sender(crawl, secrets)
            await fetch.look(crawl.sitemap, identity.sender)
        except InputRefusedError as error:
            broken[crawl.name] = str(error)
        except TransientError:
            continue
    if not broken:
        return {}
    text = await asyncio.to_thread(file.read_text, "utf-8-sig")
    lines = parse_document(text, str(file)).lines
    problems: dict[str, Problem] = {
        name: at(("crawls", name, "sitemap"), lines, reason) for name, reason in broken.items()
    }
    if len(problems) == len(crawls):
        raise refusal(str(file), problems.values())
    return {name: problem.text(str(file)) for name, problem in problems.items()}
