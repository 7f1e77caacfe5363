"""Where the storm's alerts arrive, SNS and a chat: what a channel has accepted is what people have got."""

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.storm.faults import Fault, FaultLog
from tests.storm.weather import Receipt, Weather

CHANNELS = ("topic", "chat")
"""Of the storm's notifiers."""
SLOW = 3
"""Attempts at every second message that the chat refuses for now, in any weather: the pages go on meanwhile."""
_REPORTED = re.compile(r"\AAlert (\d+) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message as a channel accepted it."""

    id: str
    """The message's id."""
    kind: str
    """What it tells."""
    alerts: tuple[int, ...]
    """The alerts in it."""
    count: int
    """How many pages, or runs, it says it is about."""


class Topic:
    """``arrived`` has each channel's messages in order; ``reported`` counts the alerts refused for their content."""

    def __init__(self, weather: Weather, faults: FaultLog) -> None:
        self._weather = weather
        self._faults = faults
        self.arrived: defaultdict[str, list[Arrival]] = defaultdict(list)
        self._attempts: Counter[str] = Counter()
        self.reported: Counter[int] = Counter()

    def by_now(self) -> "Topic":
        """Return what has arrived and was reported by now, which does not grow any more."""
        now = Topic(self._weather, self._faults)
        now.arrived.update({channel: list(arrivals) for channel, arrivals in self.arrived.items()})
        now.reported.update(self.reported)
        return now

    def delivered(self, channel: str) -> Counter[int]:
        """Return, per alert, how often it arrived at the channel."""
        return Counter(alert for arrival in self.arrived[channel] for alert in arrival.alerts)

    def publish(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer to one publish; ``None``: there is none."""
        data = json.loads(message["message"])
        ids = tuple(data["alert_ids"])
        if any(alert % 61 == 7 for alert in ids):
            return {"status": 400}
        if message["channel"] == "chat" and self._is_slow(data["id"]):
            return {"status": 503}
        receipt = self._weather.receipt()
        if receipt is not Receipt.CALM:
            self._faults.add(Fault(kind=f"{message['channel']}: {receipt}", where="notifier"))
        if receipt is Receipt.REFUSED:
            return {"status": 503}
        if receipt is Receipt.TIMED_OUT:
            return None
        arrival = Arrival(id=data["id"], kind=data["kind"], alerts=ids, count=data["count"])
        self.arrived[message["channel"]] += [arrival] * (2 if receipt is Receipt.TWICE else 1)
        return None if receipt is Receipt.UNANSWERED else {"status": 200, "receipt": str(uuid4())}

    def _is_slow(self, message: str) -> bool:
        self._attempts[message] += 1
        return int(message, 16) % 2 == 0 and self._attempts[message] <= SLOW

    def report(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take a report to operations about an alert that was refused for its content."""
        found = _REPORTED.match(message["text"])
        if found:
            self.reported[int(found[1])] += 1
        return {"status": 200}
