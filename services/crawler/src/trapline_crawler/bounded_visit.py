"""One exchange with the browser: bounded by the invocation's time, cut short when the invocation is asked to stop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from trapline_common.domain.errors import TraplineError
from trapline_common.domain.observation import Failure, Reason
from trapline_common.platform.logging import get_logger
from trapline_crawler.browser.errors import BrowserFaultError

T = TypeVar("T")
_log = get_logger("crawler")

CANCEL_WITHIN = 2.0
"""Seconds a visit that was cut short gets to close its page; after that the end of the browser closes it."""


class StoppedError(TraplineError):
    """The invocation was asked to stop, or has no time left: the task goes back, uncharged."""


class VisitFaultError(TraplineError):
    """Base: the visit has no result, and the page is not to blame. Retried as the infrastructure's fault."""

    def failure(self) -> Failure:
        """Return what to record once the retries for infrastructure faults are used up."""
        return Failure(reason=Reason.BROWSER, detail=str(self), retry=True)


class VisitCutOffError(VisitFaultError):
    """The invocation's time ran out while the page loaded. Charged, so that a page too slow for it fails in the end."""

    def failure(self) -> Failure:
        """Return a time-out: the page did not load in the time there was."""
        return Failure(reason=Reason.TIMEOUT, detail=str(self), retry=True)


class VisitBrokeError(VisitFaultError):
    """A bug of the crawler that this page brings to light: logged with its traceback, it costs this task alone."""


FAULTS = (BrowserFaultError, VisitFaultError)
"""Errors that are charged to a task's rescue budget."""


async def bounded_visit(visit: Coroutine[Any, Any, T], *, stop: asyncio.Event, seconds: float) -> T:
    """Return what ``visit`` returns.

    Raises ``StoppedError`` as soon as ``stop`` is set, ``VisitCutOffError`` after ``seconds``, ``TraplineError`` as the
    visit raised it, and ``VisitBrokeError`` for any other. A visit that is cut short has been cancelled.
    """
    running, stopping = asyncio.ensure_future(visit), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({running, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return _result(running)
    finally:
        stopping.cancel()
        await _cancel(running)
    if stop.is_set():
        raise StoppedError("the invocation was asked to stop while the page loaded")
    raise VisitCutOffError("the invocation's time ran out while the page loaded")


def _result(running: "asyncio.Future[T]") -> T:
    try:
        return running.result()
    except TraplineError:
        raise
    except Exception as error:
        _log.exception("visit_broke", error=type(error).__name__)
        raise VisitBrokeError(f"{type(error).__name__}: {error}") from error


async def _cancel(running: "asyncio.Future[Any]") -> None:
    if running.done():
        return
    running.cancel()
    await asyncio.wait({running}, timeout=CANCEL_WITHIN)
    if running.done() and not running.cancelled() and running.exception() is not None:
        _log.info("visit_ended_badly", error=str(running.exception()))
