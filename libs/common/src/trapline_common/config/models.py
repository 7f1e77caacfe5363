"""The effective config of one crawl, after inheritance: what a run freezes and the crawler reads.

Durations are seconds, as floats. Every field has its final value here; defaults live here and nowhere else.
"""

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Frozen and closed: an unknown key is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Isolation(StrEnum):
    """``page``: a fresh context per visit. ``crawl``: one context per crawl and invocation, pages reused."""

    PAGE = "page"
    CRAWL = "crawl"


class Overlap(StrEnum):
    """What a tick does while the crawl's last run is still open."""

    SKIP = "skip"
    QUEUE = "queue"


class Keep(StrEnum):
    """When the HTML of a visit is kept as an artifact."""

    NEVER = "never"
    FAILURE = "failure"
    ALWAYS = "always"


class Screenshot(StrEnum):
    """When a screenshot is kept, and of what. ``failure``: the viewport, and only of a visit that failed."""

    NEVER = "never"
    FAILURE = "failure"
    VIEWPORT = "viewport"
    FULL_PAGE = "full_page"


AlertOn = Literal["failure", "change", "recovery", "summary"]
ResourceType = Literal["image", "media", "font", "stylesheet", "script", "xhr", "fetch", "websocket", "other"]


class LaneConfig(Model):
    """A pool of invocations with its own limits. ``host_delay`` is in seconds."""

    max_invocations: int = Field(default=20, ge=1, le=10_000)
    tasks_per_invocation: int = Field(default=25, ge=1, le=10_000)
    pages_in_flight: int = Field(default=3, ge=1, le=64)
    host_delay: float = Field(default=0.0, ge=0, le=3600)


class Settle(Model):
    """After ``load`` a page has settled when its DOM was quiet for ``quiet`` seconds, or after ``at_most`` seconds."""

    quiet: float = Field(default=0.15, ge=0, le=30)
    at_most: float = Field(default=3.0, ge=0, le=120)


class Viewport(Model):
    """In CSS pixels."""

    width: int = Field(default=1280, ge=1, le=10_000)
    height: int = Field(default=800, ge=1, le=10_000)


class Expect(Model):
    """What a visit must find. ``fields`` maps an extracted field to a comparison such as ``< 50`` or ``== Sold out``."""

    status: int | None = Field(default=None, ge=100, le=599)
    contains: str | None = None
    fields: dict[str, str] = Field(default_factory=dict)


class AlertConfig(Model):
    """What people hear about, and when. ``remind_every`` is in seconds; ``to`` names channels, empty means all."""

    on: tuple[AlertOn, ...] = ("failure", "change", "recovery")
    after_failures: int = Field(default=2, ge=1, le=1000)
    remind_every: float | None = Field(default=86_400.0, gt=0)
    to: tuple[str, ...] = ()


class Cookie(Model):
    """Sent to the page's own origin only. ``value`` may hold ``${secret:NAME}``."""

    name: str
    value: str
    path: str = "/"


class CrawlConfig(Model):
    """One crawl with every value filled in."""

    name: str
    enabled: bool = True
    schedule: str | None = None
    timezone: str = "UTC"
    overlap: Overlap = Overlap.SKIP

    urls: tuple[str, ...] = ()
    sitemap: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int = Field(default=10_000, ge=1, le=1_000_000)
    ordered: bool = False

    lane: str = "default"
    priority: int = Field(default=0, ge=-1000, le=1000)
    isolation: Isolation = Isolation.PAGE
    retries: int = Field(default=2, ge=0, le=20)
    timeout: float = Field(default=30.0, gt=0, le=600)
    settle: Settle = Settle()
    wait_for: str | None = None

    watch: str | None = None
    extract: dict[str, str] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    expect: Expect = Expect()
    screenshot: Screenshot = Screenshot.FAILURE
    html: Keep = Keep.FAILURE

    block: tuple[ResourceType, ...] = ()
    headers: dict[str, str] = Field(default_factory=dict)
    cookies: tuple[Cookie, ...] = ()
    user_agent: str | None = None
    viewport: Viewport = Viewport()

    alert: AlertConfig = AlertConfig()


class Config(Model):
    """A whole ``crawls.yaml`` after inheritance."""

    lanes: dict[str, LaneConfig]
    crawls: dict[str, CrawlConfig]
