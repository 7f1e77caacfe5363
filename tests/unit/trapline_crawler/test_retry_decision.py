"""Whether a failed page is retried within its run, and how long the retry waits."""

from dataclasses import replace

import pytest

from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.politeness.decision import LONGEST_HOST_PAUSE
from trapline_crawler.work.retry_decision import MAX_BACKOFF, backoff, retry_after

MAY_PASS = Failure(reason=Reason.TIMEOUT, detail="", retry=True)


def test_backoff_doubles_up_to_a_minute() -> None:
    """1, 2, 4 s and so on, however often."""
    assert [backoff(attempts) for attempts in range(4)] == [1.0, 2.0, 4.0, 8.0]
    assert backoff(6) == backoff(10_000) == MAX_BACKOFF


def test_a_failure_that_will_not_pass_ends_the_page() -> None:
    """The failure itself says that another attempt would not help."""
    assert retry_after(replace(MAY_PASS, retry=False), attempts=0, retries=2, host_pause=0.0) is None


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_crawl_retries_a_page_as_often_as_it_says(retries: int) -> None:
    """Each retry waits its back-off; the attempt after the last retry ends the page."""
    delays = [retry_after(MAY_PASS, attempts=attempts, retries=retries, host_pause=0.0) for attempts in range(5)]
    assert delays == [backoff(attempts) if attempts < retries else None for attempts in range(5)]


@pytest.mark.parametrize(("host_pause", "delay"), [(0.0, 2.0), (1.5, 2.0), (30.0, 30.0), (600.0, 600.0)])
def test_the_longer_of_backoff_and_host_pause_counts(host_pause: float, delay: float) -> None:
    """A retry never comes before the host may be visited, nor before its own back-off is over."""
    assert retry_after(MAY_PASS, attempts=1, retries=2, host_pause=host_pause) == delay


def test_a_host_that_asks_for_more_than_an_hour_gets_no_retry() -> None:
    """A pause of exactly the longest one is waited for; a longer one ends the page, because every run must end."""
    assert retry_after(MAY_PASS, attempts=0, retries=2, host_pause=LONGEST_HOST_PAUSE) == LONGEST_HOST_PAUSE == 3600.0
    assert retry_after(MAY_PASS, attempts=0, retries=2, host_pause=LONGEST_HOST_PAUSE + 1) is None
