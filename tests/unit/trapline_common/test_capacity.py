"""The count, for every load and every lane."""

from hypothesis import given
from hypothesis import strategies as st

from trapline_common.domain.capacity import LaneLimits, LaneLoad, missing_invocations, pause

LOADS = st.builds(LaneLoad, waiting=st.integers(0, 10**7), idle=st.integers(0, 20_000), running=st.integers(0, 20_000))
LIMITS = st.builds(LaneLimits, max_invocations=st.integers(1, 10_000), tasks_per_invocation=st.integers(1, 10_000))


@given(LOADS, LIMITS)
def test_the_cap_is_never_exceeded(load: LaneLoad, limits: LaneLimits) -> None:
    """The invocations made now and those active already stay within the cap, unless it was lowered below the active."""
    missing = missing_invocations(load, limits)
    assert missing >= 0
    active = load.idle + load.running
    assert active + missing <= max(limits.max_invocations, active)


@given(LOADS, LIMITS)
def test_none_is_made_that_finds_nothing_to_take(load: LaneLoad, limits: LaneLimits) -> None:
    """The last one made still finds at least one task beyond the full shares of all other idle ones."""
    missing = missing_invocations(load, limits)
    if missing:
        assert (load.idle + missing - 1) * limits.tasks_per_invocation < load.waiting


@given(LOADS, LIMITS)
def test_all_that_waits_is_provided_for_within_the_cap(load: LaneLoad, limits: LaneLimits) -> None:
    """Either the cap is reached, or the idle and the new ones together can take everything that waits."""
    missing = missing_invocations(load, limits)
    full = load.idle + load.running + missing >= limits.max_invocations
    assert full or (load.idle + missing) * limits.tasks_per_invocation >= load.waiting


@given(LOADS, LIMITS)
def test_counting_again_makes_no_more(load: LaneLoad, limits: LaneLimits) -> None:
    """What a count made is idle in the next: a second count of the same lane makes none."""
    missing = missing_invocations(load, limits)
    after = LaneLoad(waiting=load.waiting, idle=load.idle + missing, running=load.running)
    assert missing_invocations(after, limits) == 0


@given(LOADS, LIMITS)
def test_it_is_the_formula_of_the_design(load: LaneLoad, limits: LaneLimits) -> None:
    """Need = greatest(0, least(max - active, ceil(waiting / tasks_per_invocation) - idle))."""
    ceil = (load.waiting + limits.tasks_per_invocation - 1) // limits.tasks_per_invocation
    need = max(0, min(limits.max_invocations - (load.idle + load.running), ceil - load.idle))
    assert missing_invocations(load, limits) == need


def test_examples() -> None:
    """Numbers a person can check."""
    limits = LaneLimits(max_invocations=20, tasks_per_invocation=25)

    def need(waiting: int, idle: int, running: int) -> int:
        return missing_invocations(LaneLoad(waiting=waiting, idle=idle, running=running), limits)

    assert need(0, 0, 0) == 0
    assert need(1, 0, 0) == 1
    assert need(26, 0, 0) == 2
    assert need(26, 1, 0) == 1
    assert need(10_000, 3, 10) == 7
    assert need(10_000, 0, 25) == 0


def test_false_starts_make_the_next_count_wait_longer() -> None:
    """Two counts may come to nothing for free; each further one doubles the pause, up to the longest."""
    assert [pause(n, longest=50.0) for n in range(10)] == [0, 0, 0, 1, 2, 4, 8, 16, 32, 50]
    assert pause(10**9, longest=50.0) == 50.0
    assert pause(9, longest=0.0) == 0.0
