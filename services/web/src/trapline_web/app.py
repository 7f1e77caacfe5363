"""The view as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trapline_web.access import Access
from trapline_web.guard import Guard
from trapline_web.ports import Actions, Pictures, Place, Views
from trapline_web.routes.actions import Forms
from trapline_web.routes.api import Api
from trapline_web.routes.doors import Door
from trapline_web.routes.feeds import Feeds
from trapline_web.routes.files import Files, static
from trapline_web.routes.metrics import Metrics
from trapline_web.routes.screens import Screens
from trapline_web.routes.site import Site
from trapline_web.thumbnails.kept import Thumbnails

_WORTH_COMPRESSING = 1_000
"""Bytes from which an answer is compressed."""


def create_app(*, views: Views, pictures: Pictures, actions: Actions | None, access: Access, place: Place) -> Starlette:
    """Return the view. ``actions`` ``None``: for looking only."""
    thumbnails = Thumbnails(pictures)
    site = Site(views=views, pictures=pictures, thumbnails=thumbnails, actions=actions, access=access, place=place)
    forms, artifacts, feeds = Forms(site), Files(site), Feeds(site)
    routes = [
        Route("/enter", Door(site).answer, methods=["GET", "POST"]),
        Route("/static/{name}", static),
        Route("/api/v1/{name}", Api(site).screen),
        Route("/changes.atom", feeds.changes),
        Route("/badge/{name}.svg", feeds.badge),
        Route("/ok/{name}", feeds.ok),
        Route("/metrics", Metrics(feeds).answer),
        Route("/pictures/{key:path}", site.entered(artifacts.picture)),
        Route("/thumbnails/{key:path}", site.entered(artifacts.thumbnail)),
        Route("/html/{key:path}", site.entered(artifacts.html)),
        Route("/runs/{id:int}/cancel", site.entered(forms.confirm_cancel), methods=["GET"]),
        *(Route(path, site.entered(act), methods=["POST"]) for path, act in forms.handlers().items()),
        *(Route(path, site.entered(show), methods=["GET"]) for path, show in Screens(site).handlers().items()),
    ]

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if not request.state.entered:
            return site.door(request)
        title = "There is nothing here" if status < 500 else "The view failed"  # noqa: PLR2004
        return site.message(request, title, "The address leads to no screen." if status < 500 else "", status=status)  # noqa: PLR2004

    @asynccontextmanager
    async def life(_app: Starlette) -> AsyncIterator[None]:
        yield
        await thumbnails.close()

    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, access=access), Middleware(GZipMiddleware, minimum_size=_WORTH_COMPRESSING)],
        exception_handlers={HTTPException: refused, Exception: refused},
        lifespan=life,
    )
