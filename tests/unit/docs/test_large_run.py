"""What a run of a million pages needs of Step Functions: Map Runs open at once, and events in one history.

Counted from the definition of the machine ``wave``, for lanes from narrow to wide; ``docs/orchestrators.md`` names it.
"""

import heapq
import re
from dataclasses import dataclass
from random import Random

import pytest

from support import asl, costs
from tools.shell import ROOT

PAGE = (ROOT / "docs/orchestrators.md").read_text()
PAGES = 1_000_000
LIFE = 840.0
"""Seconds that a crawler works before its fifteen minutes are over."""
LOST = 0.01
"""Of all crawlers, those that are killed, or whose call is."""
OPEN, EVENTS = 50, 25_000
"""Map Runs that a run may have open at once here, of the 1,000 that a region has; events that a history holds."""
STATE = {"Task": 5, "Choice": 2, "Succeed": 2}
"""Events of a state: entered and exited, and of a task scheduled, started, succeeded."""
TOKEN, REPEAT = 1, 3
"""Events more where a task waits by token (submitted), and for each repeat (failed, scheduled, started)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run to its end."""

    executions: int
    """Waves that were started for it."""
    open: int
    """Of them, the most that were open at once."""
    rounds: int
    """The most crawlers that one child called."""
    lives: int
    """Crawlers that were called."""


def plan(*, cap: int, pages_per_second: float, rounds: int, lost: float = LOST) -> Plan:
    """Let ``cap`` crawlers work on the pages, each in a child of a wave, which goes on as the definition says.

    A child calls one crawler after the other while pages wait, at most ``rounds``, and ends with one that is ``lost``,
    a share of all. Then the lane is counted: a new wave calls what is missing, which is that child's place.
    """
    random, left, executions, lives, longest, most = Random(1), float(PAGES), 1, 0, 0, 1
    children = [(0.0, number, 0, 0) for number in range(cap)]  # when it calls next, its number, its wave, its rounds
    in_wave = {0: cap}
    while children:
        at, number, wave, called = heapq.heappop(children)
        died = called > 0 and random.random() < lost
        if left <= 0 or called == rounds or died:
            in_wave[wave] -= 1
            if not in_wave[wave]:
                del in_wave[wave]
            if left <= 0:
                continue
            wave, called, executions = executions, 0, executions + 1
            in_wave[wave] = 1
            most = max(most, len(in_wave))
        life = LIFE * random.uniform(0.9, 1.0)
        left, lives, longest = left - life * pages_per_second, lives + 1, max(longest, called + 1)
        heapq.heappush(children, (at + life, number, wave, called + 1))
    return Plan(executions=executions, open=most, rounds=longest, lives=lives)


def events(wave: object, via: str, rounds: int, *, repeats: int = 0) -> int:
    """Return the events in a child's history after ``rounds`` crawlers, each called with so many repeats."""
    states = wave["States"]["Every invocation"]["ItemProcessor"]["States"]  # type: ignore[index]
    entered = costs.entered(wave, rounds=rounds, via=via)
    waits = sum(".waitForTaskToken" in states[name].get("Resource", "") for name in entered)
    calls = sum(name in {"Crawl", "Through the queue"} for name in entered)
    calm = sum(STATE[states[name]["Type"]] for name in entered) + TOKEN * waits
    return calm + REPEAT * repeats * calls + len(("started", "succeeded"))


@pytest.fixture(scope="module")
def wave():
    """The definition of the machine that delivers a lane's crawlers."""
    return asl.rendered("wave", costs.VALUES)


def deployed_rounds():
    """Return how many crawlers a child calls, as Terraform has it."""
    text = (ROOT / "terraform/modules/orchestration/variables.tf").read_text()
    found = re.search(r'variable "rounds" \{.*?default\s*=\s*(\d+)', text, re.DOTALL)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("pages_per_second", [3.0, 0.6])
@pytest.mark.parametrize("cap", [2, 10, 50, 100, 1000])
def test_a_million_pages_need_few_map_runs(cap, pages_per_second):
    """However wide the lane, and for pages that answer in a second or in five, with three in flight."""
    found = plan(cap=cap, pages_per_second=pages_per_second, rounds=deployed_rounds())
    assert found.open <= OPEN
    assert found.lives >= PAGES / (LIFE * pages_per_second)


def test_without_rounds_of_its_own_a_child_would_cost_a_map_run_a_crawler():
    """What the loop of the child is for: each crawler that ends would start another wave."""
    assert plan(cap=100, pages_per_second=3.0, rounds=1).open > OPEN


@pytest.mark.parametrize("via", ["map", "queue"])
def test_a_child_leaves_long_before_its_history_is_full(wave, via):
    """After all its rounds, each call repeated as often as the definition allows."""
    crawl = wave["States"]["Every invocation"]["ItemProcessor"]["States"]["Crawl"]
    repeats = crawl["Retry"][0]["MaxAttempts"]
    calm = events(wave, via, deployed_rounds())
    assert calm // deployed_rounds() <= 15
    assert events(wave, via, deployed_rounds(), repeats=repeats) <= 7_799 < EVENTS


def test_the_page_names_what_was_counted(wave):
    """The plan for a lane of a hundred: executions, Map Runs open at once, events of the longest history."""
    found = plan(cap=100, pages_per_second=3.0, rounds=deployed_rounds())
    longest = events(wave, "map", found.rounds)
    sentence = (
        f"A million pages, at three a second in each of 100 crawlers, take {found.lives} crawlers. If one in a hundred "
        f"of them is killed, {found.open} Map Runs are open at once, and the longest history of a child has {longest} "
        "events."
    )
    assert sentence in " ".join(PAGE.split())
