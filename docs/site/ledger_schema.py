"""``make schema``: write ``schema.sql``, the ledger's schema as the migrations leave it, from an embedded Postgres."""

import asyncio
import tempfile
from pathlib import Path

from docs.site.catalogue import read_catalogue, schema_sql, without_comment
from tools.shell import ROOT, ToolError, main_guard, say
from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate, migrations
from trapline_machine.embedded_postgres import embedded_postgres

SCHEMA = Path("libs/common/src/trapline_common/ledger/schema/schema.sql")
"""The file, from the workspace's root."""
COMMENTS = SCHEMA.with_name("comments.sql")
"""Where its words come from."""


async def schema_text(database: Database) -> str:
    """Return ``schema.sql`` as a migrated database says it.

    Raises ``ToolError`` when ``comments.sql`` says nothing of a type, table, column or function.
    """
    found = await read_catalogue(database.connection)
    if bare := without_comment(found):
        raise ToolError(f"{COMMENTS} has no line for: {', '.join(bare)}")
    newest = migrations()[-1]
    return schema_sql(
        found,
        header="The ledger's schema: what a database looks like after every migration.\n"
        f"`make schema` wrote this file, after {newest.version:04}_{newest.name}. It is for reading, and a test "
        "compares it with what the migrations make: change a migration or comments.sql and run `make schema` again. "
        "What each role may do stands in grants.sql.",
    )


async def _migrated(dsn: str) -> str:
    async with await Database.connect(dsn) as database:
        await migrate(database)
        return await schema_text(database)


def main() -> int:
    """Write the file."""
    with tempfile.TemporaryDirectory(prefix="trapline-schema-") as folder, embedded_postgres(Path(folder)) as dsn:
        (ROOT / SCHEMA).write_text(asyncio.run(_migrated(dsn)), "utf-8")
    say(f"wrote {SCHEMA}")
    return 0


if __name__ == "__main__":
    main_guard(main)
