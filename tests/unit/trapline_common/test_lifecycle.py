"""The transition tables, as the design draws them."""

from enum import StrEnum

import pytest

from trapline_common.domain.lifecycle import (
    ACTIVE,
    IDLE,
    INVOCATION_TRANSITIONS,
    RUN_TRANSITIONS,
    TASK_TRANSITIONS,
    InvocationStatus,
    RunStatus,
    TaskStatus,
)

TABLES = (
    (RunStatus, RUN_TRANSITIONS, RunStatus.OPENING),
    (TaskStatus, TASK_TRANSITIONS, TaskStatus.CREATED),
    (InvocationStatus, INVOCATION_TRANSITIONS, InvocationStatus.CREATED),
)


@pytest.mark.parametrize(("statuses", "table", "first"), TABLES)
def test_every_status_has_its_row_is_reached_and_can_end(statuses: type[StrEnum], table: dict, first: StrEnum) -> None:
    """No status is forgotten in the table, none is out of reach, and from each an end can be reached."""
    assert set(table) == set(statuses)

    def reach(status: StrEnum) -> set[StrEnum]:
        found = {status}
        while more := set().union(*(table[one] for one in found)) - found:
            found |= more
        return found

    ends = {status for status, after in table.items() if not after}
    assert reach(first) == set(statuses)
    assert ends
    assert all(reach(status) & ends for status in statuses)
    assert all(status not in after for status, after in table.items())


def test_an_invocation_goes_as_the_design_says() -> None:
    """The table of section 4, line by line."""
    s = InvocationStatus
    bad_ends = {s.FAILED, s.ORPHANED, s.TERMINATED}
    assert INVOCATION_TRANSITIONS[s.CREATED] == bad_ends | {s.PENDING, s.READY}
    assert INVOCATION_TRANSITIONS[s.PENDING] == bad_ends | {s.READY}
    assert INVOCATION_TRANSITIONS[s.READY] == bad_ends | {s.RUNNING}
    assert INVOCATION_TRANSITIONS[s.RUNNING] == bad_ends | {s.SUCCEEDED}
    assert all(not INVOCATION_TRANSITIONS[end] for end in bad_ends | {s.SUCCEEDED})


def test_active_is_what_has_not_ended() -> None:
    """What counts against the cap is exactly what is not over; idle is what holds no task of it."""
    assert {status for status, after in INVOCATION_TRANSITIONS.items() if after} == ACTIVE
    assert {InvocationStatus.RUNNING} == ACTIVE - IDLE


def test_only_a_leased_task_can_be_done() -> None:
    """``done`` comes from ``leased`` alone."""
    assert [status for status, after in TASK_TRANSITIONS.items() if TaskStatus.DONE in after] == [TaskStatus.LEASED]
