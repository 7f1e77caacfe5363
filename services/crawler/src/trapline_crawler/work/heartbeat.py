"""Heartbeats: the invocation tells the ledger that it is alive, and learns that it was taken away."""

import asyncio

from trapline_common.ledger import invocations
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held


async def beat(database: Database, held: Held, *, every: float) -> None:
    """Beat every ``every`` seconds until cancelled. Raises ``LeaseLostError`` when the invocation was taken away."""
    while True:
        await asyncio.sleep(every)
        await invocations.heartbeat(database, held)
