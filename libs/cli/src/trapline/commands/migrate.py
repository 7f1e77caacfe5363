"""``trapline migrate``: bring the schema up to date."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

from trapline.commands.access import connect
from trapline.commands.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json
from trapline.embedded import embedded_postgres
from trapline.output_json import print_json
from trapline_common.store import migrate as migrating
from trapline_common.store.migrate import Migration


def migrate(
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Bring the database's schema up to date. Safe to run twice, and while services run.

    `trapline crawl` does it by itself; run it before you deploy a new release on AWS.

    Examples:

      trapline migrate
      DATABASE_URL=postgresql://ledger.example/trapline trapline migrate
    """
    applied = asyncio.run(_migrate(data_dir, database_url))
    newest = migrating.migrations()[-1].version
    if json:
        print_json({"applied": [_name(migration) for migration in applied], "version": newest})
        return
    for migration in applied:
        print(f"applied {_name(migration)}")
    print(f"the schema is at version {newest}" if applied else f"nothing to do: the schema is at version {newest}")


def _name(migration: Migration) -> str:
    return f"{migration.version:04}_{migration.name}"


async def _migrate(data_dir: Path, database_url: str | None) -> list[Migration]:
    with ExitStack() as stack:
        dsn = database_url or stack.enter_context(embedded_postgres(data_dir))
        async with await connect(dsn) as database:
            return await migrating.migrate(database)
