"""robots.txt (RFC 9309): which pages a site keeps robots from, and how far apart it wants visits."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.domain.observation import Failure, Reason
from trapline_common.egress.fetch import Fetch, NoFileError, Sender, TryLaterError
from trapline_common.ledger import robots
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_crawler.politeness.decision import Allowed, Deferred
from trapline_crawler.politeness.robots_bytes import robots_text
from trapline_crawler.politeness.robots_rules import RobotsRules, parse_robots

ROBOT = "Trapline"
"""The name that a robots.txt addresses the crawler by, for crawls without a ``user_agent`` of their own."""

GOOD_FOR = 3600.0
"""Seconds; RFC 9309 allows up to a day. A site that closes a page is obeyed within the hour."""

LONGEST_DELAY = 60.0
"""Seconds of ``Crawl-delay`` that are kept at most; some sites ask for hours, which would amount to a refusal."""

GIVE_UP_AFTER = 5
"""Answers 5xx in a row, after waits of 10 to 80 s, until the pages fail instead of waiting on."""

UNREACHED_FOR = 60.0
"""Seconds for which no invocation asks an origin again that gave no answer at all."""

QUICK = 500
"""Rules that are compared with a page within the event loop, in far less than a millisecond; more of them, and every
reading of a file, go to a thread: a site must not be able to stop the invocation's heartbeats."""

MOST_RULES = 200_000
"""Rules that one invocation keeps, of all origins together, some 30 MB; then it reads the oldest origin's anew."""

_ANOTHER_FETCHES = 0.1
"""Seconds between two looks at whether another invocation has fetched it."""

_log = get_logger("crawler")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """One origin's robots.txt, for one robot."""

    rules: RobotsRules
    """What it says; without a rule everything is allowed."""
    until: float
    """When it is too old, on the invocation's clock."""


class RobotsFiles:
    """The robots.txt files of one invocation: each origin's is fetched once an hour by one invocation, for all.

    A crawl with a user agent of its own has files of its own: a site may answer it otherwise.
    An origin that gives no answer at all counts as allowed: the visit fails for the same cause and reports it better.
    An answer 5xx or 429 means that the page has to wait.
    """

    def __init__(self, database: Database, fetch: Fetch, *, clock: Callable[[], float]) -> None:
        self._database = database
        self._fetch = fetch
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._kept_rules = 0
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ask(self, url: str, user_agent: str | None) -> Allowed | Deferred | Failure:
        """Say whether the page may be visited. Only an origin's first page asks ledger or site."""
        parts = urlsplit(url)
        origin, robot = f"{parts.scheme}://{parts.netloc}", user_agent or ROBOT
        known = self._fresh(origin, robot)
        if known is None:
            async with self._asking[f"{origin} {robot}"]:
                found = await self._learn(origin, robot, user_agent)
            if not isinstance(found, _Known):
                return found
            known = found
        rules = known.rules
        if not (rules.allows(url) if len(rules.rules) <= QUICK else await asyncio.to_thread(rules.allows, url)):
            detail = f"{origin}/robots.txt closes this page to {robot.split('/')[0]!r}"
            return Failure(reason=Reason.ROBOTS, detail=detail, retry=False)
        return Allowed(delay=min(rules.delay, LONGEST_DELAY))

    def _fresh(self, origin: str, robot: str) -> _Known | None:
        known = self._known.get((origin, robot))
        return known if known is not None and known.until > self._clock() else None

    def _keep(self, origin: str, robot: str, known: _Known) -> _Known:
        replaced = self._known.pop((origin, robot), None)
        self._kept_rules += _size(known) - (0 if replaced is None else _size(replaced))
        self._known[origin, robot] = known
        while len(self._known) > 1 and self._kept_rules > MOST_RULES:
            self._kept_rules -= _size(self._known.popitem(last=False)[1])
        return known

    async def _learn(self, origin: str, robot: str, user_agent: str | None) -> _Known | Deferred | Failure:
        """Read what the ledger knows; fetch it when that is too old and no other invocation does."""
        row = origin if user_agent is None else f"{origin} {user_agent}"
        while True:
            known = self._fresh(origin, robot)
            if known is not None:
                return known  # another page learnt it while this one waited for the lock
            stored = await robots.read(self._database, row)
            if stored is not None and stored.fresh:
                rules = await asyncio.to_thread(parse_robots, stored.body or "", robot)
                return self._keep(origin, robot, _Known(rules=rules, until=self._clock() + stored.good_for))
            if stored is not None and stored.wait > 0:
                return self._deferred(origin, stored)
            if await robots.claim(self._database, row):
                await self._get(origin, row, Sender(user_agent=user_agent))
            else:
                await asyncio.sleep(_ANOTHER_FETCHES)

    def _deferred(self, origin: str, stored: robots.Stored) -> Deferred | Failure:
        detail = f"{origin}/robots.txt can't be read: {stored.reason}"
        if stored.failures >= GIVE_UP_AFTER:
            return Failure(reason=Reason.ROBOTS, detail=detail, retry=False)
        return Deferred(seconds=stored.wait, reason=detail, pause=True)

    async def _get(self, origin: str, row: str, sender: Sender) -> None:
        """Fetch it for all invocations that have the same name."""
        try:
            fetched = await self._fetch(f"{origin}/robots.txt", sender)
        except NoFileError:
            await robots.put(self._database, row, None, good_for=GOOD_FOR)
        except TryLaterError as error:
            await robots.failed(self._database, row, f"HTTP {error.status}")
        except (TransientError, InputRefusedError) as error:
            await self._unreached(row, str(error))
        except Exception as error:  # noqa: BLE001  (one file must cost neither its pages nor the crawler)
            _log.exception("robots_fetch_broke", origin=origin)
            await self._unreached(row, f"{type(error).__name__}: {error}")
        else:
            body = await asyncio.to_thread(robots_text, fetched.body, whole=fetched.whole)
            await robots.put(self._database, row, body, good_for=GOOD_FOR)

    async def _unreached(self, row: str, reason: str) -> None:
        _log.info("robots_unreached", origin=row, reason=reason[:300])
        await robots.put(self._database, row, None, good_for=UNREACHED_FOR)


def _size(known: _Known) -> int:
    return 1 + len(known.rules.rules)
