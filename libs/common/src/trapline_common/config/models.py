"""The effective config of one crawl, after inheritance: what a run freezes and the crawler reads.

Durations are seconds, as floats. Every field has its final value here; defaults live here and nowhere else. Each key's
``description`` and ``examples`` are its text in the JSON Schema and in the reference of ``crawls.yaml``: meaning, unit,
and what holds when it is left out.
"""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from trapline_common.config.choices import (
    AlertOn,
    Frames,
    Isolation,
    Keep,
    NumberFormat,
    Orchestrator,
    Overlap,
    ResourceType,
    Robots,
    Screenshot,
)
from trapline_common.config.extraction import Extract
from trapline_common.config.fields import (
    Duration,
    FieldName,
    Flag,
    HeaderName,
    Locale,
    MinChangeText,
    Name,
    Schedule,
    Sendable,
    Timezone,
    Url,
    UrlPattern,
    Whole,
)
from trapline_common.config.parts import (
    AlertConfig,
    Cookie,
    Expect,
    Ignored,
    IgnoredText,
    Model,
    Settle,
    Viewport,
    cookie_list,
    cookie_schema,
)
from trapline_common.config.selector_fields import ContentSelector, ElementSelector
from trapline_common.config.steps import LoggedInCheck, Step
from trapline_common.config.visual import ElementShot, Shot, Visual
from trapline_common.domain.via import Via

__all__ = [
    "AlertConfig",
    "AlertOn",
    "Config",
    "Cookie",
    "CrawlConfig",
    "ElementShot",
    "Expect",
    "IgnoredText",
    "Isolation",
    "Keep",
    "LaneConfig",
    "Model",
    "Orchestrator",
    "Overlap",
    "ResourceType",
    "Robots",
    "Screenshot",
    "Settle",
    "Shot",
    "Viewport",
    "Visual",
]


class LaneConfig(Model):
    """A pool of invocations with its own limits."""

    max_invocations: Whole = Field(
        default=20,
        ge=1,
        le=10_000,
        description="Most crawlers of the lane at once. Trapline never runs more than this.",
        examples=[5],
    )
    tasks_per_invocation: Whole = Field(
        default=25,
        ge=1,
        le=10_000,
        description="Most tasks that one crawler leases at a time; so many waiting tasks call for another crawler.",
        examples=[50],
    )
    pages_in_flight: Whole | None = Field(
        default=None,
        ge=1,
        le=64,
        description=(
            "Most pages that one crawler loads at once. It loads fewer while its machine can't carry them. Left out: "
            "3, or on one machine 6 and half as many crawlers."
        ),
        examples=[1],
    )
    host_delay: Duration = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="Seconds between the starts of two visits of a host, over all crawlers of the lane. Left out: 0.",
        examples=["1s"],
    )
    host_concurrency: Whole | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Most visits of a host at once, over all crawlers of the lane. Left out: no limit.",
        examples=[2],
    )
    orchestrator: Orchestrator = Field(
        default=Orchestrator.SELF,
        description=(
            "Who starts the lane's crawlers on AWS: `self`, Trapline alone; `step_functions`, which shows each crawler "
            "and each failure as an execution; `durable`, for `ordered` crawls that take longer than a function lives. "
            "On one machine every lane is `self`."
        ),
        examples=["step_functions"],
    )
    queue: Flag = Field(
        default=False,
        description=(
            "With `orchestrator: step_functions`: the crawlers are started through a queue, and AWS holds "
            "`max_invocations` a second time. Left out: no."
        ),
        examples=[True],
    )

    @property
    def via(self) -> Via:
        """Return how the lane's invocations are asked for."""
        match self.orchestrator:
            case Orchestrator.STEP_FUNCTIONS:
                return Via.QUEUE if self.queue else Via.MAP
            case Orchestrator.DURABLE:
                return Via.DURABLE
            case Orchestrator.SELF:
                return Via.EVENT

    @property
    def on_one_machine(self) -> "LaneConfig":
        """Return the lane as a machine without AWS has it: nobody but Trapline starts crawlers there."""
        return self.model_copy(update={"orchestrator": Orchestrator.SELF, "queue": False})


class CrawlConfig(Model):
    """One crawl with every value filled in."""

    name: Name = Field(
        description="The crawl's key under `crawls`: 1 to 63 of a-z, 0-9 and -, not beginning with -.",
        examples=["pricing"],
    )
    enabled: Flag = Field(
        default=True,
        description="Whether its schedule fires and `trapline crawl` takes it along. Left out: yes.",
        examples=[False],
    )
    schedule: Schedule | None = Field(
        default=None,
        description="When it runs by itself, as EventBridge Scheduler writes it. Left out: only by hand.",
        examples=["cron(0 8 ? * MON-FRI *)"],
    )
    timezone: Timezone = Field(
        default="UTC", description="The IANA time zone of `schedule`.", examples=["America/Chicago"]
    )
    jitter: Duration = Field(
        default=0.0,
        ge=0,
        le=86_400,
        description=(
            "Seconds within which EventBridge, or `trapline serve`, may place a tick, rounded up to minutes; a run by "
            "hand knows none. Left out: on time."
        ),
        examples=["5m"],
    )
    overlap: Overlap = Field(
        default=Overlap.SKIP,
        description=(
            "What a tick does while the last run is still open: `skip` records a run that ended as skipped, `queue` "
            "waits for the last one's end."
        ),
        examples=["queue"],
    )

    urls: tuple[Url, ...] = Field(
        default=(),
        description="Pages to visit. A crawl has `urls`, a `sitemap`, or both.",
        examples=[["https://example.com/pricing"]],
    )
    sitemap: Url | None = Field(
        default=None,
        description="A sitemap, or an index of sitemaps, that is read at the opening of each run for its pages.",
        examples=["https://example.com/sitemap.xml"],
    )
    include: tuple[UrlPattern, ...] = Field(
        default=(),
        description=(
            "Of the sitemap's pages, only those that match one of these: a path or a whole URL, with `*` for any run "
            "of characters. Left out: all of them."
        ),
        examples=[["/docs/*"]],
    )
    exclude: tuple[UrlPattern, ...] = Field(
        default=(),
        description="Of the sitemap's pages, none that match one of these; wins over `include`. Left out: all stay.",
        examples=[["/docs/archive/*"]],
    )
    limit: Whole = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="Most pages of one run; a sitemap is read no further, and more `urls` are refused.",
        examples=[2000],
    )
    ordered: Flag = Field(
        default=False,
        description="Visit `urls` one after the other in one browser session, as one task. Left out: each by itself.",
        examples=[True],
    )

    lane: Name = Field(
        default="default", description="The pool that works on it, a key of `lanes`.", examples=["polite"]
    )
    priority: Whole = Field(
        default=0,
        ge=-1000,
        le=1000,
        description="Tasks with a higher number are leased first, among those of the lane.",
        examples=[10],
    )
    isolation: Isolation = Field(
        default=Isolation.CLEAN,
        description=(
            "What visits share. `clean`: no result depends on an earlier visit; a browser context is wiped and used "
            "again where that is safe, else each visit gets a fresh one. `page`: a fresh one for each visit, always. "
            "`crawl`: one for all visits that a crawler makes for the crawl, with its cookies; the fastest."
        ),
        examples=["page"],
    )
    retries: Whole = Field(
        default=2,
        ge=0,
        le=20,
        description="Further attempts at a page within a run: after network errors, timeouts, 408, 429 and 5xx.",
        examples=[1],
    )
    robots: Robots = Field(
        default=Robots.RESPECT,
        description="`respect`: a page that robots.txt closes fails unvisited. `ignore` is for your own site.",
        examples=["ignore"],
    )
    timeout: Duration = Field(
        default=30.0,
        gt=0,
        le=600,
        description="Seconds that a visit may take, settling included; a log-in before it has as many of its own.",
        examples=["10s"],
    )
    settle: Settle = Field(
        default=Settle(),
        description="When a loaded page is read: a map, or the seconds of `quiet` alone.",
        examples=["500ms"],
    )
    wait_for: ElementSelector | None = Field(
        default=None,
        description="A CSS selector of which a match must be visible before the page settles. Left out: none.",
        examples=["#plans .price"],
    )

    watch: ContentSelector | None = Field(
        default=None,
        description=(
            "A CSS selector of what counts as content; of a JSON, CSV or text document a path, such as `$.plans`. A "
            "visit that finds no text in it fails. Left out: the page's visible text."
        ),
        examples=["#plans"],
    )
    extract: dict[FieldName, Extract] = Field(
        default_factory=dict,
        description=(
            "Fields to take from the page. A value is the CSS selector of an element, of which the first match that is "
            "shown counts; `selector@attribute`, for an attribute; or a map."
        ),
        examples=[{"basic": "#basic .price", "download": "#download@href"}],
    )
    number_format: NumberFormat | None = Field(
        default=None,
        description=(
            "How the pages write numbers, by an example: it decides what `1.299` is in `expect`. Left out: the page's "
            "`lang` decides, and in doubt the expectation is not met."
        ),
        examples=["1.234,56"],
    )
    ignore: tuple[Ignored, ...] = Field(
        default=(),
        max_length=100,
        description="Parts that are no content: CSS selectors of elements, and `{pattern: ...}` for text. At most 100.",
        examples=[[".advert", {"pattern": "Updated [0-9]+ min ago"}]],
    )
    remember: Whole = Field(
        default=1,
        ge=1,
        le=20,
        description="Accepted versions of a page, the newest included, that are no news when they come again.",
        examples=[3],
    )
    confirm_after: Whole = Field(
        default=1,
        ge=1,
        le=100,
        description="Good runs in a row that must see the same new content before it is a change.",
        examples=[2],
    )
    min_change: MinChangeText | None = Field(
        default=None,
        description=(
            "How much of the text must differ: characters, lines, or a share of the characters in percent. Left out: "
            "any difference is a change."
        ),
        examples=["5%"],
    )
    expect: Expect = Field(
        default=Expect(),
        description="What a visit must find, else it fails. Left out: any page that answers.",
        examples=[{"status": 200, "contains": "per month"}],
    )
    screenshot: Shot = Field(
        default=Screenshot.FAILURE,
        description=(
            "Which screenshots are kept: `never` one, those of a `failure`, or all: `viewport`, `full_page`, or "
            "`{element: CSS}` of one element."
        ),
        examples=["full_page", {"element": "#plans"}],
    )
    visual: Visual | None = Field(
        default=None,
        description=(
            "How each screenshot is compared with the one before; `{}` takes the defaults. A difference is a change, "
            "as one of the text is. Left out: pictures are kept, and not compared."
        ),
        examples=[{"ignore": [".advert"], "min_change": "0.1%"}],
    )
    html: Keep = Field(
        default=Keep.FAILURE,
        description="When the page's HTML is kept: `never`, of a `failure`, or `always`.",
        examples=["always"],
    )

    block: tuple[ResourceType, ...] = Field(
        default=(),
        description="Kinds of resources that the browser does not load. Left out: it loads everything.",
        examples=[["image", "font"]],
    )
    headers: dict[HeaderName, Sendable] = Field(
        default_factory=dict,
        description="Request headers, sent to the page's own origin only; values may hold `${secret:NAME}`.",
        examples=[{"Accept-Language": "de"}],
    )
    cookies: Annotated[tuple[Cookie, ...], BeforeValidator(cookie_list), WithJsonSchema(cookie_schema())] = Field(
        default=(),
        description="Cookies, sent to the page's own origin only: a map of names and values, or a list of maps.",
        examples=[{"consent": "yes"}],
    )
    user_agent: Annotated[Sendable, Field(min_length=1)] | None = Field(
        default=None,
        description="What the browser calls itself, to every server. Left out: its own name.",
        examples=["ExampleBot/1.0 (+https://example.com/bot)"],
    )
    viewport: Viewport = Field(
        default=Viewport(), description="The size of the browser's window.", examples=[{"width": 1440, "height": 900}]
    )
    before: tuple[Step, ...] = Field(
        default=(),
        max_length=20,
        description=(
            "What the browser does in each page once it is there, before it is read: `click`, `fill`, `press`, "
            "`select`, `wait_for`; at most 20, without secrets, all within `timeout`. Left out: nothing."
        ),
        examples=[[{"click": "#show-all"}]],
    )
    scroll: Whole = Field(
        default=0,
        ge=0,
        le=100,
        description=(
            "Screens to scroll down before the page is read, at most, for text that loads by scrolling; at the page's "
            "end, and at half of `timeout`, it stops. Left out: none."
        ),
        examples=[10],
    )
    frames: Frames = Field(
        default=Frames.SAME_ORIGIN,
        description=(
            "Which frames are read with the page: those of its own origin (`same_origin`), or `all`, other sites' too; "
            "of these at most 20, within 8 seconds, with `watch`, `extract` and `ignore` in each. `wait_for` looks in "
            "frames of the page's own origin."
        ),
        examples=["all"],
    )
    locale: Locale | None = Field(
        default=None,
        description="The browser's language and region, in `Accept-Language` and in scripts. Left out: its own.",
        examples=["de-DE"],
    )
    browser_timezone: Timezone | None = Field(
        default=None,
        description="The time zone that the page's scripts see. Left out: the machine's.",
        examples=["Europe/Berlin"],
    )
    ignore_tls_errors: Flag = Field(
        default=False,
        description=(
            "Visit pages whose certificate is expired, self-signed or another's. Whoever is in between can then read "
            "and change everything, secrets included. Left out: such a page fails as `tls`."
        ),
        examples=[True],
    )

    steps: tuple[Step, ...] = Field(
        default=(),
        max_length=50,
        description=(
            "What the browser does to begin a session, such as logging in; the crawl's visits share the session. The "
            "first is a `goto`, and there are at most 50. Left out: no session."
        ),
        examples=[[{"goto": "https://example.com/login"}, {"click": "#log-in"}]],
    )
    logged_in_check: LoggedInCheck | None = Field(
        default=None,
        description="What only a visitor who is logged in sees; where it fails, the steps are done again.",
        examples=[{"selector": "#account"}],
    )
    session_max_age: Duration = Field(
        default=43_200.0,
        gt=0,
        le=2_592_000,
        description="Seconds for which a session is kept at most; then the steps are done again. Left out: 12 hours.",
        examples=["1h"],
    )

    alert: AlertConfig = Field(
        default=AlertConfig(),
        description="Which alerts Trapline sends, when, and through which channels.",
        examples=[{"on": ["failure"], "after_failures": 1}],
    )

    @property
    def longest_visit(self) -> float:
        """Return the seconds that a visit may take with the log-in before it: ``timeout`` holds for each."""
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

    lanes: dict[Name, LaneConfig] = Field(description="The pools by name; `default` always exists.")
    crawls: dict[Name, CrawlConfig] = Field(description="The crawls by name.")

    @property
    def on_one_machine(self) -> "Config":
        """Return the same crawls in lanes as a machine without AWS has them."""
        return self.model_copy(update={"lanes": {name: lane.on_one_machine for name, lane in self.lanes.items()}})
