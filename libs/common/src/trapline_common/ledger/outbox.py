"""The outbox: alerts are added in the transaction of their cause, claimed without a lock held, and marked."""

import json
from collections.abc import Sequence

from trapline_common.alerts.page_state import AlertDraft
from trapline_common.domain.ids import AlertId, RunId
from trapline_common.domain.ports import AlertRow
from trapline_common.ledger.connection import Database, to_json, to_text
from trapline_common.ledger.queries import load

_ALERTS = load("alerts")

TEST = "test"
"""The kind of an alert that a person sends to check that alerts arrive."""


async def add_alert(database: Database, draft: AlertDraft, *, crawl: str, run_id: RunId | None) -> None:
    """Write an alert that belongs to a run; a run's second summary is dropped by the unique index."""
    await database.fetch(
        _ALERTS["add"], draft.kind, crawl, run_id, None, list(draft.to), to_json(draft.payload), draft.muted
    )


async def any_due(database: Database) -> bool:
    """Say whether an alert waits that no notifier has claimed."""
    return bool(await database.fetchval(_ALERTS["due"]))


async def add_test(database: Database) -> AlertId:
    """Write a test alert, which belongs to no run; return its id."""
    found: int = await database.fetchval(_ALERTS["add"], TEST, "trapline", None, None, [], "{}", False)
    return AlertId(found)


async def outcome(database: Database, alert_id: AlertId) -> tuple[str, str | None]:
    """Return an alert's status and why it was refused, if it was. Raises ``KeyError`` when there is no such alert."""
    row = await database.fetchrow(_ALERTS["outcome"], alert_id)
    if row is None:
        raise KeyError(alert_id)
    return row["status"], row["reason"]


class PostgresOutbox:
    """The notifier's view of the ledger."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, limit: int, hold_seconds: float) -> list[AlertRow]:
        """Take up to ``limit`` due alerts, oldest first, and hide them from other notifiers for ``hold_seconds``.

        Keeps guarantee 5: an alert whose notifier died is handed out again when the time is over.
        """
        rows = await self._database.fetch(_ALERTS["claim"], limit, hold_seconds)
        found = [
            AlertRow(
                id=AlertId(row["id"]),
                kind=row["kind"],
                crawl=row["crawl"],
                run_id=row["run_id"],
                payload=json.loads(row["payload"]),
                to=tuple(row["recipients"]),
                created_at=row["created_at"],
                attempts=row["attempts"],
            )
            for row in rows
        ]
        return sorted(found, key=lambda alert: alert.id)

    async def mark_sent(self, ids: Sequence[AlertId], message_id: str) -> None:
        """``due -> sent``: the topic accepted them."""
        await self._database.fetch(_ALERTS["mark_sent"], list(ids), message_id)

    async def refuse(self, ids: Sequence[AlertId], reason: str) -> None:
        """``due -> refused``: no channel will ever accept their content."""
        await self._database.fetch(_ALERTS["refuse"], list(ids), to_text(reason))

    async def turn(self, interval: float) -> float:
        """Take the next turn to publish among all notifiers; return the seconds until it, by the database's clock."""
        return max(0.0, float(await self._database.fetchval(_ALERTS["turn"], interval)))

    async def release(self, ids: Sequence[AlertId], delay: float) -> None:
        """Give them back; a notifier may claim them again after ``delay`` seconds."""
        await self._database.fetch(_ALERTS["release"], list(ids), delay)
