"""What other programs look at without a browser: a feed of changes, a badge, and a line for monitors.

They take the token, or a key that stands in their own address and opens nothing else.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trapline_common.domain.errors import InputRefusedError, OtherReleaseError, TransientError
from trapline_common.ledger.views.screens.crawl import CrawlScreen
from trapline_common.ledger.views.screens.lists import ChangesScreen
from trapline_web.rendering import sentences, states
from trapline_web.rendering.environment import render
from trapline_web.routes.site import Site

_COLOURS = {"ok": "#1d6a4f", "bad": "#b3261e", "run": "#2557c7", "mute": "#5a6761"}
_LETTER = 7
"""Units of a badge that a letter takes."""


class Feeds:
    """Answers feeds, badges and monitors."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def changes(self, request: Request) -> Response:
        """Answer ``/changes.atom``: the newest changes, as Atom (RFC 4287)."""
        crawl = request.query_params.get("crawl", "")
        found = await self.read(request, "changes", {"crawl": crawl})
        if isinstance(found, Response):
            return found
        screen: ChangesScreen | None = found
        values = {
            "screen": screen,
            "crawl": crawl,
            "changes": () if screen is None else screen.changes,
            "origin": str(request.base_url).rstrip("/"),
            "place": self._site.place,
        }
        text = render(self._site.templates, "changes.atom.xml", values)
        return Response(text, media_type="application/atom+xml; charset=utf-8")

    async def badge(self, request: Request) -> Response:
        """Answer ``/badge/CRAWL.svg``: the crawl's state as a picture."""
        found = await self.read(request, "crawl", {"name": request.path_params["name"]})
        if isinstance(found, Response):
            return found
        screen: CrawlScreen | None = found
        style, word = ("mute", "not crawled yet") if screen is None else self._state(screen)
        name = request.path_params["name"]
        values = {
            "name": name,
            "word": word,
            "colour": _COLOURS.get(style, _COLOURS["mute"]),
            "left": 14 + _LETTER * len(name[:60]),
            "right": 14 + _LETTER * len(word),
        }
        text = render(self._site.templates, "badge.svg", values)
        return Response(text, media_type="image/svg+xml", headers={"Cache-Control": "no-cache, private"})

    async def ok(self, request: Request) -> Response:
        """Answer ``/ok/CRAWL``: 200 and OK while every page is well, else 503 and what is wrong."""
        found = await self.read(request, "crawl", {"name": request.path_params["name"]})
        if isinstance(found, Response):
            return found
        screen: CrawlScreen | None = found
        if screen is None:
            return _line(503, "nothing was crawled yet")
        style, _ = self._state(screen)
        return _line(503, sentences.crawl_sentence(screen.crawl)) if style == "bad" else _line(200, "OK")

    def _state(self, screen: CrawlScreen) -> tuple[str, str]:
        return states.crawl_state(screen.crawl, screen.strip[-1] if screen.strip else None)

    async def read(self, request: Request, name: str, given: Mapping[str, str]) -> Any:
        """Return the screen's model, or the answer that refuses."""
        key = request.query_params.get("key", "")
        try:
            opened = request.state.entered or (key and self._site.access.feeds.holds(key))
        except InputRefusedError:  # its words name a path of this machine, and anybody may ask
            return _line(503, "the keys of feeds can't be read; `trapline web --new-feed-key NAME` says why")
        if not opened:
            return _line(401, "give the token as a bearer header, or a key of feeds as ?key=")
        try:
            return await self._site.read(name, given)
        except (OtherReleaseError, TransientError) as error:
            return _line(503, str(error))
        except InputRefusedError as error:
            return _line(404, str(error))


def _line(status: int, text: str) -> Response:
    return Response(f"{text}\n", status_code=status, media_type="text/plain")
