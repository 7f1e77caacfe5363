"""Complete a visit: judge it against its page and write the verdict, by compare-and-set on the page's version."""

import asyncpg

from trapline_common.alerts.page_state import PageState, Verdict
from trapline_common.alerts.verdict import judge, needs_baseline
from trapline_common.config.fingerprint import READER_VERSION, as_read, finder_version
from trapline_common.config.frozen_run import FrozenRun
from trapline_common.content.noise import Baseline
from trapline_common.domain.errors import InputRefusedError, ResultRefusedError
from trapline_common.domain.observation import Observation
from trapline_common.domain.ports import ArtifactLocation
from trapline_common.ledger import tasks
from trapline_common.ledger.connection import Database

_OF_THE_VALUES = (
    InputRefusedError,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.RaiseError,
)
"""What Postgres says of a row that it does not take. Other errors, a missing table or right, are no page's fault."""


async def settle(
    database: Database,
    lease: tasks.Lease,
    *,
    run: FrozenRun,
    page: PageState,
    observation: Observation,
    step: tasks.NextStep,
    location: ArtifactLocation,
) -> Verdict:
    """Judge ``observation`` against ``page`` and write it; when the page's version moved, read the row and judge again.

    Keeps guarantee 5: what alerts tell of a page follows the order in which completions committed. No row is locked
    between reading and writing. It ends, because each refusal means that another completion of the page committed.
    Raises ``LeaseLostError`` when the task was given to another invocation, and ``ResultRefusedError``.
    """
    while True:
        verdict = await _judge(database, run=run, page=page, observation=observation, location=location)
        try:
            written = await tasks.complete_visit(
                database,
                lease,
                step=step,
                page=page,
                observation=observation,
                verdict=verdict,
            )
        except _OF_THE_VALUES as error:
            raise ResultRefusedError(f"its result can't be recorded: {type(error).__name__}: {error}") from error
        if written is tasks.Completion.OK:
            return verdict
        page = await tasks.read_page(database, run.crawl.name, page.url)


async def _judge(
    database: Database, *, run: FrozenRun, page: PageState, observation: Observation, location: ArtifactLocation
) -> Verdict:
    read_by = as_read(run.fingerprint, reader=READER_VERSION, finder=finder_version(run.crawl))
    baseline, fingerprint = Baseline(), read_by
    if needs_baseline(page, observation, run_id=run.run_id, crawl=run.crawl, fingerprint=fingerprint):
        baseline = await tasks.baseline(database, page)
    return judge(
        page,
        observation,
        run_id=run.run_id,
        crawl=run.crawl,
        fingerprint=fingerprint,
        baseline=baseline,
        location=location,
    )
