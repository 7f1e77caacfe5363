"""What an orchestrator costs beyond the crawlers' time: counted from the machines' definitions, times AWS's prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PRICES: Mapping[str, tuple[float, str]] = {
    "transitions": (0.025 / 1_000, "https://aws.amazon.com/step-functions/pricing/"),
    "requests": (0.20 / 1_000_000, "https://aws.amazon.com/lambda/pricing/"),
    "gigabyte_seconds": (0.0000166667, "https://aws.amazon.com/lambda/pricing/"),
    "operations": (8.00 / 1_000_000, "https://aws.amazon.com/lambda/pricing/"),
    "messages": (0.40 / 1_000_000, "https://aws.amazon.com/sqs/pricing/"),
    "events": (1.00 / 1_000_000, "https://aws.amazon.com/eventbridge/pricing/"),
    "puts": (0.005 / 1_000, "https://aws.amazon.com/s3/pricing/"),
    "gets": (0.0004 / 1_000, "https://aws.amazon.com/s3/pricing/"),
}
"""US dollars for one of each in us-east-1, x86_64, before free tiers, and where AWS says so."""


VALUES = {
    "partition": "aws",
    "crawler": "crawler",
    "dispatcher": "dispatcher",
    "queue_prefix": "",
    "crawler_timeout": 900,
    "dispatcher_timeout": 300,
    "pending_ttl": 330,
    "rounds": 200,
}
"""What the definition is rendered with where only its states are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What is paid for, by number."""

    transitions: int = 0
    """States that executions of STANDARD machines entered."""
    requests: int = 0
    """Calls of functions."""
    gigabyte_seconds: float = 0.0
    """Time of functions, times their memory."""
    operations: int = 0
    """Steps and waits of durable functions."""
    messages: int = 0
    """Requests to SQS."""
    events: int = 0
    """Events put on a bus."""
    puts: int = 0
    """Objects written to S3."""
    gets: int = 0
    """Objects read from S3."""

    @property
    def dollars(self) -> float:
        return sum(getattr(self, name) * price for name, (price, _) in PRICES.items())


def own(invocations: int) -> Usage:
    """The dispatcher calls: each crawler is one call, and at its end asks for one count."""
    return Usage(requests=2 * invocations, events=1)


def wave(definition: Any, *, children: int, rounds: int, via: str) -> Usage:
    """Return the usage of one wave: ``children`` at once, each of which calls ``rounds`` crawlers, one by one."""
    states = entered(definition, rounds=rounds, via=via)
    called = children * (states.count("Crawl") + states.count("Through the queue"))
    asked = children * (states.count("Another") + states.count("Count the lane"))
    return Usage(
        transitions=len(definition["States"]) + children * len(states),
        requests=called + asked + 1,
        messages=3 * called if via == "queue" else 0,  # sent, received, deleted
        events=1,
        puts=1,
        gets=1,
    )


def durable(slices: int) -> Usage:
    """One execution: a step for `ready`, then a step and a wait for each slice."""
    return Usage(operations=1 + 2 * slices, requests=slices, events=1)


def polling(days: int = 30) -> Usage:
    """An event source mapping asks a queue with five long polls of 20 seconds at once, also when there is nothing."""
    return Usage(messages=5 * 3 * 60 * 24 * days)


def entered(definition: Any, *, rounds: int, via: str) -> list[str]:
    """Return the states that one child of a wave enters when the lane has work for ``rounds`` crawlers."""
    child = definition["States"]["Every invocation"]["ItemProcessor"]
    names, state = [], child["StartAt"]
    data: dict[str, Any] = {"item": {"via": via}, "round": 1, "crawled": {"answer": {"due": rounds > 1}}}
    while state is not None:
        names.append(state)
        found = child["States"][state]
        if state == "Another":
            data["round"] += 1
            data["crawled"] = {"answer": {"due": data["round"] < rounds}}
        if found["Type"] == "Choice":
            state = next((rule["Next"] for rule in found["Choices"] if _holds(rule, data)), found["Default"])
        else:
            state = found.get("Next")
    return names


def _holds(rule: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    if "And" in rule:
        return all(_holds(one, data) for one in rule["And"])
    value: Any = data
    for step in rule["Variable"].removeprefix("$.").split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    wanted = next(key for key in rule if key not in {"Variable", "Next"})
    if wanted == "NumericLessThan":
        return bool(value < rule[wanted])
    return bool({"IsNull": value is None, "IsPresent": value is not None}.get(wanted, value) == rule[wanted])
