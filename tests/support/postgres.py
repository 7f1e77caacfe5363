"""A real Postgres for the tests: one embedded server per session, one database per test, cloned from a template."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.grants import apply_grants
from trapline_common.ledger.schema.migrate import migrate
from trapline_machine import postgres_server
from trapline_machine.embedded_postgres import embedded_postgres
from trapline_machine.postgres_programs import ServerUser, packaged

TEMPLATE = "trapline_template"


def with_database(dsn: str, name: str) -> str:
    """Return ``dsn`` with another database name."""
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(path=f"/{name}"))


def as_role(dsn: str, role: str) -> str:
    """Return ``dsn`` with ``role`` logging in: the embedded server listens on a socket only and asks no password."""
    parts = urlsplit(dsn)
    where = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}@{where}"))


def serve(data: Path) -> Iterator[str]:
    """Run an embedded Postgres in ``data``, with the migrated schema in its template; yield its DSN; stop it."""
    with embedded_postgres(data) as dsn:
        asyncio.run(_prepare(dsn))
        yield dsn


@contextmanager
def postgres_16(data: Path) -> Iterator[postgres_server.Server]:
    """Run a Postgres 16, which the wheel of the embedded one carries besides 18, on new data in ``data``."""
    with postgres_of(16, data) as server:
        yield server


@contextmanager
def postgres_of(major: int, data: Path, *, hba: Sequence[str] = ()) -> Iterator[postgres_server.Server]:
    """Run a Postgres of a version that the wheel carries on new data in ``data``; ``hba``: first lines of its rules."""
    programs, user = packaged(major), ServerUser.of(data)
    assert programs is not None
    data.mkdir()
    user.own(data)
    user.reach_programs(programs)
    user.run(programs / "initdb", ["-D", str(data), "-U", "postgres", "--auth=trust", "--encoding=UTF8"])
    rules = data / "pg_hba.conf"
    rules.write_text("".join(f"{line}\n" for line in hba) + rules.read_text())
    try:
        yield postgres_server.start(data, programs, user)
    finally:
        postgres_server.stop(data)


async def _prepare(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        # What fsync guards against is the machine's loss of power; killed processes lose nothing without it.
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            await connection.execute(f"ALTER SYSTEM SET {setting} = off")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    finally:
        await connection.close()
    async with await Database.connect(with_database(dsn, TEMPLATE)) as database:
        await migrate(database)
        await apply_grants(database)


@asynccontextmanager
async def fresh_database(server: str, *, template: str = TEMPLATE) -> AsyncIterator[str]:
    """Clone the template; yield the clone's DSN; drop it."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield with_database(server, name)
        finally:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()
