"""The storm's SNS: what it has accepted is what people have got."""

import json
import re
from collections import Counter
from typing import Any
from uuid import uuid4

from tests.storm.faults import Fault, FaultLog
from tests.storm.weather import Receipt, Weather

_REPORTED = re.compile(r"\AAlert (\d+) ")


class Topic:
    """``delivered`` counts, per alert, how often it arrived: at the topic, or refused for its content, in a report."""

    def __init__(self, weather: Weather, faults: FaultLog) -> None:
        self._weather = weather
        self._faults = faults
        self.delivered: Counter[int] = Counter()
        self.reported: Counter[int] = Counter()

    def publish(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer to one publish; ``None``: there is none."""
        ids = json.loads(message["message"])["alert_ids"]
        if any(alert % 61 == 7 for alert in ids):
            return {"status": 400}
        receipt = self._weather.receipt()
        if receipt is not Receipt.CALM:
            self._faults.add(Fault(kind=f"SNS: {receipt}", where="notifier"))
        if receipt is Receipt.REFUSED:
            return {"status": 503}
        if receipt is Receipt.TIMED_OUT:
            return None
        for _ in range(2 if receipt is Receipt.TWICE else 1):
            self.delivered.update(ids)
        return None if receipt is Receipt.UNANSWERED else {"status": 200, "receipt": str(uuid4())}

    def report(self, message: dict[str, Any]) -> dict[str, Any]:
        """Take a report to operations about an alert that was refused for its content."""
        found = _REPORTED.match(message["text"])
        if found:
            self.reported[int(found[1])] += 1
        return {"status": 200}
