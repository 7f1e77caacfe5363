"""Count a lane, insert exactly what is missing, and have each row asked for in its own way."""

from collections.abc import Sequence

from trapline_common.domain.ids import InvocationId, LaneName
from trapline_common.domain.via import WAVED, Via
from trapline_common.ledger import lanes
from trapline_common.ledger import waves as rows
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.orchestration.self_invoking import InvokeOutcome, invoke_all
from trapline_dispatcher.orchestration.step_functions import start_waves
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")


async def count_and_ask(services: Services, database: Database, lane: LaneName, *, hop: int = 0) -> int:
    """Plan the lane, commit, then ask for each new invocation; return how many were missing.

    Keeps guarantee 4: no invocation is asked for that the count did not ask for.
    """
    planned = await lanes.plan(
        database,
        lane,
        hop=hop,
        at_most=services.at_most,
        pages=services.pages,
        longest_pause=services.timeouts.longest_pause,
    )
    if planned.above_cap:
        trimmed = await lanes.trim(database, lane)
        _log.info("lane_above_cap", lane=lane, above=planned.above_cap, ended=trimmed)
    if planned.pause > 0:
        # The next count after the pause asks again; on AWS that is the one of the minute's tick at the latest.
        _log.error(
            "lane_pauses",
            lane=lane,
            false_starts=planned.false_starts,
            seconds=planned.pause,
            waiting=planned.load.waiting,
        )
    outcomes = await ask_all(services, database, planned.created)
    if planned.missing:
        _log.info(
            "invocations_asked",
            lane=lane,
            waiting=planned.load.waiting,
            idle=planned.load.idle,
            running=planned.load.running,
            missing=planned.missing,
            refused=outcomes.count(InvokeOutcome.REFUSED),
            unknown=outcomes.count(InvokeOutcome.UNKNOWN),
        )
    return planned.missing


async def ask_all(services: Services, database: Database, ids: Sequence[InvocationId]) -> list[InvokeOutcome]:
    """Ask for several invocations, each in the way that is frozen in its row.

    Where a deployment lacks that way (a lane was switched, and its machine is not there yet, or gone) a row is asked
    for by an Invoke, as any other.
    """
    if not ids or (services.waves is None and services.durable is None):
        return await invoke_all(services, database, ids, services.invoker)
    ways = await rows.ways(database, ids)
    outcomes: list[InvokeOutcome] = []
    if services.waves is not None:
        for lane in dict.fromkeys(way.lane for way in ways if way.via in WAVED):
            mine = [way.invocation_id for way in ways if way.lane == lane and way.via in WAVED]
            outcomes += await start_waves(services, database, services.waves, lane, mine)
    durable = [way.invocation_id for way in ways if way.via is Via.DURABLE]
    outcomes += await invoke_all(services, database, durable, services.durable or services.invoker)
    invoked = {Via.EVENT} if services.waves is not None else {Via.EVENT} | WAVED
    others = [way.invocation_id for way in ways if way.via in invoked]
    return outcomes + await invoke_all(services, database, others, services.invoker)
