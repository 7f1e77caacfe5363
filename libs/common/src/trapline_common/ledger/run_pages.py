"""The pages of a run: stored in chunks, then written as tasks chunk by chunk, so that no lock is held for long.

The list is stored whole before the run opens. A process that dies in the middle leaves an ``opening`` that is begun
anew, or an open run whose other chunks the reap tick writes; a run does not end while a chunk is left.
"""

import uuid
from collections.abc import Callable, Sequence

from trapline_common.config.frozen_run import read_config
from trapline_common.config.held_secrets import SecretOrigins
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.errors import ConfigUnreadableError, InputRefusedError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load

_RUNS = load("runs")

CHUNK = 5_000
"""Pages that one statement writes, under the run's row lock: a few tenths of a second."""

STAGED_AT_ONCE = 50_000
"""Pages that one statement stores."""

LEFT_AFTER = 60.0
"""Seconds after which another process writes a chunk that was stored and not written."""


async def fill(
    database: Database, run_id: RunId, crawl: CrawlConfig, urls: Sequence[str], *, note: str | None = None
) -> int | None:
    """Write all tasks and ``opening -> open``; return how many tasks the run has of ``urls``.

    ``note``: what of its sitemap was left out; the run's row keeps it for people, unless the run ends badly.

    ``None`` when there is nothing to do: the run is open, ended or cancelled already, or an earlier run of the crawl is
    not ended. Two dispatchers may try at once: the run's row lets one pass, and only with its own list, whole. The
    first chunk is written in the transaction that opens the run, the others after it, while the run is worked on.
    """
    pages, batch = list(dict.fromkeys(urls)), uuid.uuid4()
    if crawl.ordered:
        return await _fill_ordered(database, run_id, crawl, list(urls))
    chunks = 0
    for part in _parts(pages, STAGED_AT_ONCE):
        stored = await database.fetch(_RUNS["stage"], run_id, batch, part, CHUNK)
        if not stored:
            return None
        chunks += len(stored)
    async with database.transaction():
        if not await _may_open(database, run_id, crawl):
            return None
        await database.fetch(_RUNS["unstage_others"], run_id, batch)
        if await database.fetchval(_RUNS["staged"], run_id, batch) != chunks:
            return None  # another dispatcher took the opening over, and stored its own list
        await database.fetchval(_RUNS["write_pages"], run_id, batch)
        await database.fetch(_RUNS["opened"], run_id, to_text(note))
    await _write(database, run_id, batch, chunks - 1)
    return len(pages)


async def _fill_ordered(database: Database, run_id: RunId, crawl: CrawlConfig, urls: list[str]) -> int | None:
    await _add_pages(database, crawl.name, urls)
    async with database.transaction():
        if not await _may_open(database, run_id, crawl):
            return None
        if urls:
            await database.fetch(_RUNS["add_ordered_task"], run_id, crawl.lane, crawl.priority, urls[0], urls)
        await database.fetch(_RUNS["opened"], run_id, None)
    return min(len(urls), 1)


async def _may_open(database: Database, run_id: RunId, crawl: CrawlConfig) -> bool:
    """Lock the run's row and say whether the run is to be opened now."""
    row = await database.fetchrow(_RUNS["lock"], run_id)
    if row is None or row["status"] != RunStatus.OPENING or row["cancelling"]:
        return False
    return await database.fetchval(_RUNS["earlier_unended"], crawl.name, run_id) is None


async def enqueue(database: Database, run_id: RunId, urls: Sequence[str]) -> int | None:
    """Add tasks to an open run; return how many tasks that made (unique by run and URL); ``None``: the run is not open.

    All of the pages are stored in one transaction, so that the run can't end before it has them. Of an ordered crawl,
    the pages that the run does not hold yet become one more task, in their order. Raises ``InputRefusedError`` for a
    page of an origin that the secrets in the run's headers and cookies were not written for.
    """
    await _check_origins(database, run_id, urls)
    batch = uuid.uuid4()
    pages = list(dict.fromkeys(urls))
    async with database.transaction():
        row = await database.fetchrow(_RUNS["hold"], run_id)
        if row is None or row["status"] != RunStatus.OPEN or row["cancelling"]:
            return None
        if row["ordered"]:
            return await _add_ordered(database, run_id, urls, row["crawl"], row["lane"], row["priority"])
        for part in _parts(pages, STAGED_AT_ONCE):
            await database.fetch(_RUNS["stage_more"], run_id, batch, part, CHUNK)
        added: int = await database.fetchval(_RUNS["write_pages"], run_id, batch) or 0
    return added + await _write(database, run_id, batch, (len(pages) - 1) // CHUNK)


async def _check_origins(database: Database, run_id: RunId, urls: Sequence[str]) -> None:
    """Raise ``InputRefusedError`` unless each page may get the run's secrets.

    So it does when this release can't read the config: it would not know whom it hands a secret to. The run's own
    pages, which may be many, are read only when its secrets are not for all of the new ones without them.
    """
    for query in ("configs_to_visit", "configs"):
        row = await database.fetchrow(_RUNS[query], [run_id])
        if row is None:
            return
        try:
            config = read_config(row["config"], run_id=run_id)
        except ConfigUnreadableError as error:
            raise InputRefusedError(f"{error}; no page can be added to it") from error
        strange = SecretOrigins(config).refusal(urls)
        if strange is None:
            return
        if query == "configs":
            raise InputRefusedError(strange)


async def _add_ordered(
    database: Database, run_id: RunId, urls: Sequence[str], crawl: str, lane: str, priority: int
) -> int:
    known = {known["url"] for known in await database.fetch(_RUNS["ordered_urls"], run_id)}
    new = [url for url in dict.fromkeys(urls) if url not in known]
    if not new:
        return 0
    await _add_pages(database, crawl, new)
    await database.fetch(_RUNS["add_ordered_task"], run_id, lane, priority, new[0], new)
    return 1


async def write_left(database: Database, *, until: float, clock: Callable[[], float]) -> int:
    """Write chunks that a dead process left, until ``clock`` says ``until``; return how many tasks that made.

    What was never written of runs that have ended since is dropped.
    """
    added = 0
    await database.fetch(_RUNS["unstage_ended"])
    for row in await database.fetch(_RUNS["left_chunks"], LEFT_AFTER):
        while (
            clock() < until and (new := await database.fetchval(_RUNS["write_pages"], row["run_id"], None)) is not None
        ):
            added += new
    return added


async def _write(database: Database, run_id: RunId, batch: uuid.UUID, chunks: int) -> int:
    """Write that many chunks of a batch, or those that are left; return how many tasks that made."""
    added = 0
    for _ in range(chunks):
        new = await database.fetchval(_RUNS["write_pages"], run_id, batch)
        if new is None:
            break
        added += new
    return added


async def _add_pages(database: Database, crawl: str, urls: Sequence[str]) -> None:
    for chunk in _parts(list(urls), CHUNK):
        await database.fetch(_RUNS["add_pages"], crawl, chunk)


def _parts(urls: list[str], size: int) -> list[list[str]]:
    return [urls[start : start + size] for start in range(0, len(urls), size)]
