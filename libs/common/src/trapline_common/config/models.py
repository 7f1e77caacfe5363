"""The effective config of one crawl, after inheritance: what a run freezes and the crawler reads.

Durations are seconds, as floats. Every field has its final value here; defaults live here and nowhere else.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from trapline_common.config.fields import (
    ComparisonText,
    CookiePath,
    CookieValue,
    Duration,
    FieldName,
    Flag,
    HeaderName,
    MinChangeText,
    Name,
    RegularExpression,
    Schedule,
    Sendable,
    Text,
    Timezone,
    Token,
    Url,
    UrlPattern,
    Whole,
)
from trapline_common.config.steps import LoggedInCheck, Step


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


class Robots(StrEnum):
    """``respect``: a page that the site's robots.txt closes to us is not visited. ``ignore``: for your own site."""

    RESPECT = "respect"
    IGNORE = "ignore"


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
    """A pool of invocations with its own limits. ``host_delay`` is in seconds.

    ``host_delay`` and ``host_concurrency`` hold for each host, across all invocations of the lane.
    """

    max_invocations: Whole = Field(default=20, ge=1, le=10_000)
    tasks_per_invocation: Whole = Field(default=25, ge=1, le=10_000)
    pages_in_flight: Whole = Field(default=3, ge=1, le=64)
    host_delay: Duration = Field(default=0.0, ge=0, le=3600)
    host_concurrency: Whole | None = Field(default=None, ge=1, le=10_000)


class Settle(Model):
    """After ``load`` a page has settled when its DOM was quiet for ``quiet`` seconds, or after ``at_most`` seconds."""

    quiet: Duration = Field(default=0.15, ge=0, le=30)
    at_most: Duration = Field(default=3.0, ge=0, le=120)

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        return value if isinstance(value, Mapping | Settle) else {"quiet": value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe both forms: the map, and ``quiet`` alone."""
        full = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [full["properties"]["quiet"], full]}


class Viewport(Model):
    """In CSS pixels."""

    width: Whole = Field(default=1280, ge=1, le=10_000)
    height: Whole = Field(default=800, ge=1, le=10_000)


class Expect(Model):
    """What a visit must find. ``fields`` maps an extracted field to a comparison: ``< 50``, ``== Sold out``."""

    status: Whole | None = Field(default=None, ge=100, le=599)
    contains: Text | None = None
    fields: dict[FieldName, ComparisonText] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: object) -> object:
        """In the file fields stand beside ``status`` and ``contains``; in a frozen config, in ``fields``."""
        if not isinstance(value, Mapping) or "fields" in value:
            return value
        named = {key: value[key] for key in ("status", "contains") if key in value}
        return {**named, "fields": {key: item for key, item in value.items() if key not in named}}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the file's form."""
        full = handler.resolve_ref_schema(handler(core))
        fields = full["properties"].pop("fields")
        return {**full, "additionalProperties": fields["additionalProperties"]}


class AlertConfig(Model):
    """What people hear about, and when. ``remind_every`` is in seconds; ``to`` names channels, empty means all."""

    on: tuple[AlertOn, ...] = ("failure", "change", "recovery")
    after_failures: Whole = Field(default=2, ge=1, le=1000)
    remind_every: Duration | None = Field(default=86_400.0, gt=0)
    to: tuple[Name, ...] = ()


class Cookie(Model):
    """Sent to the page's own origin only. ``value`` may hold ``${secret:NAME}``."""

    name: Token
    value: CookieValue
    path: CookiePath = "/"


class IgnoredText(Model):
    """Taken out of every line of the watched text and of the extracted fields, wherever it matches."""

    pattern: RegularExpression


def _ignored_form(value: object) -> str:
    return "[pattern]" if isinstance(value, Mapping | IgnoredText) else "[selector]"


Ignored = Annotated[
    Annotated[Text, Tag("[selector]")] | Annotated[IgnoredText, Tag("[pattern]")], Discriminator(_ignored_form)
]
"""A CSS selector, or ``{pattern: ...}``."""


def _cookie_list(value: object) -> object:
    """Turn ``{name: value}`` or ``{name: {value: ..., path: ...}}`` into the list."""
    if not isinstance(value, Mapping):
        return value
    return [{"name": name, **(rest if isinstance(rest, Mapping) else {"value": rest})} for name, rest in value.items()]


def _cookie_schema() -> dict[str, Any]:
    """Describe the map beside the list."""
    whole = Cookie.model_json_schema()
    one = {**whole, "properties": {key: value for key, value in whole["properties"].items() if key != "name"}}
    one["required"] = ["value"]
    return {
        "anyOf": [
            {"type": "array", "items": whole},
            {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, one]}},
        ]
    }


class CrawlConfig(Model):
    """One crawl with every value filled in.

    ``jitter``: seconds within which EventBridge may place a tick; a run opened by hand or on one machine knows none.
    ``steps`` begin a session; it is kept for ``session_max_age`` seconds at most, or until ``logged_in_check`` fails.
    ``remember``: the accepted versions of a page, the newest one included, that are no news when they come again.
    ``confirm_after``: the good runs in a row that must see new content. ``min_change``: how much of the text must differ.
    """

    name: Name
    enabled: Flag = True
    schedule: Schedule | None = None
    timezone: Timezone = "UTC"
    jitter: Duration = Field(default=0.0, ge=0, le=86_400)
    overlap: Overlap = Overlap.SKIP

    urls: tuple[Url, ...] = ()
    sitemap: Url | None = None
    include: tuple[UrlPattern, ...] = ()
    exclude: tuple[UrlPattern, ...] = ()
    limit: Whole = Field(default=10_000, ge=1, le=1_000_000)
    ordered: Flag = False

    lane: Name = "default"
    priority: Whole = Field(default=0, ge=-1000, le=1000)
    isolation: Isolation = Isolation.PAGE
    retries: Whole = Field(default=2, ge=0, le=20)
    robots: Robots = Robots.RESPECT
    timeout: Duration = Field(default=30.0, gt=0, le=600)
    settle: Settle = Settle()
    wait_for: Text | None = None

    watch: Text | None = None
    extract: dict[FieldName, Text] = Field(default_factory=dict)
    ignore: Annotated[tuple[Ignored, ...], Field(max_length=100)] = ()
    remember: Whole = Field(default=1, ge=1, le=20)
    confirm_after: Whole = Field(default=1, ge=1, le=100)
    min_change: MinChangeText | None = None
    expect: Expect = Expect()
    screenshot: Screenshot = Screenshot.FAILURE
    html: Keep = Keep.FAILURE

    block: tuple[ResourceType, ...] = ()
    headers: dict[HeaderName, Sendable] = Field(default_factory=dict)
    cookies: Annotated[tuple[Cookie, ...], BeforeValidator(_cookie_list), WithJsonSchema(_cookie_schema())] = ()
    user_agent: Annotated[Sendable, Field(min_length=1)] | None = None
    viewport: Viewport = Viewport()

    steps: Annotated[tuple[Step, ...], Field(max_length=50)] = ()
    logged_in_check: LoggedInCheck | None = None
    session_max_age: Duration = Field(default=43_200.0, gt=0, le=2_592_000)

    alert: AlertConfig = AlertConfig()

    @property
    def longest_visit(self) -> float:
        """Return the seconds that a visit may take with the log-in that may come before it: ``timeout`` holds for each."""
        return self.timeout * (2 if self.steps else 1)

    @property
    def ignored_selectors(self) -> tuple[str, ...]:
        """The elements to ignore, as CSS."""
        return tuple(item for item in self.ignore if isinstance(item, str))

    @property
    def ignored_patterns(self) -> tuple[str, ...]:
        """The texts to ignore, as regular expressions."""
        return tuple(item.pattern for item in self.ignore if isinstance(item, IgnoredText))


class Config(Model):
    """A whole ``crawls.yaml`` after inheritance."""

    lanes: dict[Name, LaneConfig]
    crawls: dict[Name, CrawlConfig]
