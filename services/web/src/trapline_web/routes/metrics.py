"""``/metrics``: the overview in numbers, as Prometheus reads them.

Each scrape asks the ledger anew, so that nothing is counted here which another process may have done.
"""

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from trapline_common.ledger.views.screens.overview import CrawlCard, Overview
from trapline_web.routes.feeds import Feeds


class Metrics:
    """Answers ``/metrics``; whoever may read feeds may read it."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds

    async def answer(self, request: Request) -> Response:
        """Return every gauge; before the first crawl there is one that says so."""
        found = await self._feeds.read(request, "overview", {})
        if isinstance(found, Response):
            return found
        cards: list[CrawlCard] = []
        part: Overview | None = found
        while part is not None and part.crawls:
            cards += part.crawls
            if len(cards) >= part.crawls_total:
                break
            more = await self._feeds.read(request, "overview", {"offset": str(len(cards))})
            if isinstance(more, Response):
                return more
            part = more
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Overview(found, cards))
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Overview(Collector):
    """The gauges of one overview, and of all crawls."""

    def __init__(self, overview: Overview | None, cards: Sequence[CrawlCard]) -> None:
        self._overview = overview
        self._cards = cards

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield each gauge with its help text."""
        found = self._overview
        yield _one("ledger_there", "Whether anything was crawled yet", 0 if found is None else 1)
        if found is None:
            return
        yield _one("problems", "Things that need a person, as `trapline status` lists them", len(found.problems))
        yield _one("pages_failing", "Pages whose last runs failed", found.failing_total)
        yield _one("pages_failing_known", "Those of them that are acknowledged or muted", found.failing_known)
        yield _one("alerts_due", "Alerts that are to be sent", found.alerts.due)
        yield _one("alerts_refused", "Alerts of the last day that a channel refused for good", found.alerts.refused)
        waited = found.alerts.oldest_due_seconds or 0
        yield _one("alerts_oldest_due_seconds", "Seconds that the oldest alert has waited; 0: none is due", waited)
        yield from _crawls(self._cards)
        yield from _lanes(found)


def _one(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"trapline_{name}", words, value=value)


def _crawls(cards: Sequence[CrawlCard]) -> Iterator[GaugeMetricFamily]:
    pages = GaugeMetricFamily("trapline_crawl_pages", "Pages of a crawl's last whole run", labels=["crawl"])
    failing = GaugeMetricFamily("trapline_crawl_pages_failing", "Pages of a crawl that fail", labels=["crawl"])
    open_run = GaugeMetricFamily("trapline_crawl_run_open", "Whether a crawl's newest run is open", labels=["crawl"])
    begun = GaugeMetricFamily(
        "trapline_crawl_run_timestamp_seconds", "When a crawl's newest run began", labels=["crawl"]
    )
    for card in cards:
        name = [card.crawl.name]
        pages.add_metric(name, card.crawl.pages)
        failing.add_metric(name, card.crawl.failing)
        open_run.add_metric(name, card.crawl.under_way)
        if card.strip:
            begun.add_metric(name, card.strip[-1].at.timestamp())
    yield from (pages, failing, open_run, begun)


def _lanes(found: Overview) -> Iterator[GaugeMetricFamily]:
    tasks = GaugeMetricFamily("trapline_lane_tasks", "Open tasks of a lane", labels=["lane", "state"])
    running = GaugeMetricFamily("trapline_lane_invocations", "Active invocations of a lane", labels=["lane", "state"])
    most = GaugeMetricFamily("trapline_lane_max_invocations", "Invocations that a lane may have", labels=["lane"])
    for lane in found.lanes:
        for state, count in (("waiting", lane.waiting), ("delayed", lane.delayed), ("leased", lane.leased)):
            tasks.add_metric([lane.name, state], count)
        for state, count in (("idle", lane.idle), ("running", lane.running), ("stalled", lane.stalled)):
            running.add_metric([lane.name, state], count)
        most.add_metric([lane.name], lane.max_invocations)
    yield from (tasks, running, most)
