"""Whether a picture of a page would show a secret: judged by what the browser paints, outside of the page's world.

Where that can't be told, it counts as shown (``doubt``). The crawler compares: a page must not be given the secrets to
look for.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from trapline_common.content.secret_finder import SecretFinder
from trapline_crawler.visit.resolved_secrets import Resolved
from trapline_crawler.visit.snapshot_texts import STYLES, painted

MOST_NODES = 200_000
"""Nodes of a page, all its frames together, that are looked through."""
MOST_FRAMES = 20
"""Frames in other processes that are looked through."""
MOST_DRAWINGS = 50
"""Files with drawings (SVG) that are looked through."""
_VECTOR = "image/svg+xml"
_SHOWN = "the page shows a secret"


async def doubt(page: Page, resolved: Resolved) -> str | None:
    """Return why there can be no picture of ``page``, in words; ``None`` when it shows no secret.

    Raises Playwright's error when the page does not answer.
    """
    session = await page.context.new_cdp_session(page)
    try:
        counters = await session.send("Memory.getDOMCounters")
        if counters["nodes"] > MOST_NODES:
            return f"the page has more than {MOST_NODES} nodes"
        found, elsewhere = await _look(session, resolved.finder, await _masked(session, resolved.secret_fields))
    finally:
        await session.detach()
    return found or (await _look_elsewhere(page, resolved, elsewhere) if elsewhere else None)


async def _look(session: CDPSession, finder: SecretFinder, masked: set[int]) -> tuple[str | None, int]:
    """Return why there is doubt of one process's part of the page, and how many frames others show."""
    snapshot = await session.send("DOMSnapshot.captureSnapshot", {"computedStyles": list(STYLES)})
    shown = painted(snapshot, masked)
    if any(finder.shows(text) for text in set(shown.texts)):
        return _SHOWN, 0
    if shown.doubts:
        return f"{shown.doubts[0]} may show a secret", 0
    return await _drawn(session, finder), shown.frames_elsewhere


async def _look_elsewhere(page: Page, resolved: Resolved, expected: int) -> str | None:
    """Look through the frames that other processes show; ``expected``: how many there are in the page's own part."""
    looked = 0
    for frame in page.frames[1:]:
        try:
            session = await page.context.new_cdp_session(frame)
        except PlaywrightError:
            continue  # it is in the part of its parent
        if looked == MOST_FRAMES:
            return f"the page has more than {MOST_FRAMES} frames of other sites"
        looked += 1
        try:
            found, within = await _look(session, resolved.finder, set())
        finally:
            await session.detach()
        expected += within
        if found is not None:
            return found
    return "a frame may show a secret" if looked < expected else None


async def _masked(session: CDPSession, selectors: tuple[str, ...]) -> set[int]:
    """Return the elements of the page that the picture masks, by their backend node ids; a frame's are not among them.

    A selector that only the driver understands finds none here: then its fields count as shown.
    """
    found: set[int] = set()
    if not selectors:
        return found
    root = (await session.send("DOM.getDocument", {"depth": 0}))["root"]["nodeId"]
    for selector in selectors:
        try:
            nodes = (await session.send("DOM.querySelectorAll", {"nodeId": root, "selector": selector}))["nodeIds"]
        except PlaywrightError:
            continue
        for node in nodes[:MOST_FRAMES]:
            found.add((await session.send("DOM.describeNode", {"nodeId": node}))["node"]["backendNodeId"])
    return found


async def _drawn(session: CDPSession, finder: SecretFinder) -> str | None:
    """Look through the drawings that the page loaded as pictures: the snapshot shows no text of theirs."""
    tree = (await session.send("Page.getResourceTree"))["frameTree"]
    drawings = list(_drawings(tree))
    if drawings:
        await session.send("Page.enable")  # else it gives no content
    if len(drawings) > MOST_DRAWINGS:
        return f"the page has more than {MOST_DRAWINGS} drawings"
    for frame, url in drawings:
        try:
            answer = await session.send("Page.getResourceContent", {"frameId": frame, "url": url})
        except PlaywrightError:
            return "a drawing may show a secret"
        text = answer["content"]
        if answer["base64Encoded"]:
            text = b64decode(text).decode("utf-8", "replace")
        if finder.scrub_html(text) != text:
            return _SHOWN
    return None


def _drawings(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for resource in tree["resources"]:
        if resource["mimeType"] == _VECTOR and resource["type"] != "Document":
            yield tree["frame"]["id"], resource["url"]
    for child in tree.get("childFrames", ()):
        yield from _drawings(child)
