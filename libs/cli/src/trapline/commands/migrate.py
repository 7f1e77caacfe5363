"""``trapline migrate``: bring the schema up to date; in a deployment its roles and its session key too."""

import asyncio
import os
from contextlib import ExitStack
from pathlib import Path

from trapline.access.dispatcher import is_deployed
from trapline.access.ledger import connect
from trapline.access.one_machine import embedded_postgres
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json
from trapline.render.json import print_json
from trapline_common.ledger.schema import migrate as migrating
from trapline_common.ledger.schema.migrate import Migration


def migrate(
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Bring the database's schema up to date. It is safe to run twice, and while services run.

    `trapline crawl` does this by itself. With --env the command also makes the services' roles in Postgres, with their
    grants, and the session key; `make deploy` calls it before new code takes traffic.

    Exits with 0 when the schema is up to date, 1 when the database can't be reached or refuses a migration.

    Examples:

      trapline migrate
      trapline migrate --env dev
    """
    newest = migrating.migrations()[-1].version
    if is_deployed():
        from trapline.access.deployment.migration import migrate_deployment  # late: boto3 costs 0.4 s of CPU

        done = asyncio.run(migrate_deployment(os.environ))
        applied, more = done.applied, {"roles": done.granted, "session_key": done.session_key}
    else:
        applied, more = asyncio.run(_migrate(data_dir, database_url)), {}
    if json:
        print_json({"applied": [_name(migration) for migration in applied], "version": newest, **more})
        return
    for migration in applied:
        print(f"applied {_name(migration)}")
    print(f"the schema is at version {newest}" if applied else f"nothing to do: the schema is at version {newest}")
    for name, did in more.items():
        print(f"{name.replace('_', ' ')}: {did}")


def _name(migration: Migration) -> str:
    return f"{migration.version:04}_{migration.name}"


async def _migrate(data_dir: Path, database_url: str | None) -> list[Migration]:
    with ExitStack() as stack:
        if not database_url:
            database_url = stack.enter_context(embedded_postgres.load()(data_dir))
        async with await connect(database_url) as database:
            return await migrating.migrate(database)
