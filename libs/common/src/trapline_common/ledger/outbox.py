"""The outbox: alerts are added in the transaction of their cause, and delivered channel by channel."""

import json
from collections.abc import Mapping, Sequence
from uuid import uuid4

from trapline_common.alerts.page_state import AlertDraft
from trapline_common.domain.ids import AlertId, RunId
from trapline_common.domain.ports import AlertHead, AlertRow, RepeatedMessage
from trapline_common.ledger.connection import Database, to_json, to_text
from trapline_common.ledger.queries import load

_ALERTS = load("alerts")
_DELIVERIES = load("deliveries")

SPREAD = 1_000
"""Alerts of one transaction that makes deliveries: a few tens of milliseconds."""

TEST = "test"
"""The kind of an alert that a person sends to check that alerts arrive."""


async def add_alert(database: Database, draft: AlertDraft, *, crawl: str, run_id: RunId | None) -> None:
    """Write an alert that belongs to a run; a run's second summary is dropped by the unique index.

    The caller is in the transaction of its cause: what a mute covers then is written ``muted``.
    """
    await database.fetch(_ALERTS["hold_mutes"], crawl)
    await database.fetch(
        _ALERTS["add"], draft.kind, crawl, run_id, None, list(draft.to), to_json(draft.payload), draft.muted
    )


async def any_due(database: Database) -> bool:
    """Say whether a notifier has something to do: no alert waits for a channel's back-off, or for another notifier."""
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


async def outcomes(database: Database, alert_id: AlertId) -> dict[str, tuple[str, str | None]]:
    """Return what became of an alert in each channel: its delivery's status, and why it was refused or dropped."""
    rows = await database.fetch(_ALERTS["outcomes"], alert_id)
    return {row["channel"]: (row["status"], row["reason"]) for row in rows}


class PostgresOutbox:
    """One notifier's view of the ledger. As a holder of channels it has a token of its own."""

    __slots__ = ("_database", "_holder")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holder = uuid4()

    async def channels(self) -> list[str]:
        """Return the channels that notifiers served last, by name."""
        return [row["name"] for row in await self._database.fetch(_DELIVERIES["channels"])]

    async def spread(
        self, channels: Sequence[str], *, everything: Sequence[str], closed: bool, hold_seconds: float
    ) -> list[AlertId]:
        """Make the deliveries of every alert that has none, ``SPREAD`` alerts in a transaction.

        Keeps guarantee 5: an alert that a notifier of the release before claimed is left to it until its claim ends,
        and with it the later alerts of its page.
        """
        nowhere: list[AlertId] = []
        while True:
            row = await self._database.fetchrow(
                _DELIVERIES["spread"], list(channels), list(everything), closed, SPREAD, hold_seconds
            )
            assert row is not None, "the function returns one row"
            nowhere += map(AlertId, row["nowhere"])
            if not row["spread"]:
                return nowhere

    async def hold(self, channel: str, hold_seconds: float) -> int | None:
        """Become the one that serves the channel. Keeps guarantee 5: one at a time, so there is one order."""
        failures: int | None = await self._database.fetchval(_DELIVERIES["hold"], channel, self._holder, hold_seconds)
        return failures

    async def let_go(self, channel: str) -> None:
        """Let another notifier serve the channel."""
        await self._database.fetch(_DELIVERIES["let_go"], channel, self._holder)

    async def untold(self, channel: str, limit: int) -> list[AlertHead]:
        """Return what was never attempted, oldest first, without what must wait for an earlier alert of its thread."""
        return [
            AlertHead(
                id=AlertId(row["id"]),
                kind=row["kind"],
                crawl=row["crawl"],
                page_id=row["page_id"],
                to=tuple(row["recipients"]),
                since=row["since"],
            )
            for row in await self._database.fetch(_DELIVERIES["untold"], channel, limit)
        ]

    async def again(self, channel: str) -> RepeatedMessage | None:
        """Return the message that has waited longest for another attempt."""
        row = await self._database.fetchrow(_DELIVERIES["again"], channel)
        if row is None:
            return None
        return RepeatedMessage(id=row["message_id"], alerts=tuple(map(AlertId, row["alerts"])), since=row["since"])

    async def attempt(
        self, channel: str, alerts: Sequence[AlertId], message_id: str, hold_seconds: float
    ) -> list[AlertRow]:
        """Note the attempt and return the alerts; none when the channel is no longer this outbox's."""
        rows = await self._database.fetch(
            _DELIVERIES["attempt"], channel, self._holder, list(alerts), message_id, hold_seconds
        )
        return [
            AlertRow(
                id=AlertId(row["id"]),
                kind=row["kind"],
                crawl=row["crawl"],
                page_id=row["page_id"],
                to=tuple(row["recipients"]),
                run_id=row["run_id"],
                payload=json.loads(row["payload"]),
                created_at=row["created_at"],
                attempts=row["attempts"],
                joined=row["joined"],
            )
            for row in rows
        ]

    async def split(self, channel: str, parts: Mapping[str, Sequence[AlertId]]) -> None:
        """Give the alerts of a refused message new, smaller messages."""
        pairs = [(alert, message) for message, alerts in parts.items() for alert in alerts]
        ids, messages = [alert for alert, _ in pairs], [message for _, message in pairs]
        await self._database.fetch(_DELIVERIES["split"], channel, self._holder, ids, messages)

    async def mark_sent(self, channel: str, alerts: Sequence[AlertId], receipt: str) -> None:
        """``due -> sent`` for the channel, and for each alert that now waits for no other."""
        await self._database.fetch(_DELIVERIES["end"], channel, list(alerts), "sent", receipt, None)
        await self._database.fetch(_DELIVERIES["recovered"], channel)

    async def refuse(self, channel: str, alerts: Sequence[AlertId], reason: str) -> None:
        """``due -> refused`` for the channel."""
        await self._database.fetch(_DELIVERIES["end"], channel, list(alerts), "refused", None, to_text(reason))

    async def put_off(self, channel: str, alerts: Sequence[AlertId], delay: float) -> None:
        """Attempt their message again after ``delay`` seconds."""
        await self._database.fetch(_DELIVERIES["put_off"], channel, list(alerts), delay)

    async def back_off(self, channel: str, reason: str, pause: float) -> None:
        """Count the failure, and leave the channel alone for ``pause`` seconds."""
        await self._database.fetch(_DELIVERIES["failed"], channel, pause, to_text(reason))

    async def turn(self, channel: str, interval: float, burst: int) -> float:
        """Take the channel's next turn among all notifiers; return the seconds until it, by the database's clock."""
        return max(0.0, float(await self._database.fetchval(_DELIVERIES["turn"], channel, interval, burst)))
