"""The session of an ordered task: an empty one, that of its checkpoint, or the one that the crawl's steps began."""

from collections.abc import Mapping
from typing import Any

from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_crawler.ports import Session
from trapline_crawler.sessions.shared_login import LiveSession, is_logged_out
from trapline_crawler.visit.resolved_secrets import SecretMissingError
from trapline_crawler.work.held_work import HeldWork


class OrderedSession:
    """Opened at the first visit, and again after ``close``. Raises what ``bounded_visit`` does."""

    def __init__(self, held_work: HeldWork, crawl: CrawlConfig) -> None:
        self._held_work = held_work
        self._crawl = crawl
        self._session: Session | None = None
        self._version: int | None = None  # of the session that the steps began

    async def visit(self, url: str, checkpoint: bytes | None) -> Observation:
        """Visit one page; when it is logged out, once more after a log-in. Other cookies and storage stay."""
        if self._session is None and (refused := await self._open(url, checkpoint)) is not None:
            return refused
        observation = await self._visit(url)
        if not self._crawl.steps or not is_logged_out(observation):
            return observation
        log_in = self._held_work.log_ins.refreshed(observation, self._crawl, instead_of=self._version)
        refreshed = await self._held_work.budget.bounded_visit(log_in)
        if not isinstance(refreshed, LiveSession):
            return refreshed
        state = _merged(await self._state(), refreshed.state)
        await self.close()
        await self._open_with(state, refreshed.version)
        return await self._visit(url)

    async def checkpoint(self, last: bytes | None) -> bytes | None:
        """Return the session as it is now, sealed; ``last`` when it was not opened yet."""
        if self._session is None:
            return last
        version = {} if self._version is None else {"version": self._version}
        return self._held_work.services.seal.close(await self._state() | version)

    async def close(self) -> None:
        """End the session, if there is one."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _open(self, url: str, checkpoint: bytes | None) -> Observation | None:
        """Open the session, or return the visit that failed because there is none."""
        state = self._held_work.services.seal.open(checkpoint)
        version: int | None = None if state is None else state.get("version")
        if state is None and self._crawl.steps:
            session = await self._held_work.budget.bounded_visit(self._held_work.log_ins.session(url, self._crawl))
            if not isinstance(session, LiveSession):
                return session
            state, version = session.state, session.version
        try:
            await self._open_with(state, version)
        except SecretMissingError as error:
            return Observation(url=url, failure=Failure(reason=Reason.SECRET, detail=str(error), retry=False))
        return None

    async def _open_with(self, state: Mapping[str, Any] | None, version: int | None) -> None:
        self._session = await self._held_work.budget.bounded_visit(
            self._held_work.visitor.open_session(self._crawl, state)
        )
        self._version = version

    async def _visit(self, url: str) -> Observation:
        assert self._session is not None
        return await self._held_work.bounded_visit(self._session.visit(url), self._crawl)

    async def _state(self) -> dict[str, Any]:
        assert self._session is not None
        return await self._held_work.budget.bounded_visit(self._session.state())


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return both states as one; where they differ, ``new`` is set last and wins."""
    origins = {origin["origin"]: origin for state in (old, new) for origin in state.get("origins", [])}
    return {"cookies": [*old.get("cookies", []), *new.get("cookies", [])], "origins": list(origins.values())}
