"""The door: a link that works once, or the token, becomes the cookie of this browser."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from trapline_web.rendering.environment import render
from trapline_web.routes.form_fields import form_fields
from trapline_web.routes.site import Site


class Door:
    """Lets browsers in."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def answer(self, request: Request) -> Response:
        """Answer ``/enter``: GET with the word of a link, POST with the token."""
        if request.method == "POST":
            form = await form_fields(request)
            to = form.get("to", "/")
            if self._site.access.is_token(form.get("token", "").strip()):
                return self._site.to_enter(to)
            return self._refused("This is not the token", to)
        to = request.query_params.get("to", "/")
        if self._site.access.uses(request.query_params.get("once", "")):
            return self._site.to_enter(to)
        if request.state.entered:
            return self._site.to_enter(to)
        return self._refused("This link was used, or is not of this start", to)

    def _refused(self, title: str, to: str) -> Response:
        lines = ("A link lets one browser in, once. Start `trapline web` again for a new one, or give the token.",)
        values = {"title": title, "lines": lines, "to": to}
        return HTMLResponse(render(self._site.templates, "enter.html", values), status_code=403)
