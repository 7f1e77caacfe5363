"""What every route works with: where screens come from, who may act, and how a page is made."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

from jinja2 import Environment
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from trapline_common.domain.errors import InputRefusedError, OtherReleaseError, TransientError
from trapline_web.access import Access
from trapline_web.ports import Actions, Pictures, Place, Views
from trapline_web.rendering.environment import environment, render
from trapline_web.thumbnails.kept import Thumbnails

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One served view."""

    views: Views
    """Reads screens."""
    pictures: Pictures
    """Reads artifacts."""
    thumbnails: Thumbnails
    """Makes them small."""
    actions: Actions | None
    """Performs commands; ``None``: this view is for looking only."""
    access: Access
    """Who may look."""
    place: Place
    """Which ledger this is."""
    templates: Environment = field(default_factory=environment)
    """The templates."""

    async def read(self, name: str, parameters: Mapping[str, str]) -> Any:
        """Return a screen's model. Raises as ``Views.read`` does."""
        return await self.views.read(name, parameters)

    def page(self, request: Request, template: str, values: Mapping[str, Any], *, status: int = 200) -> Response:
        """Return a page. One that the browser has already is answered with 304."""
        acting = self.actions is not None
        common: dict[str, Any] = {
            "place": self.place,
            "acting": acting,
            "mark": self.access.form_mark,
            "here": "",
            "failing": 0,
            "at": None,
        }
        html = render(self.templates, template, {**common, **values})
        tag = values.get("tag")
        if tag is None:
            return HTMLResponse(html, status_code=status)
        etag = f'"{sha256(str(tag).encode()).hexdigest()[:32]}"'
        headers = {"ETag": etag, "Cache-Control": "no-cache, private"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(html, status_code=status, headers=headers)

    def message(self, request: Request, title: str, *lines: str, status: int) -> Response:
        """Return a page that says why there is nothing else."""
        values = {"title": title, "lines": lines, "link": ("/", "To the overview")}
        return self.page(request, "plain.html", values, status=status)

    def entered(self, handler: Handler) -> Handler:
        """Return the handler for those who are let in; others are shown the door, and errors are shown in words."""

        async def answer(request: Request) -> Response:
            if not request.state.entered:
                return self.door(request)
            try:
                return await handler(request)
            except OtherReleaseError as error:
                return self.message(request, "The ledger is of another release", str(error), status=503)
            except InputRefusedError as error:
                return self.message(request, "There is nothing here", str(error), status=404)
            except TransientError as error:
                return self.message(
                    request,
                    "The ledger can't be read now",
                    str(error),
                    "It is tried again when you look again.",
                    status=503,
                )

        return answer

    def door(self, request: Request) -> Response:
        """Return the page that asks for the token; or has the browser ask again, now as a page of this site.

        A link from a mail or a chat comes without the cookie, which goes along with this site's own requests only.
        """
        path = _screen(request)
        values = {
            "title": "Enter with the link that was printed",
            "lines": (
                "`trapline web` printed a link that lets this browser in, once. It prints a new one at each start.",
                "Or give the token; it is in the file web.token of the data directory.",
            ),
            "to": path,
        }
        response = HTMLResponse(render(self.templates, "enter.html", values), status_code=401)
        if request.method == "GET" and request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
            response.headers["Refresh"] = f"0; url={quote(path, safe='/?=&%:+,-._~')}"
        return response

    def to_enter(self, path: str) -> Response:
        """Return the redirect that lets a browser in."""
        response = RedirectResponse(local_path(path), status_code=303)
        response.set_cookie(
            self.access.cookie_name,
            self.access.cookie,
            httponly=True,
            samesite="strict",
            path="/",
            secure=self.access.secure,
            max_age=30 * 24 * 3600,
        )
        return response


def _screen(request: Request) -> str:
    """Return the address that was asked for; of a form, the screen that it stood on."""
    url = request.url
    if request.method == "POST":
        came_from = urlsplit(request.headers.get("referer", ""))
        if came_from.netloc != request.headers.get("host"):
            return "/"
        return came_from.path + (f"?{came_from.query}" if came_from.query else "")
    return url.path + (f"?{url.query}" if url.query else "")


def local_path(path: str) -> str:
    """Return ``path`` if it is one of this site; the overview for anything that leads elsewhere."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return quote(path, safe="/?=&%:+,-._~#") if inside else "/"
