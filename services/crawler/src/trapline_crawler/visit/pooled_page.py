"""One page of a context, as the tab meter and the browser's protocol know it."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import CDPSession, Frame, Page
from playwright.async_api import Error as PlaywrightError

from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.browser.tab_meter import evaluate, has_arrived, is_taken, open_tab, paint
from trapline_crawler.visit.limits import VisitLimits

NAVIGATED = re.compile(
    r"Execution context was destroyed|Cannot find (default execution )?context|because of a navigation"
    r"|Promise was collected|Inspected target navigated",
    re.IGNORECASE,
)
"""What an evaluation fails with when its document goes away under it."""
NOWHERE = "about:blank"
"""Where a page waits for its next visit: no script of the last one runs on, and nothing is fetched."""


@dataclass(kw_only=True, eq=False)
class PooledPage:
    """One page, used by one visit at a time. No slots: Playwright keeps its own marks on the owner of a listener."""

    page: Page
    """Playwright's handle of the page."""
    session: CDPSession
    """The crawler's own protocol session of the page."""
    visits: int = 0
    """Visits made in it so far."""
    is_clean: bool = True
    """Whether it shows no page of an earlier visit; the pool sets it."""
    lasting: str | None = None
    """What its pages did that no wipe takes back, as the tab meter last said it; ``None``: nothing is known."""
    ended: asyncio.Future[Failure | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    """Resolved when the page is no use any more: with the reason when the tab meter cut it off, with ``None`` when its
    renderer died. What it was asked is never answered then."""
    _closing: set[asyncio.Task[None]] = field(default_factory=set)
    """Windows being closed; asyncio itself keeps no task alive."""

    @staticmethod
    async def open(page: Page, limits: VisitLimits) -> "PooledPage":
        """Take a new page in hand: note a crash and a cut, and close every window that it opens."""
        pooled = PooledPage(page=page, session=await page.context.new_cdp_session(page))
        page.on("crash", pooled._on_crash)
        page.on("popup", pooled._on_popup)
        pooled.session.on("Trapline.cut", pooled._on_cut)
        await open_tab(
            pooled.session, size=limits.size, parts=limits.parts, events=limits.events, reported=limits.reported
        )
        return pooled

    async def evaluate(self, expression: str, *, rest: float = 0.0) -> dict[str, Any]:
        """Evaluate in the isolated world of the document that is shown; see ``tab_meter.evaluate``."""
        answer = await evaluate(self.session, expression, rest=rest)
        self.lasting = answer["spent"]["lasting"]
        return answer

    async def paint_whole(self) -> None:
        """Have its whole window painted from now on, for steps: they may click on a frame of another process."""
        if (size := self.page.viewport_size) is not None:
            await paint(self.session, {"width": size["width"], "height": size["height"]})

    async def has_arrived(self) -> bool:
        """Return whether it shows what the last navigation asked for."""
        return await has_arrived(self.session)

    async def is_taken(self) -> bool:
        """Return whether the page of an earlier visit comes back after the one that was asked for."""
        return self.visits > 0 and await is_taken(self.session)

    async def answers(self, *, within: float) -> bool:
        """Return whether the document that is shown answers ``within`` seconds; true where one takes over from it."""
        try:
            async with asyncio.timeout(within):
                await self.evaluate("0")
        except TimeoutError:
            return False
        except PlaywrightError as error:
            return NAVIGATED.search(str(error)) is not None
        return True

    async def leave(self) -> None:
        """Leave for a blank page, from the isolated world: so it stays in its renderer's process.

        A navigation that the crawler itself asked for would start a process for the blank page and one for the next,
        each as dear as a visit.
        """
        left = asyncio.Event()

        def navigated(frame: Frame) -> None:
            if frame == self.page.main_frame and frame.url == NOWHERE:
                left.set()

        self.page.on("framenavigated", navigated)
        try:
            with suppress(PlaywrightError):  # it has gone before it could answer
                await self.evaluate(f"void location.replace('{NOWHERE}')")
            await left.wait()
        finally:
            self.page.remove_listener("framenavigated", navigated)

    async def collect_garbage(self, *, every: int) -> None:
        """Have its renderer let go of the documents that it left, after each ``every`` visits."""
        if self.visits % every == 0:
            await self.session.send("HeapProfiler.collectGarbage")

    @property
    def failure(self) -> Failure | None:
        """Why the tab meter cut the page off; ``None`` when it did not."""
        return self.ended.result() if self.ended.done() else None

    def _on_crash(self, _page: Page) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _on_cut(self, event: dict[str, Any]) -> None:
        if not self.ended.done():
            self.ended.set_result(Failure(reason=Reason.TOO_LARGE, detail=str(event["why"]), retry=False))

    def _on_popup(self, popup: Page) -> None:
        popup.on("popup", self._on_popup)
        task = asyncio.ensure_future(close_quietly(popup))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def close_quietly(page: Page) -> None:
    """Close a page; one that is closed already, with its opener or with the context, is no error."""
    with suppress(PlaywrightError):
        await page.close()
