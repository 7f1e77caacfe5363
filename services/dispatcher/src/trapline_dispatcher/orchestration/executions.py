"""What an execution of the wave machine reports or asks: that it ended, and what a child of it calls next.

A child whose crawler ended calls another one while tasks wait. So an execution lives for as long as its lane has work,
and a large run needs few of them.
"""

from trapline_common.domain.answers import NextItem, WaveGivenUp
from trapline_common.domain.ids import LaneName
from trapline_common.domain.messages import Next, WaveEnded
from trapline_common.ledger import waves as rows
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.orchestration.asking import count_and_ask
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")


async def next_invocation(services: Services, database: Database, message: Next) -> NextItem:
    """Count the lane, and hand over one invocation if it is missing any."""
    item = await rows.next_item(
        database,
        LaneName(message.lane),
        wave=message.wave,
        delivery=message.delivery,
        longest_pause=services.timeouts.longest_pause,
    )
    return NextItem(item=item)


async def wave_ended(services: Services, database: Database, message: WaveEnded) -> WaveGivenUp:
    """Count anew what an execution that was stopped, or failed, has not called."""
    found = await rows.give_up(database, message.wave, status=message.status)
    if found is None:
        return WaveGivenUp(orphaned=0, asked=0)
    lane, orphaned = found
    _log.warning("wave_ended", wave=str(message.wave), status=message.status, lane=lane, orphaned=orphaned)
    return WaveGivenUp(orphaned=orphaned, asked=await count_and_ask(services, database, lane))
