"""The dispatcher wakes the notifier when what it did caused an alert."""

from trapline_common.domain.messages import Drain
from trapline_common.ledger import outbox
from trapline_common.ledger.connection import Database
from trapline_dispatcher.services import Services


async def nudge_notifier(services: Services, database: Database) -> None:
    """Nudge the notifier if an alert is due; a nudge that is lost costs a minute, for the next reap sends another."""
    if await outbox.any_due(database):
        await services.nudger.nudge("notifier", Drain().event())
