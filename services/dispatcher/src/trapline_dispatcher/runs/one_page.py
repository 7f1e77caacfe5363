"""A run of one page, by hand: a part of its crawl's newest run, as a retry is, with the same rules of overlap."""

from uuid import UUID

from trapline_common.config.fingerprint import fingerprint
from trapline_common.config.frozen_run import FrozenRun
from trapline_common.config.held_secrets import SecretOrigins
from trapline_common.config.models import LaneConfig
from trapline_common.domain.errors import ConfigUnreadableError, MessageRefusedError
from trapline_common.domain.ids import CrawlName, PageId, RunId
from trapline_common.ledger import runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.views.pages import find_page
from trapline_dispatcher.runs.opening import RunOpening, go_on
from trapline_dispatcher.services import Services


async def visit_page(
    services: Services, database: Database, page_id: PageId, *, request: UUID, acted_by: str | None
) -> RunOpening:
    """Open a run that visits this page alone; the same request again changes nothing.

    Under the crawl's config as it is now; where the config has no such crawl, or this process has none, as its newest
    run froze it. Raises ``MessageRefusedError`` when there is no such page, when its crawl's runs are no longer kept,
    and when the config's secrets were not written for the page's origin.
    """
    page = await find_page(database, page_id)
    if page is None:
        raise MessageRefusedError(f"no page {page_id}")
    before = await runs.newest(database, page.crawl)
    if before is None:
        raise MessageRefusedError(f"no run of crawl {page.crawl!r} is kept; open one first")
    found, lane = await _config(services, database, CrawlName(page.crawl), before)
    strange = SecretOrigins(found.crawl).refusal([page.url])
    if strange is not None:
        raise MessageRefusedError(strange)
    opening = await runs.begin(
        database,
        found.crawl,
        lane,
        fingerprint=found.fingerprint,
        request=request,
        retry_of=before,
        page_id=page_id,
        acted_by=acted_by,
    )
    return await go_on(services, database, opening, found.crawl)


async def _config(
    services: Services, database: Database, name: CrawlName, before: RunId
) -> tuple[FrozenRun, LaneConfig | None]:
    """Return the config to visit with, and its lane's limits; ``None``: those that the ledger has."""
    config = await services.config()
    crawl = config.crawls.get(name)
    if crawl is not None:
        return FrozenRun(run_id=before, crawl=crawl, fingerprint=fingerprint(crawl)), config.lanes[crawl.lane]
    try:
        return (await runs.frozen(database, [before]))[before], None
    except ConfigUnreadableError as error:
        raise MessageRefusedError(f"{error}; open a run of {name!r} first") from error
    except KeyError as error:
        raise MessageRefusedError(f"run {before} of {name!r} is no longer kept; open a run first") from error
