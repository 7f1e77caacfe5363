"""Events of every kind, and what is no event of ours."""

import json
import uuid

import pytest

from support.dispatcher_stage import Stage
from support.ledger import fail_page, make_ready
from trapline_common.domain.answers import DispatcherAnswer, Enqueued, Refused
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.messages import Enqueue, OpenRun
from trapline_common.ledger import tasks

PLACEHOLDER = "<aws.scheduler.scheduled-time>"


async def test_pages_are_added_to_an_open_run_and_counted_for(stage: Stage) -> None:
    """``enqueue`` writes tasks, once per URL in its normal form, and asks for the crawlers they need."""
    await stage.open("docs")
    added = Enqueue(
        run_id=1, urls=("HTTPS://docs.example:443/4#top", "https://docs.example/4", "https://docs.example/1")
    )
    assert await stage.handle(added) == Enqueued(run_id=1, added=1, asked=0)
    more = tuple(f"https://docs.example/{number}" for number in range(5, 8))
    assert await stage.handle(Enqueue(run_id=1, urls=more)) == Enqueued(run_id=1, added=3, asked=1)
    assert await stage.rows("SELECT url FROM trapline.task WHERE id = 4") == [("https://docs.example/4",)]


@pytest.mark.parametrize(
    ("urls", "reason"),
    [
        (("https://a.example/", "file:///etc/passwd"), "enqueue.urls.1: file: URLs are not visited"),
        (("https://a.example/" + "x" * 2048,), "enqueue.urls.0: the URL is longer than 2048 bytes"),
        (("nonsense\x00",), "enqueue.urls.0: holds a NUL character"),
    ],
)
async def test_a_url_that_can_never_be_visited_is_refused_and_none_is_written(
    stage: Stage, urls: tuple[str, ...], reason: str
) -> None:
    """The refusal names the URL's number and what is wrong; the good ones beside it are not added."""
    await stage.open("docs")
    assert (await stage.handle(Enqueue(run_id=1, urls=urls))).reason.startswith(reason)
    assert await stage.rows("SELECT count(*)::int FROM trapline.task") == [(3,)]


async def test_secrets_bind_a_run_to_the_origins_of_its_file(stage: Stage) -> None:
    """A page of another origin than the file names is not added to a run whose headers hold a secret."""
    stage.configure("crawls: {docs: {urls: ['https://docs.example/1'], headers: {X-Key: '${secret:K}'}}}")
    await stage.open("docs")
    strange = ("https://docs.example/2", "https://docs.example:8443/3")
    refused = await stage.handle(Enqueue(run_id=1, urls=strange))
    assert refused.reason == (
        "enqueue.urls: https://docs.example:8443/3: the secrets in the crawl's headers and cookies are for "
        "https://docs.example; if this origin may get them, name a page of it in `urls`"
    )
    assert await stage.handle(Enqueue(run_id=1, urls=strange[:1])) == Enqueued(run_id=1, added=1, asked=0)


async def test_nothing_is_added_to_a_run_that_is_not_open(stage: Stage) -> None:
    """Ended, still opening, or never there: refused with the reason."""
    await stage.open("other")
    await stage.end_runs()
    await stage.reap()
    for run_id in (1, 99):
        refused = await stage.handle(Enqueue(run_id=run_id, urls=("https://a.example/",)))
        assert refused == Refused(reason=f"run {run_id} is not open; tasks can only be added to an open run")


async def retry(stage: Stage, run_id: int, crawl: str = "other", request: uuid.UUID | None = None) -> DispatcherAnswer:
    """Ask for a run of another's failed tasks."""
    return await stage.handle(OpenRun(crawl=crawl, request=request or uuid.uuid4(), retry_of=run_id))


async def test_a_retry_takes_the_failed_tasks_of_an_ended_run(stage: Stage) -> None:
    """The new run has the failed pages only, under the old run's config; asked for twice it is opened once."""
    await stage.open("docs")
    held = await make_ready(stage.database, InvocationId(stage.invoker.ids[0]))
    share = await tasks.lease_share(stage.database, held, share=3, another=False)
    assert share[1].page is not None
    await fail_page(stage.database, share[1])
    refused = await retry(stage, 1, "docs")
    assert refused == Refused(reason="run 1 has not ended; its tasks are still retried in it")
    await stage.end_runs()
    await stage.rows("UPDATE trapline.task SET status = 'done', ended_at = now() WHERE status = 'leased'")
    await stage.reap()
    stage.configure("crawls: {docs: {urls: [https://elsewhere.example/]}}")
    request = uuid.uuid4()
    assert (await retry(stage, 1, "docs", request)).tasks == 1
    assert (await retry(stage, 1, "docs", request)).repeated is True
    assert await stage.rows("SELECT url FROM trapline.task WHERE run_id = 2") == [(share[1].url,)]


async def test_a_retry_that_makes_no_sense_is_refused(stage: Stage) -> None:
    """No such run, a run of another crawl, nothing failed: each with its reason."""
    assert await retry(stage, 5) == Refused(reason="no run 5")
    await stage.open("other")
    assert await retry(stage, 1, "docs") == Refused(reason="run 1 is one of crawl 'other', not of 'docs'")
    await stage.end_runs()
    await stage.reap()
    assert await retry(stage, 1) == Refused(reason="run 1 has no failed task to retry")


async def test_an_unexpanded_tick_is_refused_unless_a_setting_allows_it(stage: Stage) -> None:
    """The placeholder of a scheduler that did not fill it in: refused by default, never a run per delivery."""
    event = {"v": 1, "type": "tick", "crawl": "docs", "scheduled_for": PLACEHOLDER}
    assert (await stage.handle(event)).reason.startswith("tick.scheduled_for: ")
    assert await stage.runs() == []


async def test_where_allowed_the_databases_minute_takes_the_placeholders_place(stage: Stage) -> None:
    """Delivered twice within a minute it opens one run, scheduled for the minute that the database has."""
    stage.unexpanded_ticks = True
    event = {"v": 1, "type": "tick", "crawl": "docs", "scheduled_for": PLACEHOLDER}
    before = (await stage.rows("SELECT date_trunc('minute', now())"))[0][0]
    first, second = await stage.handle(event), await stage.handle(event)
    after = (await stage.rows("SELECT date_trunc('minute', now())"))[0][0]
    ((scheduled,),) = await stage.rows("SELECT scheduled_for FROM trapline.run WHERE id = 1")
    assert before <= scheduled <= after
    assert (first.repeated, second.repeated) == (False, before == after)
    assert (await stage.tick()).run_id != first.run_id


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "message: Unable to extract tag"),
        ([], "message: "),
        ("reap", "message: "),
        (None, "message: "),
        ({"type": "burn"}, "message: Input tag 'burn'"),
        ({"type": "reap", "v": 2}, "reap.v: "),
        ({"type": "tick", "crawl": "docs"}, "tick.scheduled_for: Field required"),
        ({"Records": "none"}, "message: "),
    ],
    ids=json.dumps,
)
async def test_what_is_no_message_is_dropped_with_its_reason(stage: Stage, event: object, reason: str) -> None:
    """It is not raised, for it would only come again; nothing is done."""
    result = await stage.handle(event)
    assert result.reason.startswith(reason)
    assert (await stage.runs(), stage.invoker.asked) == ([], [])
