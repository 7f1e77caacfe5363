"""Sessions that crawls' steps begin: encrypted in the ledger, shared by all invocations, refreshed by one of them."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trapline_common.config.models import CrawlConfig
from trapline_common.config.steps import Step
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.domain.ports import SecretSource
from trapline_common.ledger import sessions
from trapline_common.ledger.connection import Database
from trapline_common.ledger.sessions import KeptSession
from trapline_crawler.ports import LoggedIn, Visitor
from trapline_crawler.sessions.seal import Seal
from trapline_crawler.visit.resolved_secrets import SecretMissingError, resolve

POLL = 0.25
"""Seconds between two reads of a session that another invocation refreshes; a log-in takes a few."""
BEYOND_TIMEOUT = 60.0
"""Seconds beyond the crawl's ``timeout`` that a log-in may take with its browser, and that others wait for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A session that visits can be made in."""

    version: int
    """Its version in the ledger; a log-in makes a new one."""
    until: float
    """When it is too old, on the invocation's clock."""
    state: dict[str, Any] = field(repr=False)
    """Cookies and storage, JSON-ready; never logged."""


class SharedLogIns:
    """The log-ins of one invocation, of which one serves all invocations.

    ``every``: seconds at least between two log-ins of a crawl by any invocation: a site locks an account that
    tries a wrong password for every page.
    """

    def __init__(
        self,
        database: Database,
        visitor: Visitor,
        *,
        holder: InvocationId,
        seal: Seal,
        secrets: SecretSource,
        every: float,
        clock: Callable[[], float],
    ) -> None:
        self._database = database
        self._visitor = visitor
        self._holder = holder
        self._seal = seal
        self._secrets = secrets
        self._every = every
        self._clock = clock
        self._live: dict[tuple[str, tuple[Step, ...]], LiveSession] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def visit(self, url: str, crawl: CrawlConfig) -> Observation:
        """Visit ``url``, in the crawl's session if it has steps; when logged out, once more in a refreshed one."""
        if not crawl.steps:
            return await self._visitor.visit(url, crawl)
        session = await self.session(url, crawl)
        if not isinstance(session, LiveSession):
            return session
        observation = await self._visitor.visit(url, crawl, session.state)
        if not is_logged_out(observation):
            return observation
        newer = await self.refreshed(observation, crawl, instead_of=session.version)
        return await self._visitor.visit(url, crawl, newer.state) if isinstance(newer, LiveSession) else newer

    async def session(self, url: str, crawl: CrawlConfig) -> LiveSession | Observation:
        """Return the crawl's session, begun now if there is none, or why ``url`` can't be visited without one."""
        return await self._session(crawl, None, Observation(url=url))

    async def refreshed(
        self, observation: Observation, crawl: CrawlConfig, *, instead_of: int | None
    ) -> LiveSession | Observation:
        """Return a session newer than the one in which ``observation`` was logged out.

        When there can't be one, return why: the failed steps or, where the session is so new that another log-in would
        give the same, ``observation`` itself.
        """
        return await self._session(crawl, instead_of, observation)

    async def _session(
        self, crawl: CrawlConfig, instead_of: int | None, observation: Observation
    ) -> LiveSession | Observation:
        until = self._clock() + crawl.timeout + BEYOND_TIMEOUT
        turn = self._turns[crawl.name]
        try:
            async with asyncio.timeout(crawl.timeout + BEYOND_TIMEOUT):
                await turn.acquire()
        except TimeoutError:
            return _waited(observation.url)
        try:
            live = self._live.get((crawl.name, crawl.steps))
            if live is not None and live.version != instead_of and self._clock() < live.until:
                return live
            found = await self._obtain(crawl, instead_of, observation, until=until)
            if isinstance(found, LiveSession):
                self._live[crawl.name, crawl.steps] = found
            return found
        finally:
            turn.release()

    async def _obtain(
        self, crawl: CrawlConfig, instead_of: int | None, observation: Observation, *, until: float
    ) -> LiveSession | Observation:
        """Take the session that the ledger keeps; else log in, or wait for the invocation that does."""
        url = observation.url
        try:
            binding = await self._binding(crawl)
        except SecretMissingError as error:
            return Observation(url=url, failure=Failure(reason=Reason.SECRET, detail=str(error), retry=False))
        while True:
            kept = await sessions.read(self._database, crawl.name)
            state = self._opened(kept, binding)
            age = kept.age or 0.0
            if state is not None and age < crawl.session_max_age and kept.version != instead_of:
                return LiveSession(
                    version=kept.version, state=state, until=self._clock() + crawl.session_max_age - age
                )  # fmt: skip
            if kept.binding == binding and kept.since_tried is not None and kept.since_tried < self._every:
                if kept.failure is not None:
                    return Observation(url=url, failure=kept.failure, screenshot=kept.screenshot)
                if kept.version == instead_of:
                    return observation
            if await sessions.claim(
                self._database,
                crawl.name,
                self._holder,
                version=kept.version,
                seconds=crawl.timeout + BEYOND_TIMEOUT,
            ):
                return await self._log_in(url, crawl, kept.version, binding)
            if self._clock() >= until:
                return _waited(url)
            await asyncio.sleep(POLL)

    async def _log_in(self, url: str, crawl: CrawlConfig, version: int, binding: str) -> LiveSession | Observation:
        database, name, holder = self._database, crawl.name, self._holder
        try:
            result = await self._visitor.log_in(url, crawl)
        except Exception:
            await sessions.release(database, name, holder)
            raise
        if isinstance(result, LoggedIn):
            sealed = self._seal.close({"binding": binding, "state": result.state})
            kept = await sessions.keep(database, name, holder, version=version, binding=binding, state=sealed)
            # If another invocation took the right over, it keeps its own session; this one still serves these visits.
            newest = version if kept is None else kept
            return LiveSession(
                version=newest, state=result.state, until=self._clock() + crawl.session_max_age
            )  # fmt: skip
        failure = result.failure
        if failure is not None and failure.reason is not Reason.SECRET and not failure.retry:
            await sessions.refuse(
                database,
                name,
                holder,
                version=version,
                binding=binding,
                failure=failure,
                screenshot=result.screenshot,
            )
        else:
            await sessions.release(database, name, holder)
        return result

    async def _binding(self, crawl: CrawlConfig) -> str:
        """Return the tag a state is bound to: it is dropped when the steps change, or a secret in them is rotated."""
        resolved = await resolve(crawl, self._secrets)
        return self._seal.tag([crawl.name, [step.model_dump(mode="json") for step in resolved.steps]])

    def _opened(self, kept: KeptSession, binding: str) -> dict[str, Any] | None:
        """Return the state, if it was sealed for this binding: a row that was moved or altered opens nothing."""
        opened = self._seal.open(kept.state) if kept.binding == binding else None
        if opened is None or opened.get("binding") != binding:
            return None
        state: dict[str, Any] = opened["state"]
        return state


def is_logged_out(observation: Observation) -> bool:
    """Tell whether the visit failed because its session is over."""
    return observation.failure is not None and observation.failure.reason is Reason.LOGGED_OUT


def _waited(url: str) -> Observation:
    detail = "the log-in that another page of this crawl began did not end in time"
    return Observation(url=url, failure=Failure(reason=Reason.STEP, detail=detail, retry=True))
