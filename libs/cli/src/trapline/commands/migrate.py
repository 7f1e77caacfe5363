"""``trapline migrate``: bring the schema up to date; in a deployment its roles and its session key too."""

import asyncio
import os
from contextlib import ExitStack
from pathlib import Path

import typer

from trapline.access.dispatcher import is_deployed
from trapline.access.ledger import connect
from trapline.access.one_machine import embedded_postgres, upgrade_postgres
from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, Json
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline_common.ledger.schema import migrate as migrating
from trapline_common.ledger.schema.migrate import Migration


def migrate(
    postgres_bin: Path | None = typer.Option(
        None,
        "--postgres-bin",
        metavar="DIR",
        file_okay=False,
        help="The programs of the Postgres that made the embedded ledger, where this release does not bring them.",
    ),
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Bring the database's schema up to date. It is safe to run twice, and while services run.

    `trapline crawl` does this by itself. Data of the embedded Postgres that an older major version made are brought up
    first, with pg_upgrade; the old data stay beside the new ones. With --env the command also makes the services' roles
    in Postgres, with their grants, and the session key; `make deploy` calls it before new code takes traffic.

    Exits with 0 when the schema is up to date, 2 when it contradicts this release or the data can't be upgraded, 4 when
    the database can't be reached.

    Examples:

      trapline migrate
      trapline migrate --postgres-bin /usr/lib/postgresql/17/bin
      trapline migrate --env dev
    """
    newest = migrating.migrations()[-1].version
    if is_deployed():
        from trapline.access.deployment.migration import migrate_deployment  # late: boto3 costs 0.4 s of CPU

        done = asyncio.run(migrate_deployment(os.environ))
        applied, more = done.applied, {"roles": done.granted, "session_key": done.session_key}
    else:
        if not database_url:
            kept = upgrade_postgres.load()(data_dir, postgres_bin)
            if kept is not None:
                note(f"the data are upgraded; delete the old ones when all is well: {kept}")
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
