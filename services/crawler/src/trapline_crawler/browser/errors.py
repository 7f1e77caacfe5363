"""The faults of the browser itself. They are never an observation: the page is not at fault."""

from typing import ClassVar

from trapline_common.domain.errors import TraplineError
from trapline_common.domain.observation import Failure, Reason


class BrowserMissingError(TraplineError):
    """There is no browser on this machine; the text says how to install one."""


class BrowserFaultError(TraplineError):
    """Base: the visit has no result because the browser failed it. Retried as the infrastructure's fault.

    The browser has been killed where need be before this is raised: the next visit gets a working one.
    """

    reason: ClassVar[Reason]
    """What the page's failure is called once the retries are used up."""
    in_company: bool = False
    """Whether other visits were in the browser, so that nobody knows whose the fault was; a session sets it."""
    is_own: bool = False
    """Whether it is known to be the page's own, whoever was in the browser beside it."""

    def failure(self) -> Failure:
        """Return what to record once the retries for infrastructure faults are used up."""
        return Failure(reason=self.reason, detail=str(self), retry=True)


class BrowserDiedError(BrowserFaultError):
    """The browser, or Playwright's driver, is gone; all visits in flight are lost."""

    reason = Reason.BROWSER


class BrowserLaunchError(BrowserDiedError):
    """The browser did not start; the text holds the last lines of its output."""


class BrowserHungError(BrowserFaultError):
    """The browser stopped answering and was killed with its whole process group; all visits in flight are lost."""

    reason = Reason.BROWSER


class PageCrashedError(BrowserFaultError):
    """This page's renderer died, and only this visit is lost."""

    reason = Reason.PAGE_CRASHED
    is_own = True


class MemorySpentError(BrowserFaultError):
    """The crawler killed a renderer, or the browser, for its memory: the page's own when the page was alone in it."""

    reason = Reason.PAGE_CRASHED

    def failure(self) -> Failure:
        """Return a failure that no retry mends."""
        return Failure(reason=self.reason, detail=str(self), retry=False)


class RoomSpentError(BrowserFaultError):
    """The context that visits share has loaded what all of them may, and nobody knows who did.

    ``BrowserVisitor`` visits the page again in a context of its own, where what is loaded is the page's own.
    """

    reason = Reason.TOO_LARGE


class TabHeldError(BrowserFaultError):
    """The page that the tab showed before does not let it go; the page that was to be visited is not at fault.

    ``BrowserVisitor`` visits the page again in a context of its own.
    """

    reason = Reason.PAGE_HUNG
    in_company = True


class PageStuckError(BrowserFaultError):
    """This page kept its visit from going on while the browser itself answered; only this visit is lost."""

    reason = Reason.PAGE_HUNG


class BrowserBusyError(PageStuckError):
    """The browser answered, but late: it may have kept the page waiting for the sake of another visit in it."""
