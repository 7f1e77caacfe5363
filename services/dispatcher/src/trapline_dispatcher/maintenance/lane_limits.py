"""The limits of lanes that work at the moment, brought up to date with the config at every minute tick."""

from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.domain.ids import LaneName
from trapline_common.ledger import lanes
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")


async def refresh_lanes(services: Services, database: Database) -> int:
    """Let limits that were changed in ``crawls.yaml`` bind although no run opens; return how many lanes changed.

    Without this a cap that a person lowered for the sake of a site would wait for the crawl's next tick, hours perhaps.
    A lane that the config lost keeps its last limits, for the runs that still work in it; one without work takes its
    new limits with its next run. A config that can't be read is logged, and read again in a minute: runs that are open
    need none. Raises ``LedgerUnavailableError``.
    """
    if not services.limits_by_config:
        return 0
    busy = await lanes.busy_lanes(database)
    if not busy:
        return 0
    try:
        config = await services.config()
    except (InputRefusedError, TransientError) as error:
        _log.error("lane_limits_not_read", reason=str(error))
        return 0
    changed = [
        name for name in busy if name in config.lanes and await lanes.change_lane(database, name, config.lanes[name])
    ]
    for name in changed:
        _log.info("lane_limits_changed", lane=LaneName(name), **config.lanes[name].model_dump())
    return len(changed)
