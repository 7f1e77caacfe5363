"""A schedule's tick whose time placeholder the platform did not expand."""

from collections.abc import Mapping
from typing import Any

from trapline_common.store.database import Database
from trapline_common.store.runs import this_minute

PLACEHOLDER = "<aws.scheduler.scheduled-time>"


async def expanded(event: Mapping[str, Any], database: Database, *, allowed: bool) -> Mapping[str, Any]:
    """Put the database's minute in the placeholder's place, where a setting allows it; elsewhere leave it to be refused."""
    if allowed and event.get("type") == "tick" and event.get("scheduled_for") == PLACEHOLDER:
        return {**event, "scheduled_for": await this_minute(database)}
    return event
