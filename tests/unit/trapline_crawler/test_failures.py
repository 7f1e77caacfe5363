"""The browser's words and what they mean."""

import pytest

from trapline_common.domain.observation import Reason
from trapline_crawler.visit.failures import goto_failure, network_failure, status_failure


@pytest.mark.parametrize(
    ("name", "reason", "retry"),
    [
        ("NAME_NOT_RESOLVED", Reason.DNS, True),
        ("CONNECTION_REFUSED", Reason.CONNECT, True),
        ("CONNECTION_RESET", Reason.CONNECT, True),
        ("EMPTY_RESPONSE", Reason.CONNECT, True),
        ("INCOMPLETE_CHUNKED_ENCODING", Reason.CONNECT, True),
        ("HTTP2_PROTOCOL_ERROR", Reason.CONNECT, True),
        ("CONNECTION_TIMED_OUT", Reason.TIMEOUT, True),
        ("TIMED_OUT", Reason.TIMEOUT, True),
        ("CERT_AUTHORITY_INVALID", Reason.TLS, False),
        ("SSL_PROTOCOL_ERROR", Reason.TLS, True),
        ("TOO_MANY_REDIRECTS", Reason.REDIRECTS, False),
        ("UNSAFE_PORT", Reason.ADDRESS_REFUSED, False),
        ("BLOCKED_BY_CLIENT", Reason.ADDRESS_REFUSED, False),
        ("NETWORK_ACCESS_DENIED", Reason.ADDRESS_REFUSED, False),
        ("SOMETHING_NEW", Reason.NAVIGATION, False),
    ],
)
def test_network_error_has_a_reason(name: str, reason: Reason, *, retry: bool):
    """Each of Chromium's network errors has one reason, and faults of the way there are worth a retry."""
    failure = network_failure(f"Page.goto: net::ERR_{name} at https://example.com/")
    assert failure is not None
    assert (failure.reason, failure.retry) == (reason, retry)
    assert name in failure.detail


@pytest.mark.parametrize(
    ("status", "expected", "fails", "retry"),
    [
        (200, None, False, False),
        (302, None, True, False),
        (302, 302, False, False),
        (300, None, False, False),
        (404, None, True, False),
        (404, 404, False, False),
        (200, 404, True, False),
        (408, None, True, True),
        (429, None, True, True),
        (500, None, True, True),
        (503, 200, True, True),
        (None, 200, False, False),
    ],
)
def test_status(status: int | None, expected: int | None, *, fails: bool, retry: bool):
    """400 and above, and a redirect to nowhere, fail unless expected; 408, 429 and 5xx alone are worth a retry."""
    failure = status_failure(status, expected)
    assert (failure is not None) == fails
    if failure is not None:
        assert failure.retry == retry


def test_other_errors_keep_the_browsers_words():
    """An error without a network error in it keeps its first line, and a download has its own reason."""
    assert goto_failure("Page.goto: Download is starting\nCall log").reason is Reason.DOWNLOAD
    odd = goto_failure("Page.goto: Cannot navigate to invalid URL\nCall log:\n  - more")
    assert (odd.reason, odd.detail) == (Reason.NAVIGATION, "Cannot navigate to invalid URL")
