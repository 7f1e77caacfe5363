"""What one storm crawls: three lanes, three crawls in two generations of the site, and two that are cancelled.

A storm of the durable function has a fourth lane, with crawls of ordered lists: no other may be worked so.
"""

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from tests.storm.pages import DEADLY, GENERATION
from trapline_common.config.models import AlertConfig, Config, CrawlConfig, LaneConfig, Orchestrator, Overlap, Robots
from trapline_common.domain.messages import Tick
from trapline_common.domain.via import Via

LANES = {
    "wide": LaneConfig(max_invocations=6, tasks_per_invocation=10, pages_in_flight=3),
    "narrow": LaneConfig(max_invocations=2, tasks_per_invocation=5, pages_in_flight=2),
    "brief": LaneConfig(max_invocations=1, tasks_per_invocation=5, pages_in_flight=2, host_concurrency=1),
    "walk": LaneConfig(max_invocations=3, tasks_per_invocation=1, pages_in_flight=2),
}
ORCHESTRATED: dict[Via, dict[str, object]] = {
    Via.EVENT: {},
    Via.MAP: {"orchestrator": Orchestrator.STEP_FUNCTIONS},
    Via.QUEUE: {"orchestrator": Orchestrator.STEP_FUNCTIONS, "queue": True},
    Via.DURABLE: {"orchestrator": Orchestrator.DURABLE},
}
"""What the lanes of ``WORKED`` have; the others stay `self` beside them."""
WORKED: dict[Via, tuple[str, ...]] = dict.fromkeys(Via, ("wide", "narrow")) | {Via.DURABLE: ("walk",)}
"""The lanes that are worked in the storm's way."""
LOWERED = {"wide": 1, "walk": 1}
"""The caps of lanes while they are lowered: in bad weather two crawlers may be all that live of six."""
STARTS = datetime(2026, 1, 1, tzinfo=UTC)
ALERTS = AlertConfig(on=("failure", "change", "recovery", "summary"), after_failures=1, remind_every=None)
TOUR = 12
"""Pages of the ordered task."""
WALK = 6
"""Pages of an ordered task of the lane "walk"."""
WHIM = 40
"""Pages of a run that a person opens and cancels."""
WHIMS = ("whim-a", "whim-b")
"""The crawls that a person opens and cancels in turn."""
FIRST, SECOND = ("site", "shop", "tour"), ("site", "shop")
"""The crawls whose schedules fire in each generation."""
WALKS = tuple(f"walk-{number}" for number in range(3))
"""The crawls whose schedules fire too in a storm of the durable function, all but the first in both generations."""


class World:
    """``tasks`` is how many there are at least, without those that are added to an open run or cancelled.

    ``whims``: runs that a person opens. ``lowered``: whether caps are ``LOWERED`` for now.
    ``via``: how the lanes of ``WORKED`` are worked; ``switched``: whether they are `self` for now.
    """

    def __init__(self, seed: int, tasks: int, whims: int = 4, via: Via = Via.EVENT) -> None:
        self.whims = whims
        self.lowered = self.switched = False
        self._via = via
        walks = WALKS if via is Via.DURABLE else ()
        self.first, self.second = (*FIRST, *walks), (*SECOND, *walks[1:])
        self._walks = max(0, 2 * len(walks) - 1)
        self.shop = max(10, tasks // 30)
        self.added = max(10, tasks // 40)
        self.site = ceil((tasks - 1 - 2 * self.shop) / 2)
        self._host = f"http://seed-{seed}.example"

    @property
    def tasks(self) -> int:
        """Tasks that all runs have together, without those added."""
        return 2 * self.site + 2 * self.shop + 1 + self._walks

    @property
    def runs(self) -> int:
        """Runs that the ticks open, and a person: all of the latter but the last are cancelled."""
        return len(self.first) + len(self.second) + self.whims

    @property
    def calm(self) -> int:
        """Invocations that a world without a fault makes: for each run, what its first count asks for."""
        wide, narrow = LANES["wide"], LANES["narrow"]
        site = min(wide.max_invocations, ceil(self.site / wide.tasks_per_invocation))
        shop = min(narrow.max_invocations, ceil((self.shop + 1) / narrow.tasks_per_invocation))
        whims = self.whims * LANES["brief"].max_invocations
        return 2 * site + 2 * shop + whims + self._walks

    def config(self, generation: int) -> Config:
        """Return the ``crawls.yaml`` of that generation, as it is when loaded.

        The deadly page kills five crawlers one after the other, half of a short seed's time: only in the first
        generation, since the second asks for no robots.txt. In the middle of the first walk a page kills its crawler.
        """
        bad = (f"{self._host}/site/poison", f"{self._host.replace('seed', DEADLY)}/site/")
        site = (*(f"{self._host}/site/{number}" for number in range(self.site - len(bad))), *bad)
        pages = {
            "site": (site, "wide"),
            "shop": (tuple(f"{self._host}/shop/{number}" for number in range(self.shop)), "narrow"),
            "tour": (tuple(f"{self._host}/tour/{number}" for number in range(TOUR)), "narrow"),
            **{whim: (tuple(f"{self._host}/{whim}/{number}" for number in range(WHIM)), "brief") for whim in WHIMS},
            **{walk: (tuple(f"{self._host}/{walk}/{number}" for number in range(WALK)), "walk") for walk in WALKS},
        }
        bends, lane = pages[WALKS[0]]
        pages[WALKS[0]] = ((*bends[: WALK // 2], f"{self._host}/{WALKS[0]}/poison", *bends[WALK // 2 :]), lane)
        crawls = {
            name: CrawlConfig(
                name=name,
                urls=urls,
                lane=lane,
                ordered=name == "tour" or name in WALKS,
                overlap=Overlap.QUEUE,
                robots=Robots.RESPECT if generation == 1 else Robots.IGNORE,
                timeout=5.0,
                alert=ALERTS,
                headers={GENERATION: str(generation)},
            )
            for name, (urls, lane) in pages.items()
        }
        orchestrator = {} if self.switched else ORCHESTRATED[self._via]
        lanes = LANES | {name: LANES[name].model_copy(update=orchestrator) for name in WORKED[self._via]}
        for name, cap in LOWERED.items() if self.lowered else ():
            lanes[name] = lanes[name].model_copy(update={"max_invocations": cap})
        return Config(lanes=lanes, crawls=crawls)

    def ticks(self, generation: int) -> list[dict[str, Any]]:
        """Return the events of the schedules that fire in that generation, each sent twice; each waits for its run."""
        at = STARTS + timedelta(hours=generation)
        names = self.first if generation == 1 else self.second
        return [
            Tick(crawl=name, scheduled_for=at, task_token=f"run {name} {generation} {number}").event()
            for name in names
            for number in range(2)
        ]

    def extra(self) -> tuple[str, ...]:
        """Return the pages that are added to the first run of the site."""
        return tuple(f"{self._host}/added/{number}" for number in range(self.added))
