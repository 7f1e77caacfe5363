"""The visitor: a URL and a crawl in, an observation out."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from trapline_common.config.models import CrawlConfig, Isolation
from trapline_common.domain.observation import Observation
from trapline_common.domain.ports import ArtifactStore, SecretSource
from trapline_crawler.browser.supervisor import Browser
from trapline_crawler.ports import LoggedIn
from trapline_crawler.visit.limits import VisitLimits
from trapline_crawler.visit.page_pool import Room
from trapline_crawler.visit.resolved_secrets import resolve
from trapline_crawler.visit.visit_in_context import Rooms


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shared:
    """The room that a crawl's visits share, and what it was opened for."""

    crawl: CrawlConfig
    state: Mapping[str, Any] | None
    room: Room


class Visitor:
    """Visits pages, any number at once (the caller's ``pages_in_flight`` bounds it), in one browser.

    What a page does wrong is an observation with a ``failure``. What the browser does wrong is raised as a
    ``BrowserFaultError``, whose class says whether the other visits in flight are lost too; ``TransientError`` comes from
    the artifact store alone.
    """

    def __init__(
        self,
        browser: Browser,
        *,
        artifacts: ArtifactStore,
        secrets: SecretSource,
        limits: VisitLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secrets = secrets
        self._rooms = Rooms(browser, artifacts=artifacts, secrets=secrets, limits=limits or VisitLimits(), clock=clock)
        self._shared: dict[str, _Shared] = {}
        self._opening = asyncio.Lock()

    async def visit(self, url: str, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> Observation:
        """Visit ``url`` as ``crawl`` says: at most its ``timeout``, and ``VisitLimits.beyond_timeout`` at the very worst.

        ``state``: the session to visit it in, as ``log_in`` returned it. A shared room is opened anew for another one.
        """
        resolved = await self._rooms.resolve(url, crawl)
        if isinstance(resolved, Observation):
            return resolved
        if crawl.isolation is Isolation.CRAWL:
            return await self._rooms.visit(await self._shared_room(resolved.crawl, state), url, resolved)
        room = await self._rooms.open(resolved.crawl, state)
        try:
            return await self._rooms.visit(room, url, resolved)
        finally:
            await self._rooms.close(room)

    async def log_in(self, url: str, crawl: CrawlConfig) -> LoggedIn | Observation:
        """Do the crawl's steps in a room of their own, and return the session they began, or the failed visit of ``url``.

        Takes as long as a visit. The crawl's headers and cookies go to the origin of ``url`` only, as they always do.
        """
        resolved = await self._rooms.resolve(url, crawl)
        if isinstance(resolved, Observation):
            return resolved
        room = await self._rooms.open(resolved.crawl)
        try:
            failed = await self._rooms.do_steps(room, url, resolved)
            return failed or LoggedIn(state=_without_own(await self._rooms.state(room), crawl))
        finally:
            await self._rooms.close(room)

    async def open_session(self, crawl: CrawlConfig, state: Mapping[str, Any] | None = None) -> "Session":
        """Open the session of an ordered task; ``state`` is what ``Session.state`` returned at its last checkpoint.

        Raises ``SecretMissingError``, and ``BrowserFaultError`` as ``visit`` does.
        """
        resolved = await resolve(crawl, self._secrets)
        return Session(self._rooms, await self._rooms.open(resolved.crawl, state), crawl)

    async def close(self) -> None:
        """Close what visits share. The browser is its owner's to close."""
        rooms = [shared.room for shared in self._shared.values()]
        self._shared.clear()
        await asyncio.gather(*(self._rooms.close(room) for room in rooms))

    async def _shared_room(self, crawl: CrawlConfig, state: Mapping[str, Any] | None) -> Room:
        """Return the crawl's room: one per crawl, as long as its config, its session and the browser stay the same."""
        async with self._opening:
            live = await self._rooms.live()
            kept = self._shared.get(crawl.name)
            if kept is not None and kept.room.live is live and kept.crawl == crawl and kept.state is state:
                return kept.room
            room = await self._rooms.open(crawl, state)
            self._shared[crawl.name] = _Shared(crawl=crawl, state=state, room=room)
        if kept is not None and kept.room.live is live and not kept.room.in_use:
            await self._rooms.close(kept.room)
        return room


def _without_own(state: dict[str, Any], crawl: CrawlConfig) -> dict[str, Any]:
    """Return ``state`` without the crawl's own cookies: they may be secrets, and every visit sets them anew."""
    ours = {cookie.name for cookie in crawl.cookies}
    return state | {"cookies": [cookie for cookie in state.get("cookies", []) if cookie["name"] not in ours]}


class Session:
    """The one context of an ordered task. A fault of the browser ends it: open another from the last checkpoint."""

    def __init__(self, rooms: Rooms, room: Room, crawl: CrawlConfig) -> None:
        self._rooms = rooms
        self._room = room
        self._crawl = crawl

    async def visit(self, url: str) -> Observation:
        """Visit the next page; the same promises as ``Visitor.visit``."""
        resolved = await self._rooms.resolve(url, self._crawl)
        if isinstance(resolved, Observation):
            return resolved
        return await self._rooms.visit(self._room, url, resolved)

    async def state(self) -> dict[str, Any]:
        """Return cookies and local storage as JSON values, for the checkpoint, which is encrypted: it holds log-ins.

        The crawl's own cookies are not in it.
        """
        return _without_own(await self._rooms.state(self._room), self._crawl)

    async def close(self) -> None:
        """Close the context."""
        await self._rooms.close(self._room)
