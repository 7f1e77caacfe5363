"""Turns of a host, by a clock that only the test moves."""

from support.alerts import Clock
from trapline_crawler.pacing import HostPacing
from trapline_crawler.page_task import MAX_BACKOFF, backoff


def test_turns_of_one_host_are_a_delay_apart() -> None:
    """Whoever asks gets the next turn, in order; time that passes meanwhile counts; an idle host is free at once."""
    clock = Clock()
    pacing = HostPacing(10.0, clock=clock)
    assert [pacing.turn("https://a.example/1"), pacing.turn("https://a.example/2")] == [0.0, 10.0]
    clock.now += 4
    assert pacing.turn("https://a.example/3") == 16.0
    clock.now += 100
    assert pacing.turn("https://a.example/4") == 0.0


def test_hosts_do_not_wait_for_each_other() -> None:
    """Another host, or another port, has turns of its own."""
    pacing = HostPacing(10.0, clock=Clock())
    assert {pacing.turn(f"https://{host}/") for host in ("a.example", "b.example", "a.example:8080")} == {0.0}


def test_without_a_delay_nobody_waits() -> None:
    """The default."""
    pacing = HostPacing(0.0, clock=Clock())
    assert {pacing.turn("https://a.example/") for _ in range(3)} == {0.0}


def test_backoff_doubles_up_to_a_minute() -> None:
    """1, 2, 4 s and so on, however often."""
    assert [backoff(attempts) for attempts in range(4)] == [1.0, 2.0, 4.0, 8.0]
    assert backoff(6) == backoff(10_000) == MAX_BACKOFF
