"""Complete a visit: judge it against its page and write the verdict, by compare-and-set on the page's version."""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from trapline_common.alerts.page_state import PageState, Verdict
from trapline_common.alerts.verdict import has_picture, judge, needs_baseline
from trapline_common.config.fingerprint import READER_VERSION, as_read, finder_version
from trapline_common.config.frozen_run import FrozenRun
from trapline_common.content.noise import Baseline
from trapline_common.domain.errors import InputRefusedError, ResultRefusedError
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Failure, Observation
from trapline_common.domain.picture import PictureVerdict
from trapline_common.domain.ports import ArtifactLocation
from trapline_common.ledger import tasks
from trapline_common.ledger.connection import Database

JudgePicture = Callable[[PageState, Observation], Awaitable[PictureVerdict]]
"""Says what an observation's picture is to its page, as the page's row was read. Raises no error of the picture's."""

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
    judge_picture: JudgePicture | None = None,
) -> Verdict:
    """Judge ``observation`` against ``page`` and write it; when the page's version moved, read the row and judge again.

    Keeps guarantee 5: what alerts tell of a page follows the order in which completions committed. No row is locked
    between reading and writing. It ends, because each refusal means that another completion of the page committed.
    ``judge_picture`` is asked of a good visit that has a picture, and is there where its crawl compares pictures.
    Raises ``LeaseLostError`` when the task was given to another invocation, and ``ResultRefusedError``.
    """
    verdict, _ = await settle_and_lease(
        database,
        lease,
        run=run,
        page=page,
        observation=observation,
        step=step,
        location=location,
        judge_picture=judge_picture,
        next_share=None,
    )
    return verdict


async def settle_and_lease(
    database: Database,
    lease: tasks.Lease,
    *,
    run: FrozenRun,
    page: PageState,
    observation: Observation,
    step: tasks.NextStep,
    location: ArtifactLocation,
    judge_picture: JudgePicture | None = None,
    next_share: tasks.NextShare | None,
) -> tuple[Verdict, list[tasks.LeasedTask]]:
    """``settle``, and with the result lease ``next_share``; return the verdict and what was leased.

    ``None`` leases nothing. What is leased may be nothing for each reason that ``complete_visit`` has.
    """
    while True:
        verdict = await _judge(
            database, run=run, page=page, observation=observation, location=location, judge_picture=judge_picture
        )
        try:
            written, share = await tasks.complete_visit(
                database,
                lease,
                step=step,
                page=page,
                observation=observation,
                verdict=verdict,
                next_share=next_share,
            )
        except _OF_THE_VALUES as error:
            raise ResultRefusedError(f"its result can't be recorded: {type(error).__name__}: {error}") from error
        if written is tasks.Completion.OK:
            return verdict, share
        page = await tasks.read_page(database, run.crawl.name, page.url)


async def settle_failure(
    database: Database,
    lease: tasks.Lease,
    *,
    run: FrozenRun,
    urls: Sequence[str],
    at: tuple[int, int],
    failure: Failure,
    location: ArtifactLocation,
) -> tuple[Verdict, bool]:
    """Record the page that a task stands at as failed; return the verdict, and whether the task ended with it.

    An ordered task, with further ``urls``, goes on behind the page without its session, which may be the cause. ``at``:
    the page's index, and how many failed before. Raises as ``settle``.
    """
    position, failed_pages = at
    ends = position + 1 >= len(urls)
    step = tasks.NextStep(
        status=TaskStatus.FAILED if ends else TaskStatus.CREATED,
        failure=failure,
        position=position + 1,
        failed_pages=failed_pages + 1,
    )
    verdict = await settle(
        database,
        lease,
        run=run,
        page=await tasks.read_page(database, run.crawl.name, urls[position]),
        observation=Observation(url=urls[position], failure=failure),
        step=step,
        location=location,
    )
    return verdict, ends


async def _judge(
    database: Database,
    *,
    run: FrozenRun,
    page: PageState,
    observation: Observation,
    location: ArtifactLocation,
    judge_picture: JudgePicture | None,
) -> Verdict:
    read_by = as_read(run.fingerprint, reader=READER_VERSION, finder=finder_version(run.crawl))
    baseline, fingerprint = Baseline(), read_by
    if needs_baseline(page, observation, run_id=run.run_id, crawl=run.crawl, fingerprint=fingerprint):
        baseline = await tasks.baseline(database, page)
    picture = None
    if judge_picture is not None and has_picture(page, observation, run_id=run.run_id):
        picture = await judge_picture(page, observation)
    return judge(
        page,
        observation,
        run_id=run.run_id,
        crawl=run.crawl,
        fingerprint=fingerprint,
        baseline=baseline,
        location=location,
        picture=picture,
    )
