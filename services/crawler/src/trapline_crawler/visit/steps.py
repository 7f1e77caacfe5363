"""``steps``, one after the other in one page. A failure names the step, and never the value that was filled in."""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page
from playwright.async_api import TimeoutError as PlaywrightTimeout

from trapline_common.config.secrets import secret_names
from trapline_common.config.steps import Choose, Fill, Step
from trapline_common.config.urls import origin_of, origin_text
from trapline_common.content.secret_finder import reference
from trapline_common.domain.observation import Failure, Reason
from trapline_crawler.browser.timeout import bounded
from trapline_crawler.proxy.context_proxy import ContextProxy
from trapline_crawler.visit.failures import goto_failure, status_failure
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.load import is_gone
from trapline_crawler.visit.pooled_page import PooledPage
from trapline_crawler.visit.request_rules import OwnRequests
from trapline_crawler.visit.resolved_secrets import Resolved

_REPLACED = re.compile(
    r"not attached|Execution context was destroyed|Cannot find context|JSHandle|navigat", re.IGNORECASE
)
"""What Playwright says of a field whose document, or which itself, is gone: the page has another one in its place."""


class Steps:
    """The steps of a crawl in one page, all of them within the crawl's ``timeout``.

    ``before``: those that a page is read after, in it, within so many seconds; they hold no secret.

    ``run`` returns why a step failed, or ``None``. Raises Playwright's error, scrubbed, when page or browser are gone,
    and ``BrowserHungError`` when the driver does not keep its own timeouts.
    """

    def __init__(
        self,
        pooled: PooledPage,
        resolved: Resolved,
        limits: VisitLimits,
        proxy: ContextProxy,
        clock: Callable[[], float] = time.monotonic,
        *,
        rules: OwnRequests | None = None,
        before: float | None = None,
    ) -> None:
        self._pooled = pooled
        self._page = pooled.page
        self._rules = rules
        self._resolved = resolved
        self._limits = limits
        self._proxy = proxy
        self._clock = clock
        self._within = resolved.crawl.timeout if before is None else before
        self._until = clock() + self._within
        self._is_before = before is not None
        self._sent = False  # whether a step may have sent the site a password
        self._address = ""  # of the last ``goto``, as it is written

    async def run(self) -> Failure | None:
        """Do the steps, then wait for what the last one began: a redirect, a script's answer."""
        await bounded(self._pooled.paint_whole(), self._limits.open, "set-up of a page")
        crawl = self._resolved.crawl
        written, steps = (crawl.before,) * 2 if self._is_before else (crawl.steps, self._resolved.steps)
        for number, (as_written, step) in enumerate(zip(written, steps, strict=True), start=1):
            failure = await self._step(number, step, as_written)
            if failure is not None:
                return failure
            self._sent = self._sent or (step.kind in {"click", "press"} and not self._is_before)
        if self._is_before:
            return None  # the page is waited for before it is read
        # A page that never rests is no failure: no step says to wait for what it still does.
        rest = min(self._resolved.crawl.settle.at_most, self._left())
        with suppress(PlaywrightTimeout):
            await self._bounded_rest(rest)
        return None

    async def _bounded_rest(self, seconds: float) -> None:
        try:
            await bounded(
                self._page.wait_for_load_state("networkidle", timeout=max(1.0, seconds * 1000)),
                seconds + self._limits.answer,
                "rest after the steps",
            )
        except PlaywrightTimeout:
            raise
        except PlaywrightError as error:
            raise PlaywrightError(self._scrubbed(error)) from None

    async def _step(self, number: int, step: Step, written: Step) -> Failure | None:
        where = f"{'before: ' if self._is_before else ''}step {number}, {step.kind}"
        try:
            problem = await bounded(self._do(step, written), self._left() + self._limits.answer, where)
        except PlaywrightTimeout:
            # Before anything was sent another attempt is harmless; afterwards it may lock the account.
            detail = f"{where}: not done within {self._within:.3g} s{self._waited_for(step)}"
            return Failure(reason=Reason.STEP, detail=detail, retry=not self._sent)
        except PlaywrightError as error:
            # Never verbatim, nor as a cause: the driver's log of a step holds the value that it filled in.
            text = self._scrubbed(error)
            if is_gone(error):
                raise PlaywrightError(text) from None
            failure = goto_failure(text)
            if step.goto is not None and failure.reason is Reason.CONNECT:
                failure = self._proxy.failure(step.goto) or failure
            if failure.reason is Reason.ADDRESS_REFUSED:
                return replace(failure, detail=f"{where}: {failure.detail}")
            return Failure(
                reason=Reason.STEP, detail=f"{where}: {failure.detail}", retry=failure.retry and not self._sent
            )
        if problem is None:
            return None
        return Failure(reason=Reason.STEP, detail=f"{where}: {problem.detail}", retry=problem.retry and not self._sent)

    async def _do(self, step: Step, written: Step) -> Failure | None:
        page, left = self._page, max(1.0, self._left() * 1000)
        if step.goto is not None:
            self._address = step.goto
            if self._rules is not None:
                self._rules.going_to(step.goto)
            answer = await page.goto(step.goto, timeout=left, wait_until="load")
            return status_failure(answer.status if answer else None, None)
        if (field := step.fill or step.select) is not None:
            as_written = written.fill or written.select
            assert as_written is not None
            names = secret_names(as_written.value)
            return await (self._put_secret(field, names) if names else self._put(page, field, left))
        if step.click is not None:
            await page.click(f"css={step.click}", timeout=left)
        elif step.press is not None:
            if step.press.selector is None:
                await page.keyboard.press(step.press.key)
            else:
                await page.press(f"css={step.press.selector}", step.press.key, timeout=left)
        elif step.wait_for is not None:
            await page.wait_for_selector(f"css={step.wait_for}", timeout=left)
        return None

    async def _put(self, page: Page, field: Fill | Choose, left: float) -> None:
        if isinstance(field, Fill):
            await page.fill(f"css={field.selector}", field.value, timeout=left)
        else:
            await page.select_option(f"css={field.selector}", field.value, timeout=left)

    async def _put_secret(self, field: Fill | Choose, names: Sequence[str]) -> Failure | None:
        """Put a secret into a field of a page of the origin that it is for, and into no other.

        A page may go elsewhere at any moment. So the step takes hold of the field first, which belongs to one document;
        then it asks the browser, not the page, where that is; and a field whose document went meanwhile takes nothing.
        """
        wanted = field.on or self._address
        while True:
            element = await self._page.wait_for_selector(
                f"css={field.selector}", state="attached", timeout=max(1.0, self._left() * 1000)
            )
            at = self._page.url
            if origin_of(at) != origin_of(wanted):
                return self._elsewhere(at, wanted, names)
            if element is None:  # only a wait for an absent element returns none
                continue
            left = max(1.0, self._left() * 1000)
            try:
                if isinstance(field, Fill):
                    await element.fill(field.value, timeout=left)
                else:
                    await element.select_option(field.value, timeout=left)
            except PlaywrightTimeout:
                raise
            except PlaywrightError as error:
                if _REPLACED.search(str(error)) is None or not self._left():
                    raise
            else:
                return None

    def _elsewhere(self, at: str, wanted: str, names: Sequence[str]) -> Failure:
        web = at.startswith(("http://", "https://"))
        here = self._resolved.scrub(origin_text(at) if web else at.partition(":")[0] + ":")
        what, they = ", ".join(map(reference, names)), "is" if len(names) == 1 else "are"
        advice = f"; if it may go there, write `on: {here}` into the step" if web else ""
        detail = f"the page is at {here}, and {what} {they} for {origin_text(wanted)}{advice}"
        return Failure(reason=Reason.STEP, detail=detail, retry=False)

    def _waited_for(self, step: Step) -> str:
        on = step.fill or step.press or step.select
        selector = step.click or step.wait_for or (on.selector if on else None)
        return f", waiting for {selector!r}" if selector else ""

    def _scrubbed(self, error: PlaywrightError) -> str:
        return self._resolved.scrub(str(error)).split("\n", 1)[0]

    def _left(self) -> float:
        return max(0.0, self._until - self._clock())
