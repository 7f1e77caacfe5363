"""How a run ends: once, under its row's lock, with its summary alert in the same transaction."""

from dataclasses import dataclass
from functools import partial
from typing import Self

from trapline_common.alerts.payloads import ReasonCount, RunFacts
from trapline_common.alerts.verdict import summary
from trapline_common.config.frozen_run import failing_config
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunOutcome, RunStatus
from trapline_common.ledger.connection import Database, to_text
from trapline_common.ledger.outbox import add_alert
from trapline_common.ledger.queries import load
from trapline_common.ledger.separate_jobs import SeparateJobs
from trapline_common.platform.logging import get_logger

_RUNS = load("runs")
_log = get_logger("runs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a run's tasks and observations add up to, once none of its tasks is open."""

    done: int
    """Tasks that ended ``done``."""
    failed: int
    """Tasks that ended ``failed``."""
    changes: int
    """Pages that changed."""
    reasons: tuple[ReasonCount, ...]
    """Why tasks failed, the most frequent reason first."""

    @classmethod
    async def count(cls, database: Database, run_id: RunId) -> Self:
        """Count. Of a large run that takes seconds: outside any lock, where nothing can be added any more."""
        counts = await database.fetchrow(_RUNS["counts"], run_id)
        assert counts is not None, "an aggregate always has a row"
        changes: int = await database.fetchval(_RUNS["changes"], run_id)
        reasons = await database.fetch(_RUNS["reasons"], run_id)
        return cls(
            done=counts["done"],
            failed=counts["failed"],
            changes=changes,
            reasons=tuple(ReasonCount(reason=r["reason"], count=r["tasks"], example=r["example"]) for r in reasons),
        )


async def refuse(database: Database, run_id: RunId, reason: str) -> None:
    """End a run that could not be opened, for example for a sitemap that is HTML, with its summary alert."""
    async with database.transaction():
        row = await database.fetchrow(_RUNS["lock"], run_id)
        if row is None or row["status"] != RunStatus.OPENING or row["cancelling"]:
            return
        ending = await Ending.count(database, run_id)
        ended = await end(database, run_id, RunOutcome.REFUSED, reason, ending)
    log_end(*ended)


async def end_if_done(database: Database, run_id: RunId) -> bool:
    """End an open run when no task is left, with its summary alert, exactly once; say whether this call did.

    Under the run's row lock and in a transaction of its own: of the last two tasks that end together, whichever commits
    later sees none left. ``enqueue`` takes the same row lock. A run that is being cancelled is the cancel's to end.
    What takes long of a large run is counted before the lock, and again behind it if pages were added meanwhile.
    """
    if not await database.fetchval(_RUNS["is_open"], run_id) or await database.fetchval(_RUNS["open_tasks"], run_id):
        return False
    ending = await Ending.count(database, run_id)
    async with database.transaction():
        row = await database.fetchrow(_RUNS["lock"], run_id)
        if row is None or row["status"] != RunStatus.OPEN or row["cancelling"]:
            return False
        if await database.fetchval(_RUNS["open_tasks"], run_id):
            return False
        counts = await database.fetchrow(_RUNS["counts"], run_id)
        if counts is None or tuple(counts) != (ending.done, ending.failed):
            ending = await Ending.count(database, run_id)
        ended = await end(database, run_id, RunOutcome.COMPLETED, None, ending)
    log_end(*ended)
    return True


async def endable(database: Database) -> list[RunId]:
    """Return open runs without a task left, which a killed crawler could not end."""
    return [RunId(row["id"]) for row in await database.fetch(_RUNS["endable"])]


async def end_all_done(jobs: SeparateJobs) -> int:
    """End every open run that has no task left and that no crawler could end; return how many this call ended.

    Each is a job of its own: a run that can't be ended keeps no other open.
    """
    found = await jobs.find("look for runs that are done", endable)
    return sum([await jobs.run(f"end run {one}", partial(end_if_done, run_id=one), instead=False) for one in found])


async def end(
    database: Database, run_id: RunId, outcome: RunOutcome, reason: str | None, ending: Ending
) -> tuple[str, RunFacts]:
    """Write the end and the summary; return the crawl's name and the facts. The caller holds the run's row lock."""
    numbers = (ending.done, ending.failed, ending.changes)
    row = await database.fetchrow(_RUNS["ended"], run_id, outcome, to_text(reason), *numbers)
    if row is None:
        raise RuntimeError(f"run {run_id} had ended")  # impossible: the caller holds its lock and saw that it had not
    crawl = failing_config(row["config"], crawl=row["crawl"], lane=row["lane"])
    facts = RunFacts(
        run_id=run_id,
        outcome=outcome,
        detail=row["reason"],
        done=ending.done,
        failed=ending.failed,
        changes=ending.changes,
        seconds=row["seconds"],
        worst=list(ending.reasons),
    )
    await add_alert(database, summary(facts, crawl.alert), crawl=crawl.name, run_id=run_id)
    return crawl.name, facts


def log_end(crawl: str, facts: RunFacts) -> None:
    """Log that a run ended: the process that ended it, once, after its commit. An alarm counts these events."""
    _log.info(
        "run_ended",
        crawl=crawl,
        run_id=facts.run_id,
        outcome=facts.outcome,
        done=facts.done,
        failed=facts.failed,
        changes=facts.changes,
        seconds=round(facts.seconds, 3),
    )
