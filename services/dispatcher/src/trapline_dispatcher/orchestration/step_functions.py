"""Have one execution of the wave machine call all the rows that one count of a lane made.

Between the claim, the object with the items, the start and ``pending`` the dispatcher may die anywhere: the rows are
claimed again, under the same name, and that name is started once.
"""

from collections.abc import Sequence
from uuid import UUID

from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import InvocationId, LaneName
from trapline_common.domain.messages import Crawl, WaveItem
from trapline_common.domain.ports import Waves
from trapline_common.ledger import waves as rows
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.orchestration.self_invoking import InvokeOutcome, each, invoke
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")


async def start_waves(
    services: Services, database: Database, waves: Waves, lane: LaneName, ids: Sequence[InvocationId]
) -> list[InvokeOutcome]:
    """Claim rows of a lane and start an execution for them; rows that were claimed before keep the one they had.

    Where there is no machine (any more) the same rows are asked for by Invokes at once.
    """
    claimed = await rows.claim(
        database, lane, ids, wave=services.new_wave(), again_after=services.timeouts.ask_again_after
    )
    outcomes = [InvokeOutcome.NOT_OURS] * (len(ids) - len(claimed))
    for wave in dict.fromkeys(item.wave for item in claimed):
        items = [item for item in claimed if item.wave == wave]
        outcomes += await _start(services, database, waves, lane, wave, items)
    return outcomes


async def _start(
    services: Services, database: Database, waves: Waves, lane: LaneName, wave: UUID, items: Sequence[WaveItem]
) -> list[InvokeOutcome]:
    about = {"wave": str(wave), "lane": lane, "invocations": len(items)}
    try:
        await waves.start(wave, items)
    except TransientError as error:
        # Not re-raised: the rows themselves are what retries it, under the same name, after ``ask_again_after``.
        _log.warning("wave_unanswered", reason=str(error), **about)
        return [InvokeOutcome.UNKNOWN] * len(items)
    except RefusedError as error:
        _log.error("wave_refused", reason=str(error), **about)

        async def ask(item: WaveItem) -> InvokeOutcome:
            message = Crawl(invocation_id=item.invocation_id, lane=item.lane, hop=item.hop)
            return await invoke(database, message, services.invoker)

        return await each(ask, items)
    await rows.mark_pending(database, lane, [InvocationId(item.invocation_id) for item in items])
    _log.info("wave_started", **about)
    return [InvokeOutcome.ACCEPTED] * len(items)
