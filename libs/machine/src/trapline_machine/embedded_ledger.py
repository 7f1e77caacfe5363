"""Opens the ledger of one machine: the embedded Postgres, or the one that ``DATABASE_URL`` names; migrated."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import TypeVar

from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate
from trapline_machine.embedded_postgres import embedded_postgres

T = TypeVar("T")


def open_ledger(data_dir: Path, database_url: str | None) -> AbstractAsyncContextManager[tuple[str, Database]]:
    """Yield the DSN and one migrated connection; close it, and the embedded Postgres unless others use it, at the end.

    ``database_url`` None (or empty) means the embedded Postgres in ``data_dir``, which is made on first need. Raises
    ``LedgerUnavailableError`` when it can't be reached, ``MigrationError`` when its schema contradicts this release.
    """
    return open_ledger_beside(data_dir, database_url, lambda: None)


@asynccontextmanager
async def open_ledger_beside(
    data_dir: Path, database_url: str | None, beside: Callable[[], object]
) -> AsyncIterator[tuple[str, Database]]:
    """Do as ``open_ledger``, and call ``beside`` while Postgres starts, for what takes time without it: imports."""
    with ExitStack() as stack:
        if database_url:
            dsn = database_url
            beside()
        else:
            postgres = embedded_postgres(data_dir)
            starting = asyncio.get_running_loop().run_in_executor(None, stack.enter_context, postgres)
            try:
                beside()
            finally:
                dsn = await _to_its_end(starting)
        async with await Database.connect(dsn) as database:
            await migrate(database)
            yield dsn, database


async def _to_its_end(starting: "asyncio.Future[T]") -> T:
    """Wait for what a cancellation does not stop: who leaves before would leave a server that nobody stops."""
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait({starting})
        raise
