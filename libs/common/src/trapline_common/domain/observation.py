"""The result of one visit: what it found, or why it failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trapline_common.domain.picture import Picture


class Reason(StrEnum):
    """Why a visit or a task failed: the column ``reason`` of its row, and a key of every failure alert."""

    DNS = "dns"  # the host's name was not found
    CONNECT = "connect"  # connection refused, reset, closed or unreachable
    TLS = "tls"  # the certificate or the handshake was refused
    TIMEOUT = "timeout"  # not loaded, or not settled, within the crawl's ``timeout``
    HTTP_STATUS = "http_status"  # 4xx or 5xx, or not the status that ``expect`` names
    NO_CONTENT = "no_content"  # 204, 205: nothing to show
    REDIRECTS = "redirects"  # a loop, or too many
    DOWNLOAD = "download"  # the answer is a file that is no text (PDF included)
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
    UNAVAILABLE = "unavailable"  # what the visit needs of ours was away: a secret's store, a release for its config
    PAGES = "pages"  # of an ordered task: pages of it failed, each with a reason of its own
    CANCELLED = "cancelled"  # an operator cancelled it
    NAVIGATION = "navigation"  # any other navigation error, with the browser's own name for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Milliseconds, as the browser reports them; ``None`` where it did not.

    ``dns`` and ``connect`` are spans; all others count from the visit's start.
    """

    dns: float | None = None
    """The name look-up took this long."""
    connect: float | None = None
    """Connecting took this long, TLS included."""
    ttfb: float | None = None
    """The first byte of the answer."""
    dom: float | None = None
    """The DOM was complete."""
    load: float | None = None
    """The ``load`` event."""
    total: float | None = None
    """The page was settled and read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a visit or a task failed. The ledger keeps ``reason`` and ``detail`` in a column each."""

    reason: Reason
    """One word for programs."""
    detail: str
    """One line for a person; may be empty."""
    retry: bool
    """Whether another attempt within the run may help."""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else str(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one visit found. Of a failed visit, the fields hold what it learnt before it failed.

    Each field but ``failure``, ``retry_after`` and ``language`` is a column of ``trapline.observation``, by its name.
    """

    url: str
    """The page's address, as the crawl names it."""
    final_url: str | None = None
    """The address after redirects."""
    status: int | None = None
    """HTTP status of the page itself."""
    redirects: int = 0
    """How many redirects led to ``final_url``."""
    timings: Timings = Timings()
    """How long what took."""
    size: int | None = None
    """Bytes over the wire, as the browser reports them."""
    title: str | None = None
    """The page's title."""
    text: str | None = None
    """The watched text, normalised; of one that is too long to keep the beginning, and a line about the rest."""
    fields: Mapping[str, str | None] = field(default_factory=dict)
    """What ``extract`` names, by name; ``None`` for a selector that found nothing."""
    content_hash: str | None = None
    """``content.text.content_hash`` of the whole text and the fields; ``None`` exactly when ``text`` is."""
    console_errors: int = 0
    """Errors in the browser's console."""
    screenshot: str | None = None
    """Artifact key."""
    html: str | None = None
    """Artifact key."""
    note: str | None = None
    """What the visit had to leave out, in words: parts of the page, the rest of a picture; ``None``: nothing."""
    failure: Failure | None = None
    """Why the visit failed; ``None`` for a good one."""
    retry_after: float | None = None
    """Seconds for which a host that answered 429 or 503 asks not to be visited."""
    picture: Picture | None = None
    """What a later comparison needs of ``screenshot``; ``None``: the crawl compares no pictures, or there is none."""
    language: str | None = None
    """The language that the page says it is in, by which its numbers are read; not kept."""
