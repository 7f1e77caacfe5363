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
    """Bring the database's schema up to date. Safe to run twice, and while services run.

    `trapline crawl` does it by itself. With --env it also makes the services' roles in Postgres, with their grants, and
    the session key; `make deploy` calls it before new code takes traffic.

    Examples:

      trapline migrate
      trapline migrate --env dev
    """
    newest = migrating.migrations()[-1].version
    if is_deployed():
        # Late: boto3 takes a quarter of a second to load, and on one machine nobody needs it
        from trapline.access.administer import administer

        done = asyncio.run(administer(os.environ))
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
