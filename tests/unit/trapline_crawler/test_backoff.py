"""How long a retry waits."""

from trapline_crawler.work.page_task import MAX_BACKOFF, backoff


def test_backoff_doubles_up_to_a_minute() -> None:
    """1, 2, 4 s and so on, however often."""
    assert [backoff(attempts) for attempts in range(4)] == [1.0, 2.0, 4.0, 8.0]
    assert backoff(6) == backoff(10_000) == MAX_BACKOFF
