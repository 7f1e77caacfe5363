"""What one visit found, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Reason(StrEnum):
    """Why a visit, or a task, failed: the first word of every ``failed`` row and of every failure alert."""

    DNS = "dns"  # the host's name was not found
    CONNECT = "connect"  # connection refused, reset, closed or unreachable
    TLS = "tls"  # the certificate or the handshake was refused
    TIMEOUT = "timeout"  # not loaded, or not settled, within the crawl's ``timeout``
    HTTP_STATUS = "http_status"  # 4xx or 5xx, or not the status that ``expect`` names
    NO_CONTENT = "no_content"  # 204, 205: nothing to show
    REDIRECTS = "redirects"  # a loop, or too many
    DOWNLOAD = "download"  # the answer is a file, not a page (PDF included)
    TOO_LARGE = "too_large"  # more bytes than one visit may load
    WAIT_FOR = "wait_for"  # the selector never appeared
    EXPECTATION = "expectation"  # loaded, but not what ``expect`` asks for
    SELECTOR = "selector"  # ``watch`` or ``extract`` found nothing, or is not valid CSS
    SECRET = "secret"  # noqa: S105  (a reason's name) ``${secret:NAME}`` could not be resolved
    STEP = "step"  # one of ``steps`` before the visit failed; the detail says which
    LOGGED_OUT = "logged_out"  # ``logged_in_check`` failed, in a session that was refreshed as well
    ADDRESS_REFUSED = "address_refused"  # a private or metadata address, or a scheme: the gate keeps pages from it
    BLOCKED = "blocked"  # 403, 429, 503, or a challenge (CAPTCHA) in place of the page: the site shuts the crawler out
    ROBOTS = "robots"  # the site's robots.txt closes the page to robots, or can't be read
    PAGE_CRASHED = "page_crashed"  # the page's renderer died
    PAGE_HUNG = "page_hung"  # the page stopped answering the browser
    BROWSER = "browser"  # the browser itself died or hung: the infrastructure's fault, never the page's
    POISON = "poison"  # every invocation that took this task died with it
    PAGES = "pages"  # of an ordered task: pages of it failed, each with a reason of its own
    CANCELLED = "cancelled"  # an operator cancelled it
    NAVIGATION = "navigation"  # any other navigation error, with the browser's own name for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Milliseconds; ``None`` where the browser did not report it. All but ``dns`` and ``connect`` count from the start."""

    dns: float | None = None
    connect: float | None = None
    ttfb: float | None = None
    dom: float | None = None
    load: float | None = None
    total: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a visit failed. ``detail`` is one line for a person. ``retry``: worth another attempt within the run."""

    reason: Reason
    detail: str
    retry: bool

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one visit found. ``failure`` is ``None`` for a good visit; the other fields hold whatever was still learnt.

    ``text`` is the watched text, normalised; ``content_hash`` is ``changes.content_hash`` of the whole text and the
    fields, so it is ``None`` exactly when ``text`` is. ``size`` is bytes over the wire as the browser reports them.
    ``screenshot`` and ``html`` are artifact keys. ``retry_after``: seconds for which a host that answered 429 or 503 asks to
    be left alone.
    """

    url: str
    final_url: str | None = None
    status: int | None = None
    redirects: int = 0
    timings: Timings = Timings()
    size: int | None = None
    title: str | None = None
    text: str | None = None
    fields: Mapping[str, str | None] = field(default_factory=dict)
    content_hash: str | None = None
    console_errors: int = 0
    screenshot: str | None = None
    html: str | None = None
    failure: Failure | None = None
    retry_after: float | None = None
