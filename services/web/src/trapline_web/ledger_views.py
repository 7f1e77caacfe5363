"""Screens of a ledger that can be reached from here, over a few connections that are kept."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.machine_room import is_named
from trapline_common.ledger.views.screens.catalogue import SECONDS, read_screen

_CONNECTIONS = 3
"""At once: a look takes milliseconds, and a database has few connections to give."""

Connect = Callable[[], Awaitable[Database | None]]
"""Opens a connection; ``None``: there is no ledger yet."""


class LedgerViews:
    """Keeps the ``Views`` port. A connection that broke is opened anew by the next look."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._free = asyncio.Semaphore(_CONNECTIONS)
        self._idle: list[Database] = []

    async def read(self, name: str, parameters: Mapping[str, str]) -> Any:
        """Return a screen's model, ``None`` while there is no ledger."""
        return await self._with_connection(lambda database: read_screen(database, name, parameters))

    async def is_named(self, key: str) -> bool:
        """Return whether an observation of the ledger names the artifact."""

        async def named(database: Database) -> bool:
            async with database.snapshot(seconds=SECONDS):
                return await is_named(database, key)

        return bool(await self._with_connection(named))

    async def close(self) -> None:
        """Close every connection."""
        while self._idle:
            await self._idle.pop().close()

    async def _with_connection(self, use: Callable[[Database], Awaitable[Any]]) -> Any:
        async with self._free:
            while self._idle:
                database = self._idle.pop()
                if not database.connection.is_closed():
                    return await self._use(database, use)
            opened = await self._connect()
            return None if opened is None else await self._use(opened, use)

    async def _use(self, database: Database, use: Callable[[Database], Awaitable[Any]]) -> Any:
        try:
            found = await use(database)
        except LedgerUnavailableError:
            await database.close()
            raise
        except asyncio.CancelledError:
            await database.close()
            raise
        except Exception:
            self._idle.append(database)
            raise
        self._idle.append(database)
        return found
