"""Judges a visit's picture by its page: reads what the page's row holds of it, and compares where that needs pixels."""

import asyncio

from trapline_common.alerts.page_state import PageState
from trapline_common.config.frozen_run import FrozenRun
from trapline_common.content.pictures import asks_of_candidate, matters, weigh_picture, without_comparison
from trapline_common.domain.errors import TraplineError
from trapline_common.domain.observation import Observation
from trapline_common.domain.picture import (
    Compared,
    Difference,
    KeptPicture,
    NotCompared,
    PictureOutcome,
    PictureVerdict,
)
from trapline_common.domain.ports import ArtifactStore
from trapline_common.ledger.connection import Database
from trapline_common.ledger.pictures import page_picture
from trapline_common.platform.logging import get_logger
from trapline_crawler.pictures.comparer import WITHIN, Comparer

_LEAST = 1.0
"""Seconds; with less left of the invocation no comparison begins."""
_log = get_logger("crawler")


class PagePictures:
    """Judges the pictures of one invocation's visits. A picture that can't be judged never fails a visit: it says so.

    It remembers what it compared last, so that a verdict that the ledger refused because the page's row moved is
    reached again without another look at the pixels.
    """

    def __init__(self, store: ArtifactStore, comparer: Comparer) -> None:
        self._store = store
        self._comparer = comparer
        self._last: tuple[tuple[str, str], Compared] | None = None

    async def judge(
        self, database: Database, run: FrozenRun, page: PageState, observation: Observation, *, within: float
    ) -> PictureVerdict:
        """Return what the observation's picture is. ``within``: seconds that are left for it; never more than some."""
        assert observation.picture is not None, "the caller asks of visits with a picture"
        kept = await page_picture(database, page)
        if observation.screenshot is None:
            reason = observation.picture.problem or "the picture could not be stored"
            return PictureVerdict(outcome=PictureOutcome.FAILED, page=kept, reason=reason)
        new = KeptPicture(key=observation.screenshot, picture=observation.picture)
        verdict = without_comparison(kept, new)
        if verdict is not None:
            return verdict
        assert kept is not None, "without a baseline nothing is compared"
        visual = run.crawl.visual
        assert visual is not None, "only a crawl with it has pictures to judge"
        found = await self._compared(kept.baseline, new, visual.tolerance, within)
        candidate = None
        differs = isinstance(found, Difference) and matters(found, visual)
        if differs and kept.candidate is not None and asks_of_candidate(kept, new, run.crawl):
            candidate = await self._fetch_and_compare(kept.candidate, new, visual.tolerance, within)
        if isinstance(found, NotCompared):
            _log.warning("picture_not_compared", crawl=run.crawl.name, reason=found.reason)
        return weigh_picture(
            kept, new, run.crawl, found=found, candidate=candidate, same_run=page.judged_run == run.run_id
        )

    async def _compared(self, old: KeptPicture, new: KeptPicture, tolerance: int, within: float) -> Compared:
        if self._last is not None and self._last[0] == (old.key, new.key):
            return self._last[1]
        found = await self._fetch_and_compare(old, new, tolerance, within)
        self._last = ((old.key, new.key), found)
        return found

    async def _fetch_and_compare(self, old: KeptPicture, new: KeptPicture, tolerance: int, within: float) -> Compared:
        if within < _LEAST:
            return NotCompared(reason="no time was left to compare the pictures")
        try:
            async with asyncio.timeout(min(within, WITHIN)):
                try:
                    before = await self._store.get(old.key)
                except KeyError:
                    return NotCompared(
                        reason="the picture before is in the store no more, or may not be read", is_gone=True
                    )
                after = await self._store.get(new.key)
                return await self._comparer.compare(
                    before, after, before=old.picture, after=new.picture, tolerance=tolerance
                )
        except TimeoutError:
            return NotCompared(reason=f"the pictures were not compared within {min(within, WITHIN):.0f} s")
        except (KeyError, OSError, TraplineError) as error:
            return NotCompared(reason=f"the pictures can't be read: {type(error).__name__}"[:200])


def new_page_pictures(store: ArtifactStore) -> PagePictures:
    """Return what judges the pictures of one invocation."""
    return PagePictures(store, Comparer())
