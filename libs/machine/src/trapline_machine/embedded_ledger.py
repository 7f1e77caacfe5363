"""Opens the ledger of one machine: the embedded Postgres, or the one that ``DATABASE_URL`` names; migrated."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate
from trapline_machine.embedded_postgres import embedded_postgres


@asynccontextmanager
async def open_ledger(data_dir: Path, database_url: str | None) -> AsyncIterator[tuple[str, Database]]:
    """Yield the DSN and one migrated connection; close it, and the embedded Postgres unless others use it, at the end.

    ``database_url`` None (or empty) means the embedded Postgres in ``data_dir``, which is made on first need. Raises
    ``LedgerUnavailableError`` when it can't be reached, ``MigrationError`` when its schema contradicts this release.
    """
    with ExitStack() as stack:
        dsn = database_url or stack.enter_context(embedded_postgres(data_dir))
        async with await Database.connect(dsn) as database:
            await migrate(database)
            yield dsn, database
