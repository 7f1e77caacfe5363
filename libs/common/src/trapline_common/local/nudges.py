"""Nudges on one machine: Postgres carries them, so that no other channel between processes is needed."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.queries import load
from trapline_common.platform.logging import get_logger

CHANNEL = "trapline_nudge"
"""``LISTEN`` on it; each payload is ``{"service": ..., "message": {...}}``."""

_NUDGES = load("nudges")
_log = get_logger("local")


class PostgresNudger:
    """A ``Nudger`` over ``pg_notify``. It logs an error and goes on: a nudge may be lost."""

    __slots__ = ("_connect",)

    def __init__(self, connect: Callable[[], Awaitable[Database]]) -> None:
        self._connect = connect

    async def nudge(self, service: str, message: Mapping[str, Any]) -> None:
        """Send ``message`` to ``service``."""
        try:
            async with await self._connect() as database:
                await database.fetch(_NUDGES["notify"], CHANNEL, json.dumps({"service": service, "message": message}))
        except LedgerUnavailableError as error:
            _log.warning("nudge_lost", to=service, reason=str(error))
