"""Shows that a browser works, by what it makes: a picture of a page, with the page's colour in it."""

import struct
import zlib

from playwright.async_api import Error as PlaywrightError

from trapline_crawler.browser.errors import BrowserDiedError
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.browser.timeout import bounded

_SIZE = 16
_COLOUR = (10, 160, 40)
_TEXT = "trapline"
_PAGE = f"data:text/html,<body style='margin:0;background:rgb{_COLOUR}'><p>{_TEXT}</p>"
_STEP = 10.0
"""Seconds one step may take. The whole test usually takes 0.2."""
_PNG = b"\x89PNG\r\n\x1a\n"
_PIXELS = 29
"""Bytes before the first chunk that can hold pixels: the signature and the header chunk without its checksum."""


class SelfTestFailedError(BrowserDiedError):
    """The browser started, but it does not show the page that it was given."""


async def self_test(browser: Browser) -> None:
    """Launch ``browser`` and let it show a page. Uses one context.

    Raises a ``BrowserFaultError`` that says what failed. Exit codes and silence prove nothing: Chromium was seen to
    take black screenshots, and to end with an error after it had done everything.
    """
    live = await browser.ready()
    try:
        context = await bounded(
            live.browser.new_context(viewport={"width": _SIZE, "height": _SIZE}), _STEP, "new context"
        )
        page = await bounded(context.new_page(), _STEP, "new page")
        await bounded(page.goto(_PAGE), _STEP, "load")
        text = await bounded(page.inner_text("p"), _STEP, "text")
        picture = await bounded(page.screenshot(type="png"), _STEP, "screenshot")
        await bounded(context.close(), _STEP, "close of a context")
    except PlaywrightError as error:
        raise SelfTestFailedError(str(error).split("\n", 1)[0]) from error
    if text != _TEXT:
        raise SelfTestFailedError(f"the page's text is {text!r}, not {_TEXT!r}")
    shown = first_pixel(picture)
    if shown != _COLOUR:
        raise SelfTestFailedError(f"the picture of a page in {_COLOUR} begins with {shown}")


def first_pixel(png: bytes) -> tuple[int, int, int] | None:
    """Return the colour of the picture's first pixel; ``None`` when it is no PNG with 8 bits per channel.

    It needs no decoder: every PNG filter predicts the first pixel of the first row from nothing.
    """
    if not png.startswith(_PNG) or len(png) < _PIXELS:
        return None
    depth, kind = struct.unpack_from(">BB", png, 24)
    if depth != 8 or kind not in {2, 6}:  # noqa: PLR2004  (true colour, without or with alpha: PNG, section 11.2.1)
        return None
    data, at = b"", len(_PNG)
    while at + 8 <= len(png):
        size, name = struct.unpack_from(">I4s", png, at)
        if name == b"IDAT":
            data += png[at + 8 : at + 8 + size]
        at += size + 12
    try:
        _, red, green, blue = zlib.decompress(data)[:4]
    except (zlib.error, ValueError):
        return None
    return red, green, blue
