"""The deadline and the stop: what is begun, what is cut off, and what goes back to whom."""

import asyncio

from support.alerts import Clock
from support.crawler_stage import Stage
from support.ledger import urls
from support.visitor import bad
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.messages import MAX_HOP, parse_dispatcher
from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.services import Pace

PAGES = urls(6)
ONE = LaneConfig(max_invocations=1, pages_in_flight=1)
TASK = (
    "SELECT status::text, rescues, started_at IS NULL, reason || coalesce(': ' || detail, '') "
    "FROM trapline.task WHERE url = $1"
)

SHORT = 3.0
"""Seconds of an invocation whose deadline cuts a visit off; half of them must be left when the visit starts, on a busy
machine too."""


def slow(stage: Stage, clock: Clock, seconds: float) -> Deadline:
    """Let every visit take ``seconds`` of ``clock``; return a deadline 120 s away on it."""

    def pass_time(_url: str) -> None:
        clock.now += seconds

    stage.visitor.on_visit = pass_time
    return Deadline.after(120, clock=clock)


async def test_before_the_deadline_it_hands_back_ends_in_order_and_has_the_lane_counted(stage: Stage) -> None:
    """With no time left for another visit it leases and starts none, gives back the rest, and nudges the dispatcher."""
    await stage.open(PAGES, lane=ONE)
    (message,) = await stage.asked(hop=3)
    result = await stage.live(message, deadline=slow(stage, Clock(), 35))
    # 120 s: visits begin at 120, 85 and 50 s before the end; at 15 s a time-out of 30 s and the reserve do not fit.
    assert (result["done"], result["handed_back"], result["rescued"]) == (3, 3, 0)
    assert await stage.rows("SELECT DISTINCT rescues, attempts FROM trapline.task") == [(0, 0)]
    assert await stage.tasks() == {"created": 3, "done": 3}
    assert await stage.invocations() == ["succeeded"]
    assert stage.nudger.to("dispatcher") == [{"v": 1, "type": "count", "lane": "default", "hop": 4}]
    parse_dispatcher(stage.nudger.to("dispatcher")[0])


async def test_the_chain_of_nudges_ends_at_max_hop(stage: Stage) -> None:
    """At hop 10 the dispatcher is not nudged: the minute's tick starts a fresh chain."""
    await stage.open(PAGES, lane=ONE)
    (message,) = await stage.asked(hop=MAX_HOP)
    assert (await stage.live(message, deadline=slow(stage, Clock(), 100)))["done"] == 1
    assert await stage.tasks() == {"created": 5, "done": 1}
    assert stage.nudger.to("dispatcher") == []


async def test_a_short_deadline_keeps_no_page_from_being_tried(stage: Stage) -> None:
    """A function with less time than a crawl's time-out and the reserve still visits a page per invocation."""
    await stage.open(PAGES[:2], lane=ONE)
    clock = Clock()
    result = await stage.live(deadline=Deadline(at=slow(stage, clock, 8).at - 108, clock=clock))
    assert (result["done"], result["handed_back"]) == (1, 1)


async def test_a_visit_that_the_deadline_cuts_off_is_charged_and_ends_one_day(stage: Stage) -> None:
    """A page too slow for the function is cut off in time, three times at most; then it is ``failed``, a time-out."""
    await stage.open(PAGES[:1])
    for rescues in (1, 2):
        hold = stage.visitor.hold(PAGES[0])
        result = await stage.live(deadline=Deadline.after(SHORT))
        assert hold.cancelled
        assert (result["rescued"], result["failed"]) == (1, 0)
        assert (await stage.rows(TASK, PAGES[0]))[0][:3] == ("created", rescues, True)
    stage.visitor.hold(PAGES[0])
    assert (await stage.live(deadline=Deadline.after(SHORT)))["failed"] == 1
    why = "timeout: the invocation's time ran out while the page loaded"
    assert await stage.rows(TASK, PAGES[0]) == [("failed", 2, True, why)]
    assert await stage.invocations() == ["succeeded"] * 3


async def test_a_visit_that_will_not_be_cut_off_does_not_keep_the_end(stage: Stage) -> None:
    """A browser that ignores the cancellation is left to the visitor's close; the tasks go back all the same."""
    await stage.open(PAGES[:2], lane=ONE)
    hold = stage.visitor.hold(PAGES[0], stubborn=True)
    result = await stage.live(deadline=Deadline.after(SHORT))
    assert (result["rescued"], result["handed_back"]) == (1, 1)
    assert await stage.invocations() == ["succeeded"]
    assert stage.visitor.closed == 1
    hold.release.set()


async def test_at_a_stop_it_hands_everything_back_uncharged(stage: Stage) -> None:
    """A stop cuts visits off at once; nothing is charged, none is nudged, and the invocation ends ``succeeded``."""
    await stage.open(PAGES, lane=LaneConfig(max_invocations=1, pages_in_flight=2))
    stop = asyncio.Event()
    holds = [stage.visitor.hold(page) for page in PAGES[:2]]
    living = asyncio.create_task(stage.live(stop=stop))
    for hold in holds:
        await hold.started()
    stop.set()
    result = await living
    assert (result["done"], result["handed_back"], result["rescued"]) == (0, 6, 0)
    assert all(hold.cancelled for hold in holds)
    states = "SELECT DISTINCT status::text, rescues, attempts, started_at IS NULL FROM trapline.task"
    assert await stage.rows(states) == [("created", 0, 0, True)]
    assert await stage.invocations() == ["succeeded"]
    assert (stage.nudger.sent, stage.visitor.closed) == ([], 1)


async def test_a_result_that_is_there_when_the_stop_comes_is_written(stage: Stage) -> None:
    """A visit that has ended is never thrown away: its result is recorded, and only the others go back."""
    await stage.open(PAGES[:3], lane=LaneConfig(max_invocations=1, pages_in_flight=2))
    stop = asyncio.Event()
    first, second = (stage.visitor.hold(page) for page in PAGES[:2])
    living = asyncio.create_task(stage.live(stop=stop))
    await first.started()
    await second.started()
    first.release.set()
    await asyncio.sleep(0)  # the visit ends in this turn of the loop; the stop comes in the same
    stop.set()
    assert (await living)["done"] == 1
    assert await stage.rows("SELECT url, status::text FROM trapline.task ORDER BY id") == [
        (PAGES[0], "done"),
        (PAGES[1], "created"),
        (PAGES[2], "created"),
    ]


async def test_a_stop_before_the_first_lease_terminates(stage: Stage) -> None:
    """Asked to stop before it leased anything it ends ``terminated``, with that reason."""
    await stage.open(PAGES[:1])
    stop = asyncio.Event()
    stop.set()
    await stage.live(stop=stop)
    found = await stage.rows("SELECT status::text, reason FROM trapline.invocation")
    assert found == [("terminated", "asked to stop before it leased")]


async def test_a_stop_ends_the_wait_for_a_retry(stage: Stage) -> None:
    """While it lingers for a retry of its own, a stop ends it at once."""
    await stage.open(PAGES[:1])
    stage.pace = Pace(linger=60.0)
    stop = asyncio.Event()
    stage.visitor.script(PAGES[0], *(bad(PAGES[0], retry=True) for _ in range(2)))
    stage.visitor.on_visit = lambda _: stop.set() if len(stage.visitor.visited) == 2 else None
    assert (await stage.live(stop=stop))["done"] == 0
    assert await stage.invocations() == ["succeeded"]


async def test_visits_of_one_host_keep_the_lanes_delay(stage: Stage) -> None:
    """With ``host_delay`` the visits of one host begin that far apart; other hosts are not kept waiting by it."""
    pages = [PAGES[0], PAGES[1], "https://other.example/"]
    await stage.open(pages, lane=LaneConfig(max_invocations=1, pages_in_flight=3, host_delay=1.0))
    began: dict[str, float] = {}
    loop = asyncio.get_running_loop()
    stage.visitor.on_visit = lambda url: began.update({url: loop.time()})
    assert (await stage.live())["done"] == 3
    # A turn is exact in the ledger; its visit begins after it by what starting the task takes, more on a busy machine.
    assert began[PAGES[1]] - began[PAGES[0]] > 0.5
    assert began[pages[2]] < began[PAGES[1]]


async def test_a_turn_that_comes_too_late_is_put_off_uncharged(stage: Stage) -> None:
    """A host whose next turn is far away: its other pages are put off at once, not waited for."""
    await stage.open(PAGES[:3], lane=LaneConfig(max_invocations=1, host_delay=1000.0))
    result = await stage.live()
    assert (result["done"], result["put_off"], result["rescued"], result["shares"]) == (1, 2, 0, 1)
    assert await stage.rows("SELECT DISTINCT rescues FROM trapline.task") == [(0,)]


async def test_retries_wait_within_the_crawls_own_time(stage: Stage) -> None:
    """A retry due beyond the deadline is left to the next invocation: the work loop does not linger for it."""
    await stage.open(PAGES[:1], crawl=CrawlConfig(name="docs", urls=(PAGES[0],)))
    stage.pace = Pace(linger=60.0)
    stage.visitor.script(PAGES[0], bad(PAGES[0], retry=True))
    assert (await stage.live(deadline=slow(stage, Clock(), 109.5)))["retried"] == 1
    assert await stage.tasks() == {"created": 1}
