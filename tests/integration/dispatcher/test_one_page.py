"""A run of one page, by hand: a part of its crawl's newest run, with the crawl's rules of overlap."""

import uuid

import pytest

from support.dispatcher_stage import EAGER, Stage
from support.ledger import make_old, value
from trapline_common.domain.answers import Opened, Refused
from trapline_common.domain.ids import PageId, RunId
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import VisitPage
from trapline_common.ledger import runs
from trapline_common.ledger.views.status import read_status

FILE = "crawls:\n  docs: {urls: [https://docs.example/1, https://docs.example/2, https://docs.example/3]}\n"
PAGE = "SELECT id FROM trapline.page WHERE url = 'https://docs.example/2'"
TASKS = "SELECT url FROM trapline.task WHERE run_id = $1"


async def crawled(stage: Stage) -> PageId:
    """Let a whole run come and go; return the second page."""
    stage.configure(FILE)
    await stage.open("docs")
    await stage.end_runs()
    await stage.reap()
    return PageId(await value(stage.database, PAGE))


async def test_it_visits_that_page_alone_under_the_config_of_now(stage: Stage) -> None:
    """One task, at once, with what the file says now; who asked stands in its row."""
    page = await crawled(stage)
    stage.configure(FILE.replace("urls:", "watch: '#now', urls:"))
    opened = await stage.handle(VisitPage(page_id=page, request=uuid.uuid4(), acted_by="ann"))
    assert isinstance(opened, Opened)
    assert (opened.status, opened.tasks) == (RunStatus.OPEN, 1)
    assert await stage.rows(TASKS, opened.run_id) == [("https://docs.example/2",)]
    row = "SELECT acted_by, page_id, retry_of, config ->> 'watch' FROM trapline.run WHERE id = $1"
    assert await stage.rows(row, opened.run_id) == [("ann", page, 1, "#now")]


async def test_a_request_opens_one_run_and_another_waits_its_turn(stage: Stage) -> None:
    """A doubled click finds its run, also behind further runs; while it is open another visit is skipped, as a tick."""
    page, request = await crawled(stage), uuid.uuid4()
    first = await stage.handle(VisitPage(page_id=page, request=request))
    again = await stage.handle(VisitPage(page_id=page, request=request))
    assert isinstance(first, Opened)
    assert isinstance(again, Opened)
    assert (again.run_id, again.repeated) == (first.run_id, True)
    other = await stage.handle(VisitPage(page_id=page, request=uuid.uuid4()))
    assert isinstance(other, Opened)
    assert (other.status, other.waits_for) == (RunStatus.ENDED, first.run_id)
    refused = await stage.handle(VisitPage(page_id=PageId(page + 1), request=request))
    assert isinstance(refused, Refused)
    assert f"asks for a visit of page {page + 1} of crawl 'docs'" in refused.reason


async def test_one_whose_dispatcher_died_is_opened_by_the_tick(stage: Stage) -> None:
    """The page stands in the run's row, so whoever goes on visits that page and no other."""
    page = await crawled(stage)
    stage.timeouts = EAGER
    crawl = stage.config.crawls["docs"]
    begun = await runs.begin(
        stage.database, crawl, None, fingerprint="fp", request=uuid.uuid4(), retry_of=RunId(1), page_id=page
    )
    await make_old(stage.database, "run", "tried_at", 3600)
    await stage.reap()
    assert await stage.rows(TASKS, begun.run_id) == [("https://docs.example/2",)]


async def test_it_counts_as_no_run_of_the_whole_crawl(stage: Stage) -> None:
    """Pages that fail still do when another one was visited by itself."""
    page = await crawled(stage)
    await stage.rows(
        "UPDATE trapline.page SET failures = 3, failing_since = now(), judged_run = 1 WHERE id <> $1", page
    )
    await stage.handle(VisitPage(page_id=page, request=uuid.uuid4()))
    await stage.end_runs()
    await stage.reap()
    assert (
        await value(stage.database, "SELECT outcome::text FROM trapline.run WHERE page_id IS NOT NULL") == "completed"
    )
    assert (await read_status(stage.database, failing=9)).failing_total == 2


async def test_without_the_crawl_in_the_config_its_newest_run_tells_how(stage: Stage) -> None:
    """As on one machine, where no file is named."""
    page = await crawled(stage)
    stage.configure("crawls:\n  other: {urls: [https://other.example/]}\n")
    opened = await stage.handle(VisitPage(page_id=page, request=uuid.uuid4()))
    assert isinstance(opened, Opened)
    assert await stage.rows(TASKS, opened.run_id) == [("https://docs.example/2",)]


@pytest.mark.parametrize("why", ["no such page", "no run is kept", "a secret of another origin"])
async def test_what_cant_be_visited_is_refused(stage: Stage, why: str) -> None:
    """Nothing is opened, and a secret goes to no origin that it was not written for."""
    page = await crawled(stage)
    says = "no run of crawl 'docs' is kept"
    if why == "no such page":
        page, says = PageId(page + 99), "no page"
    elif why == "no run is kept":
        await stage.rows("DELETE FROM trapline.task")
        await stage.rows("DELETE FROM trapline.run")
    else:
        stage.configure("crawls:\n  docs: {urls: [https://new.example/], headers: {X-Key: '${secret:K}'}}\n")
        says = "the secrets in the crawl's headers and cookies are for"
    before = await value(stage.database, "SELECT count(*) FROM trapline.run")
    refused = await stage.handle(VisitPage(page_id=page, request=uuid.uuid4()))
    assert isinstance(refused, Refused)
    assert says in refused.reason
    assert await value(stage.database, "SELECT count(*) FROM trapline.run") == before
