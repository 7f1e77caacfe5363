"""The tick lets itself sleep when nothing is due, and looks again afterwards: any doubt leaves it awake."""

from datetime import timedelta

from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.domain.messages import Asleep
from trapline_common.domain.ports import TickSchedule
from trapline_common.ledger import tick
from trapline_common.ledger.connection import Database
from trapline_common.ledger.last_success import last_success
from trapline_common.ledger.waking import wake
from trapline_common.platform.logging import get_logger
from trapline_dispatcher.maintenance.hourly_look import digest
from trapline_dispatcher.maintenance.nothing_due import EVENT, is_due
from trapline_dispatcher.services import Services

SOON = timedelta(minutes=10)
"""What is due within it keeps the tick awake: a database that scales to zero needs minutes to fall asleep itself."""
LONGEST = timedelta(days=1)
"""After a day the tick comes whatever is due: for retention, and for whatever the ledger does not know of."""

_log = get_logger("dispatcher")


async def arrive(schedule: TickSchedule, database: Database) -> int:
    """Note that a tick came, and switch it on where it sleeps: it may find work. Return what its fall is compared with.

    Raises ``TransientError``.
    """
    seen = await tick.came(database)
    return await wake(database, schedule) if seen is None else seen


async def fall_asleep(services: Services, schedule: TickSchedule, database: Database, *, seen: int) -> bool:
    """Let the tick sleep if nothing is due soon, nobody makes work, and nobody switched it on since ``seen``.

    What another process commits without switching it on, one of the release before, is found by the look afterwards;
    so is a process that switched it on while this one was stopped. Raises ``TransientError``: the tick is then switched
    on again, or the ledger says that it may be off, which whoever makes work does not believe in.
    """
    # All else that may fail comes before the fall.
    try:
        config = await services.config()
    except (InputRefusedError, TransientError):
        return False  # asleep it could not say what was due; another job of the tick has logged it
    last = await last_success(database)
    begun = await tick.fall(database, services.chores, seen=seen, soon=SOON)
    if begun is None:
        return False
    number, due = begun
    latest = due.now + LONGEST
    asleep = Asleep(
        until=latest if due.at is None else min(due.at, latest), since=last.since, crawls=digest(config.crawls.values())
    )
    try:
        await schedule.every_hour(asleep)
        again = await tick.next_due(database, services.chores)
        slept = not again.within(SOON) and await tick.fallen(database, number)
    except Exception:
        await _up(schedule, database, number)
        raise
    if not slept:
        await _up(schedule, database, number)
        return False
    _log.info("tick_sleeps", until=asleep.until.isoformat())
    if services.tells_nothing_due and not is_due(config.crawls.values(), since=last.since, now=due.now):
        _log.info(EVENT, since=last.since.isoformat())
    return True


async def _up(schedule: TickSchedule, database: Database, number: int) -> None:
    """Switch it on after the fall of this number; if it has another by now, whoever gave it that knows better."""
    await schedule.every_minute()
    await tick.woken(database, number)
