"""The words of which a key of ``crawls.yaml`` takes one."""

from enum import StrEnum
from typing import Literal


class Isolation(StrEnum):
    """``clean``: a context that is wiped between two visits of a host, or fresh. ``page``: a fresh context per visit.

    ``crawl``: one context per crawl and invocation, pages reused.
    """

    CLEAN = "clean"
    PAGE = "page"
    CRAWL = "crawl"


class Overlap(StrEnum):
    """What a tick does while the crawl's last run is still open."""

    SKIP = "skip"
    QUEUE = "queue"


class Orchestrator(StrEnum):
    """Who hands the invocations of a lane to Lambda. None of them counts, caps or retries: that is the ledger's."""

    SELF = "self"
    STEP_FUNCTIONS = "step_functions"
    DURABLE = "durable"


class Robots(StrEnum):
    """``respect``: a page that the site's robots.txt closes to us is not visited. ``ignore``: for your own site."""

    RESPECT = "respect"
    IGNORE = "ignore"


class Keep(StrEnum):
    """When the HTML of a visit is kept as an artifact."""

    NEVER = "never"
    FAILURE = "failure"
    ALWAYS = "always"


class Frames(StrEnum):
    """Which frames of a page are read with it. ``all``: also those of other sites, each by itself and bounded."""

    SAME_ORIGIN = "same_origin"
    ALL = "all"


class Screenshot(StrEnum):
    """When a screenshot is kept, and of what. ``failure``: the viewport, and only of a visit that failed."""

    NEVER = "never"
    FAILURE = "failure"
    VIEWPORT = "viewport"
    FULL_PAGE = "full_page"


class PictureBaseline(StrEnum):
    """What a picture is compared with. ``follow``: with the last one accepted. ``manual``: until a person accepts."""

    FOLLOW = "follow"
    MANUAL = "manual"


AlertOn = Literal["failure", "change", "recovery", "summary"]
NumberFormat = Literal["1,234.56", "1.234,56", "1 234,56", "1'234.56"]
"""An example of how numbers are written: by its second sign the decimals are told from the thousands."""
ResourceType = Literal["image", "media", "font", "stylesheet", "script", "xhr", "fetch", "websocket", "other"]
