"""How commands reach the ledger: readers create and migrate nothing, writers do."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from trapline.access.one_machine import Ledger, open_ledger
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ports import TickSchedule
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrations
from trapline_common.ledger.tick import TICK
from trapline_common.ledger.views.database import schema_version
from trapline_common.ledger.views.runs import RunRow, find_run
from trapline_common.ledger.waking import awake


class SchemaOldError(InputRefusedError):
    """The database's schema is older than this release."""


@asynccontextmanager
async def reading(data_dir: Path, database_url: str | None) -> AsyncIterator[Database | None]:
    """Yield a connection, or ``None`` when there is no ledger yet; a reader never makes one.

    A ledger that ``DATABASE_URL`` names is not migrated either: it may be the production ledger of others. Raises
    ``SchemaOldError`` when its schema is older than this release.
    """
    if not database_url:
        if not _made(data_dir):
            yield None
            return
        async with open_ledger.load()(data_dir, None) as (_, database):
            yield database
        return
    async with await connect(database_url) as database:
        version = await schema_version(database)
        if version is not None and version < migrations()[-1].version:
            raise SchemaOldError("the database's schema is older than this release; run `trapline migrate`")
        yield None if version is None else database


async def connect(database_url: str) -> Database:
    """Connect without migrating. Raises ``LedgerUnavailableError`` in one line that holds no password."""
    return await Database.connect(database_url)


def nothing_yet(data_dir: Path, database_url: str | None) -> str:
    """Return the message for a ledger that does not exist yet, with what to do."""
    where = "the database" if database_url else str(data_dir)
    return f"nothing was crawled yet in {where}; start with `trapline crawl crawls.yaml`"


@asynccontextmanager
async def existing(data_dir: Path, database_url: str | None) -> AsyncIterator[Database]:
    """Yield a connection for reading something that must be there. Raises ``InputRefusedError`` without a ledger."""
    async with reading(data_dir, database_url) as database:
        if database is None:
            raise InputRefusedError(nothing_yet(data_dir, database_url))
        yield database


@asynccontextmanager
async def writing(data_dir: Path, database_url: str | None) -> AsyncIterator[Ledger]:
    """Yield a ledger that exists: the run that a writing command works on is in it.

    In a deployment the minute's tick is awake meanwhile: what is written may be work for it. Raises
    ``InputRefusedError`` when it does not exist, ``TransientError`` when the tick can't be switched on; nothing is made
    or written then.
    """
    if database_url:
        async with existing(data_dir, database_url) as database, awake(database, _tick(os.environ)):
            yield Ledger(dsn=database_url, database=database)
    elif not _made(data_dir):
        raise InputRefusedError(nothing_yet(data_dir, database_url))
    else:
        async with open_ledger.load()(data_dir, None) as (dsn, database):
            yield Ledger(dsn=dsn, database=database)


async def known_run(database: Database, run_id: int) -> RunRow:
    """Return a run. Raises ``InputRefusedError`` when the ledger has no run of that number."""
    run = await find_run(database, run_id)
    if run is None:
        raise InputRefusedError(f"no run {run_id}; see `trapline runs`")
    return run


def _tick(environ: Mapping[str, str]) -> TickSchedule | None:
    """Return the schedule of the tick; ``None``: it never sleeps, or this is no deployment's operator function."""
    path = environ.get(TICK)
    if not path:
        return None
    from trapline.access.tick_schedule import tick_schedule  # late: boto3 costs a command 0.4 s of CPU

    return tick_schedule(path)


def _made(data_dir: Path) -> bool:
    """Return whether there is an embedded Postgres: its marker file, not only a folder."""
    return (data_dir / "postgres" / "PG_VERSION").is_file()
