"""A schedule's tick whose time placeholder the platform did not expand."""

from collections.abc import Mapping

from trapline_common.ledger.connection import Database
from trapline_common.ledger.runs import this_minute

PLACEHOLDER = "<aws.scheduler.scheduled-time>"


async def expanded(event: object, database: Database, *, allowed: bool) -> object:
    """Replace the placeholder by the database's minute where a setting allows it; elsewhere leave it to be refused."""
    if not allowed or not isinstance(event, Mapping):
        return event
    if event.get("type") == "tick" and event.get("scheduled_for") == PLACEHOLDER:
        return {**event, "scheduled_for": await this_minute(database)}
    return event
