"""Alerts to send, an outbox in memory, and a clock that only moves when a caller waits."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from trapline_common.domain.ids import AlertId, RunId
from trapline_common.domain.ports import AlertRow

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def alert(
    number: int, kind: str = "failure", *, crawl: str = "pricing", to: tuple[str, ...] = (), **payload: Any
) -> AlertRow:
    """Return one claimed alert of run 41; a failure has every fact unless ``payload`` says otherwise."""
    facts: dict[str, Any] = {"url": f"https://example.com/{number}"}
    if kind in {"failure", "expectation", "reminder"}:
        facts |= {"reason": "timeout", "detail": "30 s", "failures": 2, "last_good_run": 38}
    return AlertRow(
        id=AlertId(number), kind=kind, crawl=crawl, run_id=RunId(41), payload=facts | payload, to=to, created_at=AT
    )


class Clock:
    """Seconds that pass only in ``sleep``."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class MemoryOutbox:
    """The ``Outbox`` port over a list, its holds and delays by a clock."""

    def __init__(self, rows: Sequence[AlertRow], clock: Clock) -> None:
        self.rows = {row.id: row for row in rows}
        self.hidden_until: dict[AlertId, float] = {}
        self.sent: dict[AlertId, str] = {}
        self.refused: dict[AlertId, str] = {}
        self.released: dict[AlertId, float] = {}
        self.claims: list[int] = []
        self._clock = clock
        self._next_turn = float("-inf")

    @property
    def due(self) -> list[AlertRow]:
        return [row for key, row in self.rows.items() if key not in self.sent and key not in self.refused]

    async def turn(self, interval: float) -> float:
        start = max(self._clock(), self._next_turn)
        self._next_turn = start + interval
        return start - self._clock()

    async def claim(self, limit: int, hold_seconds: float) -> Sequence[AlertRow]:
        found = [row for row in self.due if self.hidden_until.get(row.id, 0.0) <= self._clock()][:limit]
        self.hidden_until |= {row.id: self._clock() + hold_seconds for row in found}
        self.claims.append(len(found))
        return found

    async def mark_sent(self, ids: Sequence[AlertId], message_id: str) -> None:
        self.sent |= dict.fromkeys(ids, message_id)

    async def refuse(self, ids: Sequence[AlertId], reason: str) -> None:
        self.refused |= dict.fromkeys(ids, reason)

    async def release(self, ids: Sequence[AlertId], delay: float) -> None:
        self.released |= dict.fromkeys(ids, delay)
        self.hidden_until |= dict.fromkeys(ids, self._clock() + delay)


def sns_event(data: Mapping[str, Any] | str) -> dict[str, Any]:
    """Return what SNS hands to a subscribed Lambda."""
    text = data if isinstance(data, str) else json.dumps(data)
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"MessageId": "m-1", "Subject": "s", "Message": text}}]}
