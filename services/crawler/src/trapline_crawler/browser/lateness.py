"""Notices when a browser answers late, also between two visits' questions: a busy browser keeps every page waiting."""

import asyncio
import time

from playwright.async_api import CDPSession
from playwright.async_api import Error as PlaywrightError


class Lateness:
    """Asks one browser twice a second whether it answers, in the event loop that called ``start``.

    ``times`` counts answers that took more than ``late`` seconds.
    """

    def __init__(self, session: CDPSession, *, late: float, every: float = 0.5) -> None:
        self._session = session
        self._late = late
        self._every = every
        self._task: asyncio.Task[None] | None = None
        self._asked = 0.0
        self._times = 0

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.get_running_loop().create_task(self._ask())

    def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()

    @property
    def times(self) -> int:
        """How often the browser was late so far; an answer that is late now counts before it comes."""
        return self._times + bool(self._asked and time.monotonic() - self._asked > self._late)

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            self._asked = time.monotonic()
            try:
                await self._session.send("Browser.getVersion")
            except PlaywrightError:
                return  # it is gone, which whoever uses it is told
            self._times, self._asked = self.times, 0.0
