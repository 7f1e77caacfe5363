"""The end of a command: it sends what is left in the outbox."""

import asyncio

from trapline_common.domain.errors import LedgerUnavailableError, TransientError
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.status import alert_counts
from trapline_common.ledger.views.together import read_alone
from trapline_common.platform.text import counted
from trapline_machine.machine import Machine
from trapline_machine.progress import ProgressDisplay

LAST_ALERTS_WITHIN = 10.0
"""Seconds that the end of the command waits for a channel that names such a time; the next command sends the rest."""


async def send_last_alerts(machine: Machine, database: Database, display: ProgressDisplay) -> None:
    """Send what is due, and say what could not be. Raises ``LedgerUnavailableError``."""
    try:
        await _drain_patiently(machine)
    except LedgerUnavailableError:
        raise
    except TransientError as error:
        waiting = counted((await read_alone(database, alert_counts())).due, "alert waits", "alerts wait")
        display.line(f"{waiting}, the next command sends them: {error}")


async def _drain_patiently(machine: Machine) -> None:
    """Send what is left; wait some seconds for a channel that wants to be left alone for as long. Raises as a drain."""
    try:
        await machine.drain()
    except LedgerUnavailableError:
        raise
    except TransientError as error:
        if error.again_after is None or error.again_after > LAST_ALERTS_WITHIN:
            raise
        await asyncio.sleep(error.again_after + 0.2)
        await machine.drain()
