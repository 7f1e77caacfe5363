"""Which error of the browser means which ``Reason``, and what is worth another attempt. Pure."""

import re

from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.visit.blocked import blocked_status

_NET = re.compile(r"net::ERR_(?P<name>[A-Z0-9_]+)")
_RETRIED_STATUSES = frozenset({408, 429})
_FIRST_ERROR = 400
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FIRST_SERVER_ERROR = 500

_CONNECTION = (
    r"(CONNECTION|ADDRESS|NETWORK|SOCKET|SOCKS|PROXY|TUNNEL|HTTP2|HTTP_1_1|INCOMPLETE|RESPONSE_HEADERS)_|FAILED$"
    r"|(INTERNET_DISCONNECTED|EMPTY_RESPONSE|CONTENT_LENGTH_MISMATCH|CONTENT_DECODING_FAILED)$"
    r"|INVALID_(HTTP_RESPONSE|CHUNKED_ENCODING|RESPONSE)$"
)

_BY_NAME: tuple[tuple[re.Pattern[str], Reason, bool], ...] = tuple(
    (re.compile(pattern), reason, retry)
    for pattern, reason, retry in (
        (r"NAME_|DNS_|ICANN_", Reason.DNS, True),
        (r"CERT_|BAD_SSL_CLIENT|SSL_PINNED|SSL_OBSOLETE|SSL_VERSION", Reason.TLS, False),
        (r"SSL_|ECH_|EARLY_DATA", Reason.TLS, True),
        (r"TIMED_OUT|CONNECTION_TIMED_OUT", Reason.TIMEOUT, True),
        (r"TOO_MANY_REDIRECTS", Reason.REDIRECTS, False),
        (
            r"BLOCKED_|ACCESS_DENIED|UNSAFE_|UNKNOWN_URL|DISALLOWED_|NETWORK_ACCESS_DENIED|FILE_",
            Reason.ADDRESS_REFUSED,
            False,
        ),
        (_CONNECTION, Reason.CONNECT, True),
        (r"INSUFFICIENT_RESOURCES|OUT_OF_MEMORY", Reason.NAVIGATION, True),
    )
)
"""From Chromium's net/base/net_error_list.h, first match; a fault of the connection is worth a retry."""


_SAID = {
    "ABORTED": "the answer holds no page, as with status 304, or the navigation was stopped",
}
"""What Chromium's name for an error does not say."""


def network_failure(text: str) -> Failure | None:
    """Return the failure that a ``net::ERR_...`` in ``text`` means, or ``None`` when there is none in it."""
    match = _NET.search(text)
    if match is None:
        return None
    name = match["name"]
    for pattern, reason, retry in _BY_NAME:
        if pattern.match(name):
            return Failure(reason=reason, detail=_in_words(name), retry=retry)
    return Failure(reason=Reason.NAVIGATION, detail=_in_words(name), retry=False)


def _in_words(name: str) -> str:
    words = _SAID.get(name, name.replace("_", " ").lower())
    return f"{words} (ERR_{name})"


def goto_failure(text: str) -> Failure:
    """Return the failure that the text of Playwright's ``goto`` error means."""
    if "Download is starting" in text:
        return Failure(reason=Reason.DOWNLOAD, detail="the answer is a file that is no text", retry=False)
    if failure := network_failure(text):
        return failure
    detail = text.split("\n", 1)[0].removeprefix("Page.goto: ")
    return Failure(reason=Reason.NAVIGATION, detail=detail, retry="interrupted" in text)


def status_failure(status: int | None, expected: int | None) -> Failure | None:
    """Return why ``status``, a page's last, fails the visit: not the expected one or, with none expected, no page's.

    No page's are 400 and above, and a redirect that names no address: what it shows is made for no person.
    """
    if status is None or status == expected:
        return None
    if expected is None and status in _REDIRECTS:
        detail = f"status {status} without an address to go to; expect.status: {status} would take it for the page"
        return Failure(reason=Reason.HTTP_STATUS, detail=detail, retry=False)
    if expected is None and status < _FIRST_ERROR:
        return None
    if blocked := blocked_status(status):
        return blocked
    retry = status in _RETRIED_STATUSES or status >= _FIRST_SERVER_ERROR
    wanted = f", expected {expected}" if expected is not None else ""
    return Failure(reason=Reason.HTTP_STATUS, detail=f"status {status}{wanted}", retry=retry)
