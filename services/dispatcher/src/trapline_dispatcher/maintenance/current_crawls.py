"""The crawls of the deployed config, noted at every minute tick: what was taken out of it needs no attention."""

from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.ledger import known_crawls
from trapline_common.ledger.connection import Database
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.maintenance.nothing_due import tell_nothing_due
from trapline_dispatcher.services import Services

_log = get_logger("dispatcher")


async def note_crawls(services: Services, database: Database) -> None:
    """Write down which crawls the config has; where an alarm waits for that, tell that none of them was due.

    A config that can't be read is logged, and read again in a minute.
    """
    if not services.limits_by_config:
        return
    try:
        config = await services.config()
    except (InputRefusedError, TransientError) as error:
        _log.error("crawls_not_read", reason=str(error))
        return
    await known_crawls.take(database, config.crawls.values(), source=services.source)
    if services.tells_nothing_due:
        await tell_nothing_due(database, config.crawls.values())
