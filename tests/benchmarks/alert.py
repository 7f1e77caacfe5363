"""From a tick to the first alert on the local AWS.

The dispatcher gets a schedule's event, and a web hook gets the change.

Everything in between is the deployed system: three functions, the ledger, a browser, SNS and the relay.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

import asyncpg

from tests.benchmarks.table import table
from tests.site.hook import AS_SENT
from tools.local_aws import system, up
from tools.local_aws.deployment import NAME, Deployment
from tools.shell import ToolError, say
from tools.workspace.environment import LOCAL_AWS

ROUNDS = 10
CRAWL = "products"
EXPECTED_TITLE = f"{CRAWL}: 1 page changed"
PATIENCE = 120.0
"""Seconds that a round may take; then the benchmark fails."""
ENDED_RUNS = "SELECT count(*) FROM trapline.run WHERE crawl = $1 AND status = 'ended'"


def measure(folder: Path) -> list[float]:
    """Return the seconds from tick to alert, round by round, with every function warm. Raises ``ToolError``."""
    LOCAL_AWS.ensure()
    beneath = folder / "aws"
    crawls = folder / "hourly.yaml"
    # After their first tick, by which every function is warm and every page known, only this benchmark sends ticks
    crawls.write_text(re.sub(r"rate\(.*?\)", "rate(1 day)", up.TEMPLATE.read_text()))
    on = system.start(beneath)
    try:
        made = up.deploy(on, crawls=crawls)
        return _rounds(on, made)
    finally:
        system.stop(beneath)


def _rounds(on: system.System, made: Deployment) -> list[float]:
    tick = _event(made)
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    seconds = []
    _until("the first run", partial(_have_ended, on, 1))
    for number in range(1, ROUNDS + 1):
        _price(on, 1000 + number)
        heard = len(_heard(on))
        started = time.monotonic()
        _send(made, {**tick, "scheduled_for": (minute + timedelta(minutes=number)).isoformat()})
        _until("the alert", lambda heard=heard: len(_heard(on)) > heard)  # type: ignore[misc]
        seconds.append(time.monotonic() - started)
        say(f"alert: {seconds[-1]:.2f} s")
        _until("its run's end", partial(_have_ended, on, 1 + number))
    return seconds


def _event(made: Deployment) -> dict[str, Any]:
    """Return what the schedule of the crawl sends."""
    scheduler = made.client("scheduler")
    for schedule in scheduler.list_schedules()["Schedules"]:
        found = scheduler.get_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
        event: dict[str, Any] = json.loads(found["Target"]["Input"])
        if event.get("crawl") == CRAWL:
            return event
    raise ToolError(f"there is no schedule of {CRAWL}")


def _send(made: Deployment, event: dict[str, Any]) -> None:
    made.client("lambda").invoke(
        FunctionName=f"{NAME}-dispatcher:live", InvocationType="Event", Payload=json.dumps(event).encode()
    )


def _price(on: system.System, pence: int) -> None:
    order = Request(f"{on.site}/_control", data=json.dumps({"price": {"kettle": pence}}).encode(), method="POST")
    with urlopen(order, timeout=10):
        return


def _heard(on: system.System) -> list[str]:
    lines = (on.folder / AS_SENT).read_text().splitlines()
    return [line for line in lines if EXPECTED_TITLE in json.loads(line)["title"]]


def _have_ended(on: system.System, runs: int) -> bool:
    return asyncio.run(_ended_runs(on)) >= runs


async def _ended_runs(on: system.System) -> int:
    connection = await asyncpg.connect(on.database_url)
    try:
        return int(await connection.fetchval(ENDED_RUNS, CRAWL))
    finally:
        await connection.close()


def _until(what: str, check: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not check():
        if time.monotonic() > give_up:
            raise ToolError(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(0.02)  # between two looks


def report(seconds: Sequence[float]) -> str:
    """Return the table."""
    row = [f"{value:.1f}" for value in (median(seconds), max(seconds))]
    return table("Tick to first alert on the local AWS, s", ["rounds", "p50", "worst"], [[str(len(seconds)), *row]])


def as_json(seconds: Sequence[float]) -> dict[str, object]:
    """Return everything measured."""
    return {"seconds": list(seconds), "p50": median(seconds), "worst": max(seconds)}
