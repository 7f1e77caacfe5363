"""What one storm crawls: three lanes, three crawls in two generations of the site, and two that are cancelled."""

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from tests.storm.pages import DEADLY, GENERATION
from trapline_common.config.models import AlertConfig, Config, CrawlConfig, LaneConfig, Overlap
from trapline_common.domain.messages import Tick

LANES = {
    "wide": LaneConfig(max_invocations=6, tasks_per_invocation=10, pages_in_flight=3),
    "narrow": LaneConfig(max_invocations=2, tasks_per_invocation=5, pages_in_flight=2),
    "brief": LaneConfig(max_invocations=1, tasks_per_invocation=5, pages_in_flight=2, host_concurrency=1),
}
LOWERED = 2
"""The cap of the lane "wide" while it is lowered."""
STARTS = datetime(2026, 1, 1, tzinfo=UTC)
ALERTS = AlertConfig(on=("failure", "change", "recovery", "summary"), after_failures=1, remind_every=None)
TOUR = 12
"""Pages of the ordered task."""
WHIM = 40
"""Pages of a run that a person opens and cancels."""
WHIMS = ("whim-a", "whim-b")
"""The crawls that a person opens and cancels in turn."""
FIRST, SECOND = ("site", "shop", "tour"), ("site", "shop")
"""The crawls whose schedules fire in each generation."""


class World:
    """``tasks`` is how many there are at least, without those that are added to an open run or cancelled.

    ``whims``: runs that a person opens. ``lowered``: whether the cap of the lane "wide" is ``LOWERED`` for now.
    """

    def __init__(self, seed: int, tasks: int, whims: int = 4) -> None:
        self.whims = whims
        self.lowered = False
        self.shop = max(10, tasks // 30)
        self.added = max(10, tasks // 40)
        self.site = ceil((tasks - 1 - 2 * self.shop) / 2)
        self._host = f"http://seed-{seed}.example"

    @property
    def tasks(self) -> int:
        """Tasks that all runs have together, without those added."""
        return 2 * self.site + 2 * self.shop + 1

    @property
    def runs(self) -> int:
        """Runs that the ticks open, and a person: all of the latter but the last are cancelled."""
        return len(FIRST) + len(SECOND) + self.whims

    @property
    def calm(self) -> int:
        """Invocations that a world without a fault makes: for each run, what its first count asks for."""
        wide, narrow = LANES["wide"], LANES["narrow"]
        site = min(wide.max_invocations, ceil(self.site / wide.tasks_per_invocation))
        shop = min(narrow.max_invocations, ceil((self.shop + 1) / narrow.tasks_per_invocation))
        return 2 * site + 2 * shop + self.whims * LANES["brief"].max_invocations

    def config(self, generation: int) -> Config:
        """Return the ``crawls.yaml`` of that generation, as it is when loaded."""
        bad = (f"{self._host}/site/poison", f"{self._host.replace('seed', DEADLY)}/site/")
        site = (*(f"{self._host}/site/{number}" for number in range(self.site - len(bad))), *bad)
        pages = {
            "site": (site, "wide"),
            "shop": (tuple(f"{self._host}/shop/{number}" for number in range(self.shop)), "narrow"),
            "tour": (tuple(f"{self._host}/tour/{number}" for number in range(TOUR)), "narrow"),
            **{whim: (tuple(f"{self._host}/{whim}/{number}" for number in range(WHIM)), "brief") for whim in WHIMS},
        }
        crawls = {
            name: CrawlConfig(
                name=name,
                urls=urls,
                lane=lane,
                ordered=name == "tour",
                overlap=Overlap.QUEUE,
                timeout=5.0,
                alert=ALERTS,
                headers={GENERATION: str(generation)},
            )
            for name, (urls, lane) in pages.items()
        }
        wide = LANES["wide"].model_copy(update={"max_invocations": LOWERED}) if self.lowered else LANES["wide"]
        return Config(lanes=LANES | {"wide": wide}, crawls=crawls)

    def ticks(self, generation: int) -> list[dict[str, Any]]:
        """Return the events of the schedules that fire in that generation."""
        at = STARTS + timedelta(hours=generation)
        return [Tick(crawl=name, scheduled_for=at).event() for name in (FIRST if generation == 1 else SECOND)]

    def extra(self) -> tuple[str, ...]:
        """Return the pages that are added to the first run of the site."""
        return tuple(f"{self._host}/added/{number}" for number in range(self.added))
