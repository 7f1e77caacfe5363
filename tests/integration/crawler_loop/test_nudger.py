"""Nudges between the processes of one machine, through Postgres."""

import asyncio
import json

from support.races import PATIENCE
from trapline_common.domain.errors import LedgerUnavailableError
from trapline_common.domain.messages import Count
from trapline_common.ledger.connection import Database
from trapline_common.local.nudges import CHANNEL, PostgresNudger


async def test_a_nudge_reaches_its_listener(dsn: str, database: Database) -> None:
    """The listener gets the service's name and the whole message."""
    received: asyncio.Queue[object] = asyncio.Queue()
    await database.connection.add_listener(CHANNEL, lambda *args: received.put_nowait(args[3]))
    message = Count(lane="default", hop=3).event()
    await PostgresNudger(lambda: Database.connect(dsn)).nudge("dispatcher", message)
    message_sent = json.loads(str(await asyncio.wait_for(received.get(), PATIENCE)))
    assert message_sent == {"service": "dispatcher", "message": message}


async def test_a_nudge_without_a_ledger_is_lost_and_not_raised() -> None:
    """Its loss costs a minute; an error would cost the work that is done."""

    async def nowhere() -> Database:
        raise LedgerUnavailableError("Postgres: gone")

    await PostgresNudger(nowhere).nudge("notifier", {})
