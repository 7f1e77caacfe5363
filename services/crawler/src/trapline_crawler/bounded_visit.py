"""One exchange with the browser: bounded by the invocation's time, cut short when it is told to stop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from trapline_common.domain.errors import TraplineError
from trapline_common.domain.observation import Failure, Reason
from trapline_common.platform.logging import get_logger
from trapline_crawler.browser.errors import BrowserFaultError

T = TypeVar("T")
_log = get_logger("crawler")

LET_GO_WITHIN = 2.0
"""Seconds a visit that was cut short gets to close its page; after that the end of the browser closes it."""


class StoppedError(TraplineError):
    """The invocation was told to stop while the page loaded: the task goes back, uncharged."""


class VisitFaultError(TraplineError):
    """Base: the visit has no result, and the page is not to blame. Retried as the infrastructure's fault."""

    def failure(self) -> Failure:
        """Return what to record once the retries for infrastructure faults are used up."""
        return Failure(reason=Reason.BROWSER, detail=str(self), retry=True)


class VisitCutOffError(VisitFaultError):
    """The invocation's time ran out while the page loaded. Charged, so that a page too slow for it ends one day."""

    def failure(self) -> Failure:
        """Return a time-out: that is what it is for the page."""
        return Failure(reason=Reason.TIMEOUT, detail=str(self), retry=True)


class VisitBrokeError(VisitFaultError):
    """A bug of ours that this page brings to light. It costs this task, logged with its traceback, and no neighbour."""


FAULTS = (BrowserFaultError, VisitFaultError)
"""What is charged to a task's rescue budget."""


async def bounded_visit(visit: Coroutine[Any, Any, T], *, stop: asyncio.Event, seconds: float) -> T:
    """Return what ``visit`` returns.

    Raises ``StoppedError`` as soon as ``stop`` is set, ``VisitCutOffError`` after ``seconds``, Trapline's own errors as
    they come, and ``VisitBrokeError`` for any other. A visit that is cut short has been cancelled.
    """
    visiting, stopping = asyncio.ensure_future(visit), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({visiting, stopping}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if visiting.done():
            return _result(visiting)
    finally:
        stopping.cancel()
        await _let_go(visiting)
    if stop.is_set():
        raise StoppedError("told to stop while the page loaded")
    raise VisitCutOffError("the invocation's time ran out while the page loaded")


def _result(visiting: "asyncio.Future[T]") -> T:
    try:
        return visiting.result()
    except TraplineError:
        raise
    except Exception as error:
        _log.exception("visit_broke", error=type(error).__name__)
        raise VisitBrokeError(f"{type(error).__name__}: {error}") from error


async def _let_go(visiting: "asyncio.Future[Any]") -> None:
    if visiting.done():
        return
    visiting.cancel()
    await asyncio.wait({visiting}, timeout=LET_GO_WITHIN)
    if visiting.done() and not visiting.cancelled() and visiting.exception() is not None:
        _log.info("visit_ended_badly", error=str(visiting.exception()))
