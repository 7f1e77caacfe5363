"""Heartbeats: the invocation tells the ledger that it is alive, and learns what became of it and of its lane."""

import asyncio
from collections.abc import Callable

from trapline_common.ledger import invocations
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Beat, Held
from trapline_crawler.work.ledger_contact import LedgerContact


async def beat(
    database: Database, held: Held, *, every: float, contact: LedgerContact, on_beat: Callable[[Beat], None]
) -> None:
    """Beat every ``every`` seconds until cancelled, and hand each answer on.

    Raises ``LeaseLostError`` when the invocation was taken away.
    """
    while True:
        await asyncio.sleep(every)
        sent_at = contact.now()
        answer = await invocations.heartbeat(database, held)
        contact.reached(sent_at)
        on_beat(answer)
