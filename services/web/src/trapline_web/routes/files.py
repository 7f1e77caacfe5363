"""Files: the view's own, and the artifacts of visits, which a page chose and nobody trusts."""

from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from trapline_common.domain.artifact_key import PNG
from trapline_web.routes.site import Site

_KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_NAMES = frozenset({"trapline.css", "trapline.js", "theme.js", "icon.svg"})
_CONFINED = "default-src 'none'; sandbox"
"""For what a page wrote: should a browser take it for a document after all, that does nothing."""


async def static(request: Request) -> Response:
    """Answer ``/static/NAME``."""
    name = request.path_params["name"]
    if name not in _NAMES:
        return Response("no such file\n", status_code=404, media_type="text/plain")
    data = files("trapline_web").joinpath("static", name).read_bytes()
    kind = _KINDS[f".{name.rpartition('.')[2]}"]
    return Response(data, headers={"Content-Type": kind, "Cache-Control": "public, max-age=86400"})


class Files:
    """Answers with artifacts."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def picture(self, request: Request) -> Response:
        """Answer ``/pictures/KEY``: a PNG by its own first bytes, whatever its name says."""
        data = await self._artifact(request.path_params["key"])
        if data is None or not data.startswith(PNG):
            return self._site.message(request, "There is no such picture", "It is no longer kept.", status=404)
        return Response(data, headers=_headers("image/png", 'inline; filename="screenshot.png"'))

    async def thumbnail(self, request: Request) -> Response:
        """Answer ``/thumbnails/KEY`` with a small WebP of a picture."""
        try:
            data = await self._site.thumbnails.read(request.path_params["key"])
        except KeyError:
            return self._site.message(request, "There is no such picture", "It is no longer kept.", status=404)
        return Response(data, headers=_headers("image/webp", 'inline; filename="screenshot.webp"'))

    async def html(self, request: Request) -> Response:
        """Answer ``/html/KEY``: always a download, never a document of this site."""
        data = await self._artifact(request.path_params["key"])
        if data is None:
            return self._site.message(request, "There is no such file", "It is no longer kept.", status=404)
        return Response(data, headers=_headers("application/octet-stream", 'attachment; filename="page.html.txt"'))

    async def _artifact(self, key: str) -> bytes | None:
        try:
            return await self._site.pictures.read(key)
        except KeyError:
            return None


def _headers(kind: str, disposition: str) -> dict[str, str]:
    return {
        "Content-Type": kind,
        "Content-Disposition": disposition,
        "Content-Security-Policy": _CONFINED,
        "Cache-Control": "private, max-age=86400, immutable",
    }
