"""The messages that wait for this command's dispatcher and notifier; nudges of other processes come in here too."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from trapline_common.ledger.connection import Database, ledger_errors
from trapline_common.local.nudges import CHANNEL
from trapline_common.platform.logging import get_logger

_log = get_logger("runtime")


class Inbox:
    """Messages for the dispatcher, each once however often it was sent, and a flag for the notifier. A ``Nudger``."""

    def __init__(self) -> None:
        self._messages: dict[str, Mapping[str, Any]] = {}
        self._dispatcher = asyncio.Event()
        self._notifier = asyncio.Event()

    async def nudge(self, service: str, message: Mapping[str, Any]) -> None:
        """Take a nudge from within this process."""
        self.put(service, message)

    def put(self, service: str, message: Mapping[str, Any]) -> None:
        """Keep ``message`` for ``service``; of a drain only that it is due, for it carries nothing."""
        if service == "notifier":
            self._notifier.set()
        elif service == "dispatcher":
            self._messages[json.dumps(message, sort_keys=True, default=str)] = message
            self._dispatcher.set()
        else:
            _log.warning("nudge_dropped", to=service)

    async def for_dispatcher(self, *, within: float) -> list[Mapping[str, Any]]:
        """Return what came, as soon as something does; empty after ``within`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._dispatcher.wait()
        self._dispatcher.clear()
        found, self._messages = list(self._messages.values()), {}
        return found

    async def for_notifier(self, *, within: float) -> None:
        """Return when there is something to send, or after ``within`` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._notifier.wait()
        self._notifier.clear()


async def listen(database: Database, inbox: Inbox) -> None:
    """Put every nudge that comes through Postgres into ``inbox``, for as long as the connection lives."""

    def received(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        try:
            nudge = json.loads(str(payload))
            inbox.put(nudge["service"], nudge["message"])
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("nudge_dropped", reason=f"{type(error).__name__}: {error}")

    with ledger_errors():
        await database.connection.add_listener(CHANNEL, received)
