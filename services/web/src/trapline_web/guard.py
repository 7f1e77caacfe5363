"""What stands before every request: whom it is answered, and with which headers."""

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trapline_web.access import Access

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
"""No inline script or style, nothing of another origin, and no way from a text to an element."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # not "no-referrer": with it browsers send their own forms with `Origin: null`, which is refused below
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_MOST_BODY = 64 * 1024
"""Bytes of a form."""


class Guard:
    """Answers known hosts only, takes writes from this view's own forms only, and adds the headers.

    A name that a foreign page rebound to this address is refused by ``Host``, a foreign page's form by ``Origin`` and
    ``Sec-Fetch-Site``. Whether the request is let in stands in ``scope["state"]["entered"]``.
    """

    def __init__(self, app: ASGIApp, *, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, text in HEADERS.items():
                    given.setdefault(name, text)
                given.setdefault("Cache-Control", "no-store")
            await send(message)

        refused = self._refusal(scope["method"], headers)
        if refused is not None:
            await _plain(sent, *refused)
            return
        entered = self._entered(headers)
        scope.setdefault("state", {})["entered"] = entered
        await self._app(scope, receive, sent)

    def _refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        host = headers.get("host", "").lower()
        if host not in self._access.hosts:
            return 403, "this view does not answer to this name; open the address that it printed"
        if method in {"GET", "HEAD"}:
            return None
        if method != "POST":
            return 405, "this view takes GET and POST only"
        length = headers.get("content-length", "")
        if not length.isdigit() or int(length) > _MOST_BODY:
            return 413, "a form of this view is smaller"
        scheme = "https" if self._access.secure else "http"
        origin = headers.get("origin")
        if origin is not None and origin != f"{scheme}://{host}":
            return 403, "a form of another origin is not taken"
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return 403, "a form of another site is not taken"
        if origin is None and "sec-fetch-site" not in headers and not _bearer(headers):
            return 403, "a form without an origin is not taken"
        return None

    def _entered(self, headers: Headers) -> bool:
        bearer = _bearer(headers)
        if bearer:
            return self._access.is_token(bearer)
        return any(self._access.is_cookie(value) for value in _cookies(headers, self._access.cookie_name))


def _bearer(headers: Headers) -> str:
    scheme, _, text = headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _cookies(headers: Headers, name: str) -> Iterable[str]:
    for text in headers.getlist("cookie"):
        try:
            found = SimpleCookie(text)
        except CookieError:
            continue
        if name in found:
            yield found[name].value


async def _plain(send: Send, status: int, text: str) -> None:
    body = f"{text}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
