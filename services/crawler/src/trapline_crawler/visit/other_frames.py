"""Frames of other sites, where the crawl wants them read: each by itself, for no script reaches over that border."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from trapline_common.config.models import CrawlConfig
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_script import LONGEST_TEXT, Reading, UnreadableAnswerError, asked, reader, reading

MOST_FRAMES = 20
"""Frames of other sites that are read; a page with advertisements has dozens."""
WITHIN = 8.0
"""Seconds for all of them together, at most half of what the visit has left."""
ONE_WITHIN = 3.0
"""Seconds for one of them: to arrive, to rest and to be read."""
SMALLEST = 10
"""CSS pixels of a frame's sides; smaller ones are there for no person to read."""

_WORLD = "trapline-frame"
_AT_ONCE = {"loadWithin": 0, "atMost": 0}
"""What is asked of a frame of no origin: where scripts may not run, neither do the reader's timers."""
_NOTHING_SPENT: dict[str, Any] = {
    "received": 0, "errors": 0, "open": 0, "documents": 1, "wentBack": False, "taken": False, "thrown": 0,
    "refresh": None,
}  # fmt: skip
"""What the tab meter says of the whole tab, and of no frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """One document that is not the page's own, in the process that shows it."""

    session: CDPSession
    """Of that process."""
    id: str
    """The protocol's id of the frame."""


async def with_other_frames(
    found: Reading, page: Page, session: CDPSession, crawl: CrawlConfig, limits: VisitLimits, *, within: float
) -> Reading:
    """Return the reading of the page with those of its frames of other sites, in the order of the page's frames.

    A frame that does not answer in time costs its own text, and is counted in ``frames_left_out``. Raises Playwright's
    error when the page is gone, ``TimeoutError`` when it says nothing any more.
    """
    until = time.monotonic() + min(WITHIN, within / 2)
    number = 0
    async with aclosing(_frames(page, session)) as frames:
        async for frame in frames:
            left = min(ONE_WITHIN, until - time.monotonic())
            if number == MOST_FRAMES or left <= 0:
                return replace(found, frames_left_out=found.frames_left_out + 1)
            number += 1
            if frame is None:
                found = replace(found, frames_left_out=found.frames_left_out + 1)
                continue
            found = await _with(found, frame, page, crawl, limits, within=left)
    return found


async def _with(
    found: Reading, frame: _Frame, page: Page, crawl: CrawlConfig, limits: VisitLimits, *, within: float
) -> Reading:
    try:
        async with asyncio.timeout(within):
            read = await _read(frame, crawl, limits, within=within)
    except (TimeoutError, PlaywrightError, UnreadableAnswerError):
        if page.is_closed():
            raise
        return replace(found, frames_left_out=found.frames_left_out + 1)
    return found if read is None else joined(found, read)


async def _frames(page: Page, session: CDPSession) -> AsyncGenerator[_Frame | None, None]:
    """Yield the frames of the page's own process, then those that other processes show; ``None``: it says nothing."""
    async with asyncio.timeout(ONE_WITHIN):
        own = await session.send("Page.getFrameTree")
    for frame in _inner(own["frameTree"]):
        yield _Frame(session=session, id=frame)
    for each in page.frames[1:]:
        try:
            async with asyncio.timeout(ONE_WITHIN):
                other = await page.context.new_cdp_session(each)
        except PlaywrightError:
            continue  # it is of the page's own process, or has gone
        except TimeoutError:
            yield None
            continue
        try:
            async with asyncio.timeout(ONE_WITHIN):
                tree = (await other.send("Page.getFrameTree"))["frameTree"]
            for frame in [tree["frame"]["id"], *_inner(tree)]:
                yield _Frame(session=other, id=frame)
        except (TimeoutError, PlaywrightError):
            yield None
        finally:
            await _detach(other)


async def _detach(session: CDPSession) -> None:
    try:
        async with asyncio.timeout(1):
            await session.detach()
    except (TimeoutError, PlaywrightError):
        return  # the frame has gone, or never answers: the session ends with the page


def _inner(tree: dict[str, Any]) -> list[str]:
    found = list[str]()
    for child in tree.get("childFrames", ()):
        found += [child["frame"]["id"], *_inner(child)]
    return found


async def _read(frame: _Frame, crawl: CrawlConfig, limits: VisitLimits, *, within: float) -> Reading | None:
    """Read one frame in a world of its own; ``None`` for one that the page's own reading has, or nobody sees."""
    world = await frame.session.send("Page.createIsolatedWorld", {"frameId": frame.id, "worldName": _WORLD})
    half = within / 2
    values = asked(crawl, load_within=half, wait_within=None, settle_at_most=min(crawl.settle.at_most, half))
    values |= {"check": None, "signs": []}  # of the page itself, and no other site's business
    question = f"({reader()})({{...{json.dumps(values)}, ...(origin === 'null' ? {json.dumps(_AT_ONCE)} : {{}})}})"
    seen = f"frameElement === null && Math.min(innerWidth, innerHeight) >= {SMALLEST}"
    answer = await frame.session.send(
        "Runtime.evaluate",
        {
            "expression": f"{seen} ? {question} : null",
            "contextId": world["executionContextId"],
            "awaitPromise": True,
            "returnByValue": True,
        },
    )
    if "exceptionDetails" not in answer and answer.get("result", {}).get("value") is None:
        return None
    return reading({**answer, "spent": _NOTHING_SPENT}, crawl, limits, url="")


def joined(found: Reading, frame: Reading) -> Reading:
    """Return both as one: texts one after the other, a field from the first that has it, what is wrong in neither."""
    texts = [text for text in (found.text, frame.text) if text is not None]
    text = "\n".join(texts) if texts else None
    fields = {name: frame.fields[name] if value is None else value for name, value in found.fields.items()}
    return replace(
        found,
        text=None if text is None else text[:LONGEST_TEXT],
        too_long=found.too_long or frame.too_long or len(text or "") > LONGEST_TEXT,
        fields=fields,
        problems=_still_wrong(found.problems, frame, fields),
        has_elements=found.has_elements or frame.has_elements,
    )


def _still_wrong(problems: Sequence[str], frame: Reading, fields: dict[str, str | None]) -> tuple[str, ...]:
    mended = tuple(f"extract {name}: " for name, value in fields.items() if value is not None)
    if frame.text is not None:
        mended += ("watch: nothing matches ",)
    return tuple(problem for problem in problems if not problem.startswith(mended))
