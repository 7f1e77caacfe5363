"""Sending an alert again: what a channel refused, or, where none did, what it took, under the message's own id."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ids import AlertId
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.queries import load

_ACTS = load("acts")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAgain:
    """An alert that is due again."""

    alert_id: AlertId
    """The alert."""
    channels: tuple[str, ...]
    """The channels that it is due to."""
    alerts: int
    """How many alerts their messages tell: a message is repeated whole."""
    already: bool
    """Whether it was due to them anyway: then it is tried now, and waits for no back-off of its own."""


async def send_again(database: Database, alert_id: AlertId, *, acted_by: str) -> SentAgain:
    """Make an alert due again, and with it all that its messages told; the notifier sends them under the same ids.

    To the channels that refused it and those that it waits for, else to those that took it. Harmless twice: what is due
    is tried now. Raises ``InputRefusedError`` when there is no such alert, when it was muted, and when a later one of
    the same page was told in the channel since: what is told of a page is told in the order in which it happened.
    """
    async with database.transaction():
        together = {row["id"]: row for row in await database.fetch(_ACTS["told_with"], alert_id)}
        if alert_id not in together:
            raise InputRefusedError(f"no alert {alert_id}; it may be no longer kept")
        alert = together[alert_id]
        if alert["status"] == "muted":
            why = f": {alert['reason']}" if alert["reason"] else ""
            raise InputRefusedError(f"alert {alert_id} was never to be sent{why}")
        rows = await database.fetch(_ACTS["lock_deliveries"], list(together))
        chosen = _chosen([row for row in rows if row["alert_id"] == alert_id])
        if rows and not chosen:
            raise InputRefusedError(f"alert {alert_id}: its channels are not there any more")
        due = {alert_id}
        for one in chosen:
            due |= await _make_due(database, alert_id, one, rows)
        anew = not rows and alert["status"] != "due"
        await database.fetch(_ACTS["note_again"], list(due), alert_id, to_text(acted_by), anew)
    return SentAgain(
        alert_id=alert_id,
        channels=tuple(row["channel"] for row in chosen),
        alerts=len(due),
        already=alert["status"] == "due" and all(row["status"] == "due" for row in chosen),
    )


def _chosen(rows: Sequence[asyncpg.Record]) -> list[asyncpg.Record]:
    """Return the deliveries to make due: those that were refused and those that wait, else those that were sent."""
    served = [row for row in rows if row["served"]]
    untold = [row for row in served if row["status"] in {"due", "refused"}]
    return untold or [row for row in served if row["status"] == "sent"]


async def _make_due(
    database: Database, alert_id: AlertId, one: asyncpg.Record, rows: Sequence[asyncpg.Record]
) -> set[AlertId]:
    """Make the message of one delivery due, with all that it tells; return its alerts."""
    channel, message = one["channel"], one["message_id"]
    with_it = [row["alert_id"] for row in rows if row["channel"] == channel and row["message_id"] == message]
    alerts = [alert_id] if message is None else with_it
    later = await database.fetchval(_ACTS["told_later"], channel, alerts, message)
    if later is not None:
        raise InputRefusedError(
            f"alert {alert_id}: {channel} was told alert {later} of the same page or crawl since; "
            f"`trapline alert --again {later}` sends that one"
        )
    return {AlertId(row["alert_id"]) for row in await database.fetch(_ACTS["make_due"], channel, alerts)}
