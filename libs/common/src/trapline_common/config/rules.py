"""What must hold between the fields of a crawl, of a lane, and of a crawl and its lane."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from trapline_common.config.models import CrawlConfig, LaneConfig, Orchestrator, Screenshot
from trapline_common.config.problems import Path
from trapline_common.config.suggest import did_you_mean

QUEUED = range(2, 1001)
"""Invocations at once that an event source mapping of SQS can hold: its ``MaximumConcurrency``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One broken rule."""

    path: Path
    """Where to point, below the crawl or the lane; empty for itself."""
    reason: str
    """Why it is broken."""
    others: Collection[str] = ()
    """Further fields that the rule rests on: when one of them is wrong by itself, this problem is not reported."""


def broken_lane_rules(lane: LaneConfig) -> Iterator[Broken]:
    """Yield what is wrong with a lane whose fields are each valid."""
    if lane.queue and lane.orchestrator is not Orchestrator.STEP_FUNCTIONS:
        yield Broken(
            path=("queue",), reason="needs `orchestrator: step_functions`, which fills it", others=["orchestrator"]
        )
    elif lane.queue and lane.max_invocations not in QUEUED:
        reason = f"{lane.max_invocations} at once: AWS limits a queue to {QUEUED[0]} to {QUEUED[-1]:,}"
        yield Broken(path=("max_invocations",), reason=reason, others=["queue"])
    if lane.orchestrator is Orchestrator.DURABLE and lane.tasks_per_invocation != 1:
        yield Broken(
            path=("tasks_per_invocation",),
            reason=f"{lane.tasks_per_invocation}: a durable lane's execution is one ordered task; write 1",
            others=["orchestrator"],
        )


def broken_rules(crawl: CrawlConfig, lanes: Mapping[str, LaneConfig]) -> Iterator[Broken]:
    """Yield what is wrong with a crawl whose fields are each valid. ``lanes`` are those that exist, by name."""
    lane = lanes.get(crawl.lane)
    if lane is None:
        yield Broken(path=("lane",), reason=f"no lane {crawl.lane!r}; {did_you_mean(crawl.lane, lanes)}".rstrip("; "))
    elif lane.orchestrator is Orchestrator.DURABLE and not crawl.ordered:
        reason = f"lane {crawl.lane!r} is durable, which takes `ordered` crawls alone"
        yield Broken(path=("lane",), reason=reason, others=["ordered"])
    yield from _pages(crawl)
    yield from _waiting(crawl)
    yield from _pictures(crawl)
    if crawl.steps and crawl.steps[0].goto is None:
        yield Broken(path=("steps", 0), reason="the first step is a `goto`: the browser begins with an empty page")
    for index, step in enumerate(crawl.before):
        if step.goto is not None:
            yield Broken(path=("before", index), reason="no `goto`: these are done in the page that is visited")
    for name in crawl.expect.fields:
        if name not in crawl.extract:
            hint = did_you_mean(name, {*crawl.extract, "status", "contains", "not_contains"})
            yield Broken(
                path=("expect", name), reason=f"no such field in `extract`; {hint}".rstrip("; "), others=["extract"]
            )
    lowered = Counter(name.lower() for name in crawl.headers)
    for name in crawl.headers:
        if lowered[name.lower()] > 1:
            yield Broken(path=("headers", name), reason="the same header stands twice; case does not matter")


def _pages(crawl: CrawlConfig) -> Iterator[Broken]:
    if not crawl.urls and crawl.sitemap is None:
        yield Broken(path=(), reason="no pages: give `urls` or `sitemap`", others=["urls", "sitemap"])
    if crawl.sitemap is None:
        for key in ("include", "exclude"):
            if getattr(crawl, key):
                yield Broken(
                    path=(key,), reason="filters a sitemap's pages, and there is no `sitemap`", others=["sitemap"]
                )
    if len(crawl.urls) > crawl.limit:
        yield Broken(
            path=("limit",), reason=f"{crawl.limit} is less than the {len(crawl.urls)} URLs listed", others=["urls"]
        )
    if crawl.ordered and crawl.sitemap is not None:
        yield Broken(
            path=("ordered",), reason="needs `urls`: the order of a sitemap is the site's to change", others=["sitemap"]
        )
    if crawl.ordered:
        counted = Counter(crawl.urls)
        for index, url in enumerate(crawl.urls):
            if counted[url] > 1:
                yield Broken(path=("urls", index), reason=f"{url} stands twice; an ordered crawl visits a page once")


def _pictures(crawl: CrawlConfig) -> Iterator[Broken]:
    if crawl.visual is not None and crawl.screenshot in {Screenshot.NEVER, Screenshot.FAILURE}:
        yield Broken(
            path=("visual",),
            reason=(
                f"`screenshot: {crawl.screenshot}` keeps no picture of a good visit, so there is nothing to compare; "
                "write `screenshot: full_page`, `viewport` or {element: CSS}"
            ),
            others=["screenshot"],
        )


def _waiting(crawl: CrawlConfig) -> Iterator[Broken]:
    settle = crawl.settle
    if settle.quiet > settle.at_most:
        yield Broken(
            path=("settle", "quiet"), reason=f"{settle.quiet:g} s is longer than `settle.at_most`, {settle.at_most:g} s"
        )
    if settle.at_most > crawl.timeout:
        yield Broken(
            path=("settle", "at_most"),
            reason=f"{settle.at_most:g} s is longer than `timeout`, {crawl.timeout:g} s",
            others=["timeout"],
        )
