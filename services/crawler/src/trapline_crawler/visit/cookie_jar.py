"""A context's cookies, read and restored, each still bound to the scheme and port that set it.

Playwright's own storage state forgets scheme and port, and a cookie without them is sent nowhere by a browser that
binds cookies to origins (``browser.launch_options``).
"""

from collections.abc import Iterable
from typing import Any

from playwright.async_api import Page

_KEPT = (
    "name",
    "value",
    "path",
    "secure",
    "httpOnly",
    "sameSite",
    "priority",
    "sourceScheme",
    "sourcePort",
    "partitionKey",
)


async def cookies_of(page: Page) -> list[dict[str, Any]]:
    """Return every cookie of the page's context, as JSON values; they hold log-ins."""
    session = await page.context.new_cdp_session(page)
    cookies = (await session.send("Network.getAllCookies"))["cookies"]
    await session.detach()
    return list(cookies)


async def put_cookies(page: Page, cookies: Iterable[dict[str, Any]]) -> None:
    """Put what ``cookies_of`` returned into the page's context."""
    session = await page.context.new_cdp_session(page)
    await session.send("Network.setCookies", {"cookies": [_parameters(cookie) for cookie in cookies]})
    await session.detach()


def _parameters(cookie: dict[str, Any]) -> dict[str, Any]:
    kept = {name: cookie[name] for name in _KEPT if name in cookie}
    if not cookie.get("session"):
        kept["expires"] = cookie["expires"]
    if cookie["domain"].startswith("."):
        return kept | {"domain": cookie["domain"]}
    # Set with a URL it stays its host's alone; set with a domain it would go to every subdomain.
    scheme = "https" if cookie.get("secure") or cookie.get("sourceScheme") == "Secure" else "http"
    host = f"[{cookie['domain']}]" if ":" in cookie["domain"] else cookie["domain"]
    return kept | {"url": f"{scheme}://{host}{cookie['path']}"}
