"""Alerts to send, an outbox in memory, and a clock that only moves when a caller waits."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from trapline_common.domain.ids import AlertId, PageId, RunId
from trapline_common.domain.ports import AlertHead, AlertRow, RepeatedMessage

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CHANNEL = "chat"
"""The channel of a drain that has one."""


def alert(
    number: int,
    kind: str = "failure",
    *,
    crawl: str = "pricing",
    to: tuple[str, ...] = (),
    page: int | None = None,
    run: int = 41,
    **payload: Any,
) -> AlertRow:
    """Return one alert of run 41, about ``page``, else about a page of its own or, a summary, about none.

    A failure has every fact unless ``payload`` says otherwise.
    """
    about_page = kind not in {"summary", "test"}
    page = page if page is not None or not about_page else number
    facts: dict[str, Any] = {"url": f"https://example.com/{page or number}"}
    if kind in {"failure", "expectation", "reminder", "blocked"}:
        facts |= {"reason": "timeout", "detail": "30 s", "failures": 2, "last_good_run": 38}
    return AlertRow(
        id=AlertId(number),
        kind=kind,
        crawl=crawl,
        page_id=None if page is None else PageId(page),
        run_id=RunId(run),
        payload=facts | payload,
        to=to,
        created_at=AT,
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
    """The ``Outbox`` port over a list and one channel, its holds and delays by a clock."""

    def __init__(self, rows: Sequence[AlertRow], clock: Clock) -> None:
        self.rows = {row.id: row for row in rows}
        self.message_of: dict[AlertId, str] = {}
        self.next_try: dict[AlertId, float] = {}
        self.attempts: dict[AlertId, int] = {}
        self.sent: dict[AlertId, str] = {}
        self.refused: dict[AlertId, str] = {}
        self.put_offs: dict[AlertId, float] = {}
        self.failures = 0
        self.not_before = 0.0
        self.held_by_another = False
        self._clock = clock
        self._next_turn = float("-inf")

    @property
    def due(self) -> list[AlertRow]:
        return [row for key, row in self.rows.items() if key not in self.sent and key not in self.refused]

    async def channels(self) -> Sequence[str]:
        return [CHANNEL]

    async def spread(
        self, channels: Sequence[str], *, everything: Sequence[str], closed: bool, hold_seconds: float
    ) -> Sequence[AlertId]:
        assert list(channels) == [CHANNEL]
        for key in self.rows:
            self.next_try.setdefault(key, self._clock())
        return []

    async def hold(self, channel: str, hold_seconds: float) -> int | None:
        return None if self.held_by_another or self._clock() < self.not_before else self.failures

    async def let_go(self, channel: str) -> None:
        """Nobody waits."""

    async def untold(self, channel: str, limit: int) -> Sequence[AlertHead]:
        told = {self._thread(row): row.id for row in self.due if row.id in self.message_of}
        found = [
            row for row in self.due if row.id not in self.message_of and told.get(self._thread(row), row.id) >= row.id
        ]
        return [replace(row, since=self.next_try[row.id]) for row in found[:limit] if row.id in self.next_try]

    async def again(self, channel: str) -> RepeatedMessage | None:
        waiting = sorted((self.next_try[row.id], row.id) for row in self.due if row.id in self.message_of)
        for since, first in waiting:
            ids = tuple(row.id for row in self.due if self.message_of.get(row.id) == self.message_of[first])
            threads = {self._thread(self.rows[key]): key for key in ids}
            is_behind = any(row.id < threads.get(self._thread(row), 0) and row.id not in ids for row in self.due)
            if since <= self._clock() and not is_behind:
                return RepeatedMessage(id=self.message_of[first], alerts=ids, since=since)
        return None

    async def attempt(
        self, channel: str, alerts: Sequence[AlertId], message_id: str, hold_seconds: float
    ) -> Sequence[AlertRow]:
        for key in alerts:
            self.message_of[key], self.attempts[key] = message_id, self.attempts.get(key, 0) + 1
            self.next_try[key] = self._clock() + hold_seconds
        return [replace(self.rows[key], attempts=self.attempts[key]) for key in sorted(alerts)]

    async def split(self, channel: str, parts: Mapping[str, Sequence[AlertId]]) -> None:
        for message, alerts in parts.items():
            self.message_of |= dict.fromkeys(alerts, message)
            self.next_try |= dict.fromkeys(alerts, self._clock())

    async def mark_sent(self, channel: str, alerts: Sequence[AlertId], receipt: str) -> None:
        self.sent |= dict.fromkeys(alerts, receipt)
        self.failures, self.not_before = 0, 0.0

    async def refuse(self, channel: str, alerts: Sequence[AlertId], reason: str) -> None:
        self.refused |= dict.fromkeys(alerts, reason)

    async def put_off(self, channel: str, alerts: Sequence[AlertId], delay: float) -> None:
        self.put_offs |= dict.fromkeys(alerts, delay)
        self.next_try |= dict.fromkeys(alerts, self._clock() + delay)

    async def back_off(self, channel: str, reason: str, pause: float) -> None:
        self.failures += 1
        self.not_before = self._clock() + pause if pause else 0.0

    async def turn(self, channel: str, interval: float, burst: int) -> float:
        start = max(self._clock(), self._next_turn)
        self._next_turn = start + interval
        return max(0.0, start - (burst - 1) * interval - self._clock())

    @staticmethod
    def _thread(row: AlertRow) -> object:
        return ("page", row.page_id) if row.page_id is not None else ("crawl", row.crawl)


def sns_event(data: Mapping[str, Any] | str) -> dict[str, Any]:
    """Return what SNS hands to a subscribed Lambda."""
    text = data if isinstance(data, str) else json.dumps(data)
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"MessageId": "m-1", "Subject": "s", "Message": text}}]}
