"""The screens: each is one read, one sentence and one template."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from trapline_common.content.diff import FieldChange
from trapline_common.domain.lifecycle import InvocationStatus
from trapline_common.ledger.views.page_history import Visit
from trapline_common.ledger.views.screens import crawl as crawls
from trapline_common.ledger.views.screens import lists, machine, overview, page, run
from trapline_web.rendering import sentences, states
from trapline_web.rendering.chart import field_chart, load_chart, number, numeric_fields
from trapline_web.rendering.ignoring import ignored_regions, ignored_text
from trapline_web.rendering.iso_json import tag_of
from trapline_web.rendering.progress import bar, cells, pace
from trapline_web.rendering.reasons import MEANINGS
from trapline_web.rendering.regions import regions_of
from trapline_web.rendering.strip import strip
from trapline_web.rendering.timeline import film, timeline
from trapline_web.routes.site import Handler, Site

LAMBDA_RATE = 0.0000133334
"""Dollars for a GB-second on Arm, the first tier in us-east-1 (AWS Lambda pricing, November 2026)."""
LAMBDA_GIGABYTES = 2.0
"""The crawler's default memory (terraform/variables.tf)."""
_LOAD_TIME = "load time"


class Screens:
    """Answers with screens."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def handlers(self) -> Mapping[str, Handler]:
        """Return each address with its handler."""
        return {
            "/": self.overview,
            "/runs": self.runs,
            "/runs/{id:int}": self.run,
            "/pages": self.pages,
            "/pages/{id:int}": self.page,
            "/crawls/{name}": self.crawl,
            "/changes": self.changes,
            "/failures": self.failures,
            "/lanes": self.lanes,
            "/invocations": self.invocations,
            "/alerts": self.alerts,
            "/costs": self.costs,
            "/find": self.find,
        }

    async def _read(self, request: Request, screen: str, /, **more: str) -> Any:
        return await self._site.read(screen, {**request.query_params, **{k: v for k, v in more.items() if v}})

    def _nothing(self, request: Request) -> Response:
        return self._site.message(
            request, "Nothing was crawled yet", f"`{self._site.place.begins}` begins.", status=200
        )

    async def overview(self, request: Request) -> Response:
        """Answer whether everything is fine."""
        screen: overview.Overview | None = await self._read(request, "overview")
        if screen is None:
            return self._nothing(request)
        found = sentences.verdict(screen)
        offset = _offset(request)
        rows = []
        for card in screen.crawls:
            last = card.strip[-1] if card.strip else None
            style, word = states.crawl_state(card.crawl, last)
            rows.append(
                {
                    "crawl": card.crawl,
                    "last": last,
                    "next_at": card.next_at,
                    "style": style,
                    "word": word,
                    "strip": strip(card.strip, places=overview.BARS),
                }
            )
        more = offset + len(rows) if offset + len(rows) < screen.crawls_total else None
        values = {
            "screen": screen,
            "at": screen.at,
            "title": found.sentence,
            "verdict": found,
            "rows": rows,
            "offset": offset,
            "more_crawls": more,
            "here": "overview",
            "failing": screen.failing_total,
            "tag": tag_of(screen),
        }
        return self._site.page(request, "overview.html", values)

    async def run(self, request: Request) -> Response:
        """Answer what a run does, or did."""
        show = request.query_params.get("show", "")
        screen: run.RunScreen | None = await self._read(request, "run", id=str(request.path_params["id"]))
        if screen is None:
            return self._nothing(request)
        style, word = states.run_state(screen.run)
        offset = _offset(request)
        counts = dict.fromkeys((str(status) for status in InvocationStatus), 0)
        for invocation in screen.invocations:
            counts[invocation.status] = counts.get(invocation.status, 0) + 1
        query = urlencode({key: value for key, value in (("show", show), ("offset", offset)) if value})
        values = {
            "screen": screen,
            "run": screen.run,
            "at": screen.at,
            "title": sentences.run_sentence(screen.run),
            "style": style,
            "word": word,
            "bar": bar(screen.run),
            "cells": cells(screen.run),
            "show": show,
            "pace": pace(screen.run, screen.at),
            "eight": list(counts.items()),
            "here": "runs",
            "pages": {
                "earlier": max(offset - run.VISITS, 0) if offset else None,
                "later": offset + run.VISITS if offset + len(screen.visits) < screen.visits_total else None,
            },
            "query_string": f"?{query}" if query else "",
            "config": _pretty(screen.around.config),
            "tag": tag_of(screen),
        }
        return self._site.page(request, "run.html", values)

    async def page(self, request: Request) -> Response:
        """Answer what happened to a page."""
        given = request.query_params
        identity = str(request.path_params["id"])
        screen: page.PageScreen | None = await self._read(
            request, "page", id=identity, older=given.get("from", ""), newer=given.get("to", "")
        )
        if screen is None:
            return self._nothing(request)
        style, word = states.page_state(screen.page)
        series = [*numeric_fields(screen.steps), *([_LOAD_TIME] if screen.loads else [])]
        chosen = given.get("series", "")
        chosen = chosen if chosen in series else (series[0] if series else "")
        last = screen.visits[-1].id if screen.visits else 0
        compared = screen.compared
        changed = [visit.id for visit in screen.visits if visit.changed]
        newest = compared.newer.id if compared else 0
        values = {
            "screen": screen,
            "page": screen.page,
            "at": screen.at,
            "style": style,
            "word": word,
            "here": "pages",
            "title": sentences.page_sentence(screen.page),
            "series": series,
            "compared": compared,
            "drawn": load_chart(screen.loads, until=screen.at)
            if chosen == _LOAD_TIME
            else field_chart(chosen, screen.steps, until=screen.at)
            if chosen
            else None,
            "timeline": timeline(screen.visits, whole=not screen.more),
            "film": film(screen.visits),
            "earlier_than": last if screen.more else None,
            "good": [visit for visit in screen.visits if visit.reason is None],
            "older_change": next((each for each in changed if each < newest), None),
            "newer_change": next((each for each in reversed(changed) if each > newest), None),
            "unchanged": compared is not None and compared.older is not None and _same(compared.older, compared.newer),
            "picture_pair": compared is not None
            and compared.older is not None
            and bool(compared.older.screenshot)
            and bool(compared.newer.screenshot),
            "same_picture": compared is not None
            and compared.older is not None
            and compared.older.screenshot == compared.newer.screenshot,
            **regions_of(compared),
            "ignored_text": ignored_text(compared.words.lines) if compared is not None and compared.words else "",
            "ignored_regions": ignored_regions(regions_of(compared)["boxes"]),
            "view": given.get("view", ""),
            "percent": percent,
            "self_link": lambda **change: _link(request, change),
            "tag": None,
        }
        return self._site.page(request, "page.html", values)

    async def crawl(self, request: Request) -> Response:
        """Answer how a crawl is."""
        screen: crawls.CrawlScreen | None = await self._read(request, "crawl", name=request.path_params["name"])
        if screen is None:
            return self._nothing(request)
        style, word = states.crawl_state(screen.crawl, screen.strip[-1] if screen.strip else None)
        values = {
            "screen": screen,
            "crawl": screen.crawl,
            "at": screen.at,
            "style": style,
            "word": word,
            "title": sentences.crawl_sentence(screen.crawl),
            "drawn": strip(screen.strip, places=crawls.BARS),
            "config": _pretty(screen.config),
            "q": request.query_params.get("q", ""),
            **_turning(request, shown=len(screen.pages), total=screen.pages_total, at_once=crawls.PAGES),
        }
        return self._site.page(request, "crawl.html", values)

    async def runs(self, request: Request) -> Response:
        """Answer with the newest runs."""
        screen: lists.RunsScreen | None = await self._read(request, "runs")
        if screen is None:
            return self._nothing(request)
        last = screen.runs[-1] if screen.more else None
        values = {
            "screen": screen,
            "at": screen.at,
            "title": sentences.runs_sentence(screen),
            "here": "runs",
            "crawl": request.query_params.get("crawl", ""),
            "show": request.query_params.get("show", ""),
            "next_link": None if last is None else _link(request, {"before": str(last.id)}),
        }
        return self._site.page(request, "runs.html", values)

    async def pages(self, request: Request) -> Response:
        """Answer with the pages of every crawl."""
        screen: lists.PagesScreen | None = await self._read(request, "pages")
        if screen is None:
            return self._nothing(request)
        values = {
            "screen": screen,
            "at": screen.at,
            "title": sentences.pages_sentence(screen),
            "here": "pages",
            "q": request.query_params.get("q", ""),
            "crawl": None,
            **_turning(request, shown=len(screen.pages), total=screen.total, at_once=lists.ROWS),
        }
        return self._site.page(request, "pages.html", values)

    async def changes(self, request: Request) -> Response:
        """Answer what is new."""
        screen: lists.ChangesScreen | None = await self._read(request, "changes")
        if screen is None:
            return self._nothing(request)
        last = screen.changes[-1] if screen.more else None
        more = None if last is None else _link(request, {"at": last.at.isoformat(), "after": str(last.id)})
        values = {
            "screen": screen,
            "at": screen.at,
            "title": sentences.changes_sentence(screen),
            "here": "changes",
            "crawl": request.query_params.get("crawl", ""),
            "next_link": more,
        }
        return self._site.page(request, "changes.html", values)

    async def failures(self, request: Request) -> Response:
        """Answer what is broken, and whose fault it is."""
        screen: lists.FailuresScreen | None = await self._read(request, "failures")
        if screen is None:
            return self._nothing(request)
        groups: dict[str, list[Any]] = {}
        for failing in screen.pages:
            groups.setdefault(failing.reason or "", []).append(failing)
        shown = [
            {"reason": reason, "pages": found, "meaning": MEANINGS.get(reason, "see each page")}
            for reason, found in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        ]
        values = {
            "screen": screen,
            "at": screen.at,
            "title": sentences.failures_sentence(screen, len(shown)),
            "here": "failures",
            "groups": shown,
            "reason": request.query_params.get("reason", ""),
            "failing": screen.total,
        }
        return self._site.page(request, "failures.html", values)

    async def lanes(self, request: Request) -> Response:
        """Answer whether the machine works."""
        screen: machine.LanesScreen | None = await self._read(request, "lanes")
        if screen is None:
            return self._nothing(request)
        eights: dict[str, dict[str, int]] = {
            lane.name: dict.fromkeys((str(status) for status in InvocationStatus), 0) for lane in screen.lanes
        }
        for row in screen.counts:
            eights.setdefault(row.lane, {})[row.status] = row.count
        values = {
            "screen": screen,
            "at": screen.at,
            "title": sentences.lanes_sentence(screen),
            "here": "lanes",
            "eights": [(lane, list(counts.items())) for lane, counts in eights.items()],
        }
        return self._site.page(request, "lanes.html", values)

    async def invocations(self, request: Request) -> Response:
        """Answer with invocations."""
        screen: machine.InvocationsScreen | None = await self._read(request, "invocations")
        if screen is None:
            return self._nothing(request)
        last = screen.invocations[-1] if screen.more else None
        more = None if last is None else _link(request, {"at": last.created_at.isoformat(), "after": str(last.id)})
        values = {
            "screen": screen,
            "at": screen.at,
            "title": sentences.invocations_sentence(screen),
            "here": "lanes",
            "statuses": [str(status) for status in InvocationStatus],
            "chosen": request.query_params.get("status", ""),
            "lane": request.query_params.get("lane", ""),
            "next_link": more,
        }
        return self._site.page(request, "invocations.html", values)

    async def alerts(self, request: Request) -> Response:
        """Answer who was told what."""
        screen: lists.AlertsScreen | None = await self._read(request, "alerts")
        if screen is None:
            return self._nothing(request)
        last = screen.alerts[-1] if screen.more else None
        values = {
            "screen": screen,
            "at": screen.at,
            "title": sentences.alerts_sentence(screen),
            "here": "alerts",
            "status": request.query_params.get("status", ""),
            "next_link": None if last is None else _link(request, {"before": str(last.id)}),
        }
        return self._site.page(request, "alerts.html", values)

    async def costs(self, request: Request) -> Response:
        """Answer what it costs."""
        screen: machine.CostsScreen | None = await self._read(request, "costs")
        if screen is None:
            return self._nothing(request)
        seconds = sum(day.seconds for day in screen.days)
        total = seconds * LAMBDA_GIGABYTES * LAMBDA_RATE
        values = {
            "screen": screen,
            "at": screen.at,
            "here": "costs",
            "rate": LAMBDA_RATE,
            "gigabytes": LAMBDA_GIGABYTES,
            "title": sentences.costs_sentence(seconds, total, machine.DAYS),
            "total": total,
            "days_shown": machine.DAYS,
            "visits": sum(row.visits for row in screen.crawls),
        }
        return self._site.page(request, "costs.html", values)

    async def find(self, request: Request) -> Response:
        """Answer with what a search found."""
        screen: lists.FindScreen | None = await self._read(request, "find")
        if screen is None:
            return self._nothing(request)
        query = request.query_params.get("q", "")
        count = len(screen.found)
        values = {
            "screen": screen,
            "at": screen.at,
            "query": query,
            "most": lists.FOUND,
            "title": f"{count or 'Nothing'} found for “{query.strip()}”" if query.strip() else "Find a page or run",
        }
        return self._site.page(request, "find.html", values)


def percent(change: FieldChange) -> str:
    """Return by how much a field's number changed; empty where it holds none."""
    old, new = number(change.old), number(change.new)
    if not old or new is None or old == new:
        return ""
    return f"{100 * (new - old) / abs(old):+.1f} %".replace("-", "\N{MINUS SIGN}")


def _same(older: Visit, newer: Visit) -> bool:
    return older.content_hash == newer.content_hash and dict(older.fields) == dict(newer.fields)


def _offset(request: Request) -> int:
    text = request.query_params.get("offset", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004


def _turning(request: Request, *, shown: int, total: int, at_once: int) -> dict[str, int | None]:
    offset = _offset(request)
    return {
        "earlier": max(offset - at_once, 0) if offset else None,
        "later": offset + at_once if offset + shown < total else None,
    }


def _link(request: Request, change: Mapping[str, str]) -> str:
    """Return the address of this screen with some parameters changed; an empty one is left out."""
    query = urlencode({key: text for key, text in {**request.query_params, **change}.items() if text})
    return request.url.path + (f"?{query}" if query else "")


def _pretty(config: Mapping[str, Any]) -> str:
    return json.dumps(config, indent=2, ensure_ascii=False)
