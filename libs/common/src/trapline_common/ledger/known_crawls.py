"""The crawls that there are now: written where a ``crawls.yaml`` is read, so that a status speaks of no others."""

from collections.abc import Iterable

from trapline_common.config.models import CrawlConfig
from trapline_common.ledger.connection import Database, to_json
from trapline_common.ledger.queries import load

_QUERIES = load("known_crawls")


async def take(database: Database, crawls: Iterable[CrawlConfig], *, source: str) -> None:
    """Note the crawls of a file; those that it had before and has no more are gone.

    ``source``: the file. A crawl is of one file at a time: the last that has it.
    """
    rows = [
        {"name": crawl.name, "schedule": crawl.schedule, "timezone": str(crawl.timezone), "enabled": crawl.enabled}
        for crawl in crawls
    ]
    await database.fetch(_QUERIES["take"], source, to_json(rows))


async def forget(database: Database, name: str) -> bool:
    """Note that a crawl is gone for good; ``False`` when no file and no run has one of that name.

    A file that has it brings it back.
    """
    return await database.fetchval(_QUERIES["forget"], name) is not None


async def names(database: Database) -> list[str]:
    """Return every crawl that a file or a run has, or had."""
    return [row["name"] for row in await database.fetch(_QUERIES["names"])]
