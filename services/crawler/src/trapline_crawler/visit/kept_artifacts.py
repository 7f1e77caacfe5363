"""Screenshots and HTML go to the artifact store; one that is away costs the artifact, and never the visit.

A page that was visited is not visited again for our store's sake: what it said is recorded, its change or failure is
told, and the log says which artifact is missing.
"""

import asyncio
import time
from collections.abc import Callable

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ports import ArtifactStore
from trapline_common.platform.logging import get_logger

AGAIN_AFTER = 1.0
"""Seconds from a first failed upload to the second and last attempt."""

AWAY_FOR = 15.0
"""Seconds for which a store that failed twice is asked by no visit of the process; it doubles each time."""

LONGEST_AWAY = 300.0
"""Seconds; the longest of these times."""

WITHIN = 15.0
"""Seconds for one upload with both attempts: a store that hangs must not hold a visit for as long as its calls may."""

_FAULTS = (TransientError, RefusedError, OSError, TimeoutError)
_log = get_logger("crawler")


class BackingOffStore:
    """An ``ArtifactStore`` that tries twice, and then leaves the store alone for a time that doubles.

    ``put`` raises ``TransientError`` at once during that time. One for each process.
    """

    def __init__(self, store: ArtifactStore, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._failures = 0
        self._not_before = clock()

    async def put(self, data: bytes, *, suffix: str) -> str:
        """Store ``data`` and return its key. Raises ``TransientError`` when the store is away."""
        left = self._not_before - self._clock()
        if left > 0:
            raise TransientError(f"the artifact store failed before; it is asked again in {left:.0f} s")
        try:
            async with asyncio.timeout(WITHIN):
                key = await self._twice(data, suffix=suffix)
        except _FAULTS as error:
            self._failures += 1
            away = min(LONGEST_AWAY, AWAY_FOR * 2.0 ** min(self._failures - 1, 10))
            self._not_before = self._clock() + away
            reason = f"{type(error).__name__}: {error}"
            _log.error("artifact_store_away", reason=reason, seconds=away, failures=self._failures)
            raise TransientError(f"the artifact store is away: {reason}") from error
        self._failures = 0
        return key

    async def get(self, key: str) -> bytes:
        """Return what was stored under ``key``. Raises ``KeyError`` when there is nothing."""
        return await self._store.get(key)

    def location(self, key: str) -> str:
        """Return where a person finds it."""
        return self._store.location(key)

    async def _twice(self, data: bytes, *, suffix: str) -> str:
        try:
            return await self._store.put(data, suffix=suffix)
        except (TransientError, OSError):
            await asyncio.sleep(AGAIN_AFTER)
            return await self._store.put(data, suffix=suffix)


async def keep(store: ArtifactStore, data: bytes, *, suffix: str, crawl: str) -> str | None:
    """Store one artifact and return its key; ``None``, and a line in the log, when the store does not take it."""
    try:
        return await store.put(data, suffix=suffix)
    except _FAULTS as error:
        _log.warning("evidence_missing", crawl=crawl, reason=f"{suffix}: {error}"[:300])
        return None
