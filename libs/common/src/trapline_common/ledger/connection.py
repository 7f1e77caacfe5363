"""One connection to the ledger, shared by the coroutines of one process, with asyncpg's errors mapped to our own."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

from trapline_common.domain.errors import InputRefusedError, LeaseLostError, LedgerUnavailableError
from trapline_common.domain.storable_text import storable
from trapline_common.ledger.address import read_address
from trapline_common.ledger.queries import Query


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one connection waits; all in seconds.

    Our transactions wait for nothing but the ledger. One that lies idle belongs to a client that stopped or can't be
    reached, and it may hold the lane's lock: without a limit the whole lane would wait for as long as TCP keeps the
    connection, two hours by default.
    """

    connect: float = 15.0
    """A new connection. An RDS failover takes longer; then the platform retries the event."""
    command: float = 60.0
    """One statement; the longest, opening a run of 100,000 pages, takes a few."""
    in_transaction: float = 15.0
    """How long the server lets a transaction lie idle."""
    unreachable: float = 30.0
    """How long the server's TCP believes in a client that answers nothing."""
    transaction: float = 120.0
    """How long a transaction may take in all, from Postgres 17. The server counts one as idle only between
    statements, and asyncpg sends a statement in two messages: this alone ends the transaction of a client that is
    lost between the two."""

    def settings(self) -> dict[str, str]:
        """Return the session settings that make the server give up on a client. The TCP ones do nothing on a socket."""
        third = max(1, round(self.unreachable / 3))
        return {
            "idle_in_transaction_session_timeout": f"{self.in_transaction * 1000:.0f}",
            "tcp_keepalives_idle": f"{third}",
            "tcp_keepalives_interval": f"{third}",
            "tcp_keepalives_count": "2",
            "tcp_user_timeout": f"{self.unreachable * 1000:.0f}",
        }

    def session(self, version: int) -> str:
        """Return the statements that set a session up on a server of that major version: one round trip."""
        settings = {**SESSION, **self.settings(), **({"transaction_timeout": "0"} if version >= TIMED else {})}
        return "; ".join(f"SET {name} = '{value}'" for name, value in settings.items())

    def begin(self, version: int) -> str:
        """Return what begins a transaction on a server of that major version."""
        limit = f"; SET LOCAL transaction_timeout = {self.transaction * 1000:.0f}" if version >= TIMED else ""
        return BEGIN + limit


DEFAULT_PATIENCE = Patience()
BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
"""The level by its name, also here: a pooler may hand out a session that another program has set up."""
SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
"""For readers of several statements that must agree with one another."""
SESSION = {
    # What waits for a lock must see, when it has it, what the last holder committed.
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    # An accepted result survives a crash; what may be lost says so in its own statement.
    "synchronous_commit": "on",
    # The connection's own patience ends a statement; a limit from elsewhere would end an opening, or a migration.
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_session_timeout": "0",
    # Postgres' own schema is then searched first: no function of another program hides one that our SQL calls.
    "search_path": "public",
    "row_security": "on",
    # How the server writes values as text, within jsonb too.
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    # Costs more than it saves in statements as short as ours.
    "jit": "off",
}
"""What each session sets for itself, whatever ALTER DATABASE, ALTER ROLE or the server's file say. By SET, after the
connection is there, and not as parameters of its start, which PgBouncer refuses or drops."""
TIMED = 17
"""The first version of Postgres that knows ``transaction_timeout``."""

ROLLBACK_TIMEOUT = 5.0
"""Seconds. Then the connection is cut, which makes the server roll back."""

_NUL = re.compile(r"\\\\|\\u0000")
"""In JSON text: an escaped backslash, to step over it, or an escaped NUL."""

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
"""Made once: ``json.dumps`` with these options makes an encoder for every call."""

_SURROGATE = re.compile("[\ud800-\udfff]")

_UNAVAILABLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server ended the connection while it was idle
    asyncpg.PostgresConnectionError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process was stopped, or out of reach, inside a transaction
    asyncpg.TransactionTimeoutError,
    asyncpg.OperatorInterventionError,  # admin shutdown, crash shutdown, cannot connect now
    asyncpg.InsufficientResourcesError,  # too many connections, out of memory, disk full
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby: after a failover the name still leads to the old server
)


def refuses_log_in(error: LedgerUnavailableError) -> bool:
    """Return whether Postgres answered and refused the user or the password, so that another way in may be open."""
    return isinstance(error.__cause__, asyncpg.InvalidAuthorizationSpecificationError)


_OF_ANOTHER_SESSION = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)
"""Postgres knows a prepared statement that this session has not made, or does not know one that it has."""
_UNSTORABLE = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)


@contextmanager
def ledger_errors() -> Iterator[None]:
    """Translate asyncpg's errors: what may work later becomes ``LedgerUnavailableError``, the rest stays as it is.

    A pooler that takes our session away between two transactions raises ``InputRefusedError``: no attempt can help.
    A value that no Postgres can hold (NUL, half of a surrogate pair, a number out of range) and that no check before
    has found raises ``InputRefusedError``.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate == "TL001":
            raise LeaseLostError(str(error)) from error
        if isinstance(error, _OF_ANOTHER_SESSION):
            raise InputRefusedError(
                "DATABASE_URL leads to a pooler that gives each transaction another session, such as PgBouncer with "
                "pool_mode=transaction; name Postgres itself, or a pool with pool_mode=session"
            ) from error
        if isinstance(error, _UNSTORABLE) or isinstance(error.__cause__, UnicodeEncodeError | OverflowError):
            raise InputRefusedError(f"a value that the ledger can't hold: {str(error)!a}") from error
        if isinstance(error, _UNAVAILABLE):
            raise LedgerUnavailableError(f"Postgres: {error}") from error
        raise
    except _UNAVAILABLE as error:
        if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
            raise  # a malformed DSN: another attempt can't help
        raise LedgerUnavailableError(f"Postgres: {type(error).__name__}: {error}") from error


class Database:
    """One asyncpg connection behind a lock: the coroutines of a process take turns, one statement or transaction each.

    One connection per invocation, closed at its end: a frozen Lambda environment must hold none.
    """

    __slots__ = ("_begin", "_connection", "_lock", "_owner")

    def __init__(self, connection: "asyncpg.Connection[Any]", *, begin: str = BEGIN) -> None:
        self._connection = connection
        self._begin = begin
        self._lock = asyncio.Lock()
        self._owner: asyncio.Task[Any] | None = None

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        application: str = "trapline",
        patience: Patience = DEFAULT_PATIENCE,
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """Connect to an address of any form that libpq takes.

        Raises ``LedgerUnavailableError`` when Postgres can't be reached, or refuses us.
        A refused password counts as the former: while a secret is rotated, the next attempt may succeed. A malformed
        DSN raises ``InputRefusedError``.
        """
        address = read_address(dsn, environ)
        try:
            with ledger_errors():
                connection = await asyncpg.connect(
                    address.dsn,
                    ssl=address.tls,
                    timeout=address.timeout or patience.connect,
                    command_timeout=patience.command,
                    server_settings={"application_name": address.application or application},
                )
                version = connection.get_server_version().major
                try:
                    await connection.execute(patience.session(version), timeout=patience.connect)
                except BaseException:
                    connection.terminate()
                    raise
        except asyncpg.exceptions.ClientConfigurationError as error:
            raise InputRefusedError(f"DATABASE_URL: {error}") from error
        except asyncpg.PostgresError as error:
            raise LedgerUnavailableError(f"Postgres: {error}") from error
        return cls(connection, begin=patience.begin(version))

    @property
    def connection(self) -> "asyncpg.Connection[Any]":
        """The connection itself, for LISTEN and for the migrations."""
        return self._connection

    async def close(self) -> None:
        """Close, and cut the connection when the server does not confirm that within 5 s."""
        try:
            await self._connection.close(timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._connection.terminate()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self, *, bounded: bool = True) -> AsyncIterator[None]:
        """Hold the connection for one READ COMMITTED transaction; statements of this coroutine join it.

        However the block ends, by an error or a cancellation at any await, the connection is outside any transaction
        afterwards. Only a cancellation during COMMIT leaves it unknown whether the server committed. Does not nest.
        Without ``bounded`` the server sets no limit to its time.
        """
        if self._is_ours():
            raise RuntimeError("this coroutine is in a transaction already")
        async with self._lock:
            self._owner = asyncio.current_task()
            try:
                with ledger_errors():
                    await self._connection.execute(self._begin if bounded else BEGIN)
                yield
                with ledger_errors():
                    await self._connection.execute("COMMIT")
            except BaseException:
                await self._roll_back()
                raise
            finally:
                self._owner = None

    @asynccontextmanager
    async def snapshot(self, *, seconds: float) -> AsyncIterator[None]:
        """Hold the connection for one READ ONLY transaction that sees one moment; no statement takes longer.

        A statement of this coroutine that takes more than ``seconds`` raises ``LedgerUnavailableError``, and what would
        write raises too. Does not nest.
        """
        if self._is_ours():
            raise RuntimeError("this coroutine is in a transaction already")
        async with self._lock:
            self._owner = asyncio.current_task()
            try:
                with ledger_errors():
                    await self._connection.execute(f"{SNAPSHOT}; SET LOCAL statement_timeout = {seconds * 1000:.0f}")
                yield
            finally:
                await self._roll_back()
                self._owner = None

    async def _roll_back(self) -> None:
        """Leave the transaction, if there is one; a second cancellation must not stop this and is passed on after it.

        asyncpg's own transactions do not survive a cancelled BEGIN or ROLLBACK: the connection stays in limbo.
        """
        rolling = asyncio.create_task(self._connection.execute("ROLLBACK", timeout=ROLLBACK_TIMEOUT))
        cancelled: asyncio.CancelledError | None = None
        while not rolling.done():
            try:
                await asyncio.wait({rolling})
            except asyncio.CancelledError as error:
                cancelled = error
        if rolling.cancelled() or rolling.exception() is not None:
            self._connection.terminate()  # the caller's own error says what happened; the server rolls back
        if cancelled is not None:
            raise cancelled

    def _is_ours(self) -> bool:
        return self._owner is not None and self._owner is asyncio.current_task()

    async def fetch(self, query: Query, *args: object) -> list[asyncpg.Record]:
        """Return every row."""
        async with self._turn():
            return list(await self._connection.fetch(query.sql, *args))

    async def fetchrow(self, query: Query, *args: object) -> asyncpg.Record | None:
        """Return the first row, or ``None``."""
        async with self._turn():
            return await self._connection.fetchrow(query.sql, *args)

    async def fetchval(self, query: Query, *args: object) -> Any:
        """Return the first column of the first row, or ``None``."""
        async with self._turn():
            return await self._connection.fetchval(query.sql, *args)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._is_ours():
            with ledger_errors():
                yield
            return
        async with self._lock:
            try:
                with ledger_errors():
                    yield
            except LedgerUnavailableError as error:
                if isinstance(error.__cause__, TimeoutError):
                    # The server may be out of reach: the next statement must not wait as long again.
                    self._connection.terminate()
                raise


def to_json(value: object) -> str:
    """Encode for a ``jsonb`` parameter. NUL and lone surrogates, which Postgres refuses, become U+FFFD."""
    text = _encode(value)
    if "\\u0000" in text:
        text = _NUL.sub(lambda found: found[0] if found[0] == "\\\\" else "\ufffd", text)
    return _SURROGATE.sub("\ufffd", text)


def to_text(value: str | None) -> str | None:
    """Encode for a ``text`` parameter. NUL and lone surrogates, which Postgres refuses, become U+FFFD."""
    if value is None:
        return None
    return storable(value)
