"""A task that raises, for whatever reason, costs itself: a bounded number of attempts, some of them with a back-off."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest
import structlog

from support.crawler_stage import Stage
from support.ledger import LANE, make_old, urls
from support.visitor import bad
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.observation import Observation, Reason
from trapline_common.egress.fetch import NOBODY, Fetched, NoFileError, Sender
from trapline_common.ledger import runs, tasks
from trapline_common.ledger.tasks import FIRST_OUTAGE, LONGEST_OUTAGE, MAX_OUTAGES
from trapline_crawler.politeness.decision import LONGEST_PAUSED

PAGES = urls(3)
ONE = LaneConfig(max_invocations=1)
TASK = "SELECT status::text, attempts, rescues, outages, reason FROM trapline.task ORDER BY id"
WAIT = "SELECT extract(epoch FROM run_at - now())::float8 FROM trapline.task WHERE id = 1"
PAUSE = """
INSERT INTO trapline.host (host, refusals, not_before)
VALUES ('site.example', 1, now() + make_interval(secs => $1))
ON CONFLICT (host) DO UPDATE SET refusals = 1, not_before = excluded.not_before
"""
NEWER = """UPDATE trapline.run SET config = jsonb_set(config, '{screenshot}', '"always"') WHERE id = 1"""


async def test_something_that_is_away_is_waited_for_and_asked_seldom(stage: Stage) -> None:
    """A visit that can't be made, its secrets' store being away: minutes of doubling waits, then failed and told."""
    await stage.open(PAGES, lane=ONE)
    stage.visitor.script(PAGES[0], *(TransientError("Secrets Manager: InternalFailure") for _ in range(20)))
    waits = []
    for attempt in range(MAX_OUTAGES):
        did = await stage.live()
        assert did["rescued"] == 1
        assert did["done"] == (2 if attempt == 0 else 0)
        waits.append((await stage.rows(WAIT))[0][0])
        assert await stage.asked() == []
        await make_old(stage.database, "task", "run_at", LONGEST_OUTAGE)
    assert [round(wait) for wait in waits] == [min(LONGEST_OUTAGE, FIRST_OUTAGE * 2**n) for n in range(MAX_OUTAGES)]
    assert (await stage.live())["failed"] == 1
    assert (await stage.rows(TASK))[0] == ("failed", 0, 0, MAX_OUTAGES, "unavailable")
    assert await stage.invocations() == ["succeeded"] * (MAX_OUTAGES + 1)
    assert stage.visitor.visited.count(PAGES[0]) == MAX_OUTAGES + 1
    assert stage.visitor.visited.count(PAGES[1]) == 1
    assert await stage.alerts() == ["failure"]


async def test_an_outage_that_ends_costs_a_wait(stage: Stage) -> None:
    """The next attempt finds all well: the page is done, and nothing is told."""
    await stage.open(PAGES, lane=ONE)
    stage.visitor.script(PAGES[0], TransientError("Secrets Manager: InternalFailure"))
    await stage.live()
    await make_old(stage.database, "task", "run_at", LONGEST_OUTAGE)
    assert (await stage.live())["done"] == 1
    assert await stage.tasks() == {"done": 3}
    assert await stage.alerts() == []


async def test_a_config_of_another_release_waits_for_it_and_ends(stage: Stage) -> None:
    """Its tasks go back with the same waits, no page is visited by half a config, and other runs' tasks are done."""
    await stage.open(PAGES[:2], lane=ONE)
    other = ["https://other.example/"]
    await stage.open(other, lane=ONE, crawl=CrawlConfig(name="other", urls=tuple(other)))
    await stage.rows(NEWER)
    assert (await stage.live())["done"] == 1
    assert stage.visitor.visited == other
    assert [row[0] for row in await stage.rows(TASK)] == ["created", "created", "done"]
    for _ in range(MAX_OUTAGES):
        await make_old(stage.database, "task", "run_at", LONGEST_OUTAGE)
        await stage.live()
    assert [(row[0], row[4]) for row in await stage.rows(TASK)] == [("failed", "unavailable")] * 2 + [("done", None)]
    assert stage.visitor.visited == other
    ((detail,),) = await stage.rows("SELECT DISTINCT detail FROM trapline.task WHERE status = 'failed'")
    assert detail.startswith("this release can't read the config of run 1: screenshot: Input should be 'never', ")
    assert (await stage.rows("SELECT status::text FROM trapline.run WHERE id = 1")) == [("ended",)]


async def test_it_is_done_as_soon_as_the_release_that_reads_it_is_there(stage: Stage) -> None:
    """The services of a deployment are replaced one by one: what the old one put off the new one does."""
    await stage.open(PAGES[:1], lane=ONE)
    ((config,),) = await stage.rows("SELECT config FROM trapline.run")
    await stage.rows(NEWER)
    await stage.live()
    await stage.rows("UPDATE trapline.run SET config = $1", config)
    await make_old(stage.database, "task", "run_at", LONGEST_OUTAGE)
    assert (await stage.live())["done"] == 1


@pytest.mark.parametrize("url", ["https://[site.example/", "https://[::1", "https://site.example]/"])
async def test_a_url_that_this_release_cant_parse_costs_its_own_task(stage: Stage, url: str) -> None:
    """Written by another release: its neighbours are done by the same invocation, it fails with the error."""
    pages = (*PAGES, url)
    await stage.open(pages, lane=ONE, crawl=CrawlConfig.model_construct(name="docs", urls=pages))
    did = await stage.live()
    assert (did["done"], did["failed"]) == (3, 1)
    assert await stage.invocations() == ["succeeded"]
    ((status, reason),) = await stage.rows("SELECT status::text, reason FROM trapline.task WHERE url = $1", url)
    assert (status, reason) == ("failed", "browser")
    assert await stage.alerts() == ["failure"]


async def test_in_an_ordered_task_such_a_url_costs_its_own_page(stage: Stage) -> None:
    """The pages behind it are still visited."""
    pages = [PAGES[0], "https://[site.example/", PAGES[2]]
    crawl = CrawlConfig.model_construct(name="steps", urls=tuple(pages), ordered=True)
    await stage.open(pages, crawl=crawl, lane=ONE)
    for _ in range(4):
        if await tasks.due(stage.database, LANE):
            await stage.live()
    assert stage.visitor.visited == [PAGES[0], PAGES[2]]
    assert await stage.rows("SELECT status::text, failed_pages, reason FROM trapline.task") == [("failed", 1, "pages")]


async def test_a_result_that_the_ledger_refuses_costs_its_own_page(stage: Stage) -> None:
    """A number out of a column's range: the page is failed at once with the ledger's words, and not visited again."""
    await stage.open(PAGES, lane=ONE)
    huge = Observation(url=PAGES[1], status=2**40, text="x", content_hash="x")
    stage.visitor.script(PAGES[1], huge)
    did = await stage.live()
    assert (did["done"], did["failed"]) == (2, 1)
    assert await stage.invocations() == ["succeeded"]
    ((reason, detail),) = await stage.rows("SELECT reason, detail FROM trapline.task WHERE status = 'failed'")
    assert reason == "browser"
    assert detail.startswith("its result can't be recorded: ")
    assert "out of range" in detail
    assert stage.visitor.visited.count(PAGES[1]) == 1


async def test_a_failure_that_the_ledger_refuses_too_ends_the_task(stage: Stage) -> None:
    """No result of this page can be written at all: the task ends without one, and its run ends."""
    await stage.open(PAGES, lane=ONE)
    await stage.rows(
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'out of order' USING ERRCODE = 'data_exception'; END $$"
    )
    await stage.rows(
        "CREATE TRIGGER broken BEFORE INSERT ON trapline.observation FOR EACH ROW "
        "WHEN (NEW.url LIKE '%/1') EXECUTE FUNCTION broken()"
    )
    did = await stage.live()
    assert (did["done"], did["failed"]) == (2, 1)
    assert await stage.rows("SELECT outcome::text, tasks_failed FROM trapline.run") == [("completed", 1)]


async def test_a_ledger_that_lacks_a_table_fails_the_invocation_and_no_page(stage: Stage) -> None:
    """No page is to blame for a schema that is not there: each goes back as it was."""
    await stage.open(PAGES, lane=ONE)
    await stage.rows("ALTER TABLE trapline.observation RENAME TO hidden")
    with pytest.raises(asyncpg.UndefinedTableError):
        await stage.live()
    await stage.rows("ALTER TABLE trapline.hidden RENAME TO observation")
    assert await stage.invocations() == ["failed"]
    assert set(await stage.rows("SELECT status::text FROM trapline.task")) == {("created",)}


async def test_a_run_that_cant_be_ended_costs_the_crawler_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last task is done, the end raises: that is logged, and left to the reap."""
    await stage.open(PAGES, lane=ONE)

    async def broken(*_: object) -> bool:
        raise ValueError("no summary")

    monkeypatch.setattr(runs, "end_if_done", broken)
    with structlog.testing.capture_logs() as logs:
        assert (await stage.live())["done"] == 3
    assert "run_not_ended" in [line["event"] for line in logs]
    assert await stage.invocations() == ["succeeded"]


@pytest.mark.parametrize("error", [lambda: TypeError("a bug"), lambda: RefusedError("no"), RecursionError])
async def test_a_fetch_of_robots_txt_that_raises_costs_neither_page_nor_crawler(
    stage: Stage, error: Callable[[], Exception]
) -> None:
    """Whatever the fetch raises, the site counts as one that gave no answer, for a minute."""

    async def broken(url: str) -> None:
        raise error()

    stage.fetch = broken
    await stage.open(PAGES, lane=ONE)
    assert (await stage.live())["done"] == 3


async def test_a_host_that_refused_and_then_never_answers_is_given_up(stage: Stage) -> None:
    """One 429, then silence: six visits find that out, a back-off apart; the other pages fail without a visit."""
    pages = urls(40)
    lane = LaneConfig(max_invocations=1, tasks_per_invocation=40, pages_in_flight=1)
    stage.pace = type(stage.pace)(linger=0.0, patience=0.0)
    await stage.open(pages, lane=lane, crawl=CrawlConfig(name="docs", urls=tuple(pages), retries=1))
    refusal = Observation(url=pages[0], status=429, failure=bad(pages[0], Reason.BLOCKED, retry=True).failure)
    for page in pages:
        silence = [bad(page, Reason.TIMEOUT, retry=True) for _ in range(9)]
        stage.visitor.script(page, *([refusal] if page == pages[0] else []), *silence)
    invocations = 0
    while "created" in await stage.tasks():
        for message in await stage.asked():
            await stage.live(message)
            invocations += 1
        await make_old(stage.database, "host", "not_before", 700)
        await make_old(stage.database, "host", "refused_at", 700)
        await stage.rows("UPDATE trapline.task SET run_at = now() WHERE status = 'created'")
        if (await stage.rows("SELECT refusals FROM trapline.host"))[0][0] >= 6:
            await stage.rows("UPDATE trapline.host SET not_before = now() + interval '10 min'")
        assert invocations < 20
    assert len(stage.visitor.visited) <= 8
    assert await stage.rows("SELECT DISTINCT reason FROM trapline.task WHERE ended_at IS NOT NULL AND id > 8") == [
        ("blocked",)
    ]


async def test_pauses_that_a_host_asks_for_end_in_hours(stage: Stage) -> None:
    """It answers, refuses for nearly an hour, answers again, and so on: no page waits for it for more than hours."""
    await stage.open(PAGES[:1], lane=ONE)
    stage.pace = type(stage.pace)(linger=0.0, patience=0.0)
    paused = attempts = 0.0
    while paused < LONGEST_PAUSED:
        await stage.rows(PAUSE, 3540)
        assert (await stage.live())["put_off"] == 1
        ((paused,),) = await stage.rows("SELECT paused FROM trapline.task")
        await make_old(stage.database, "task", "run_at", 3600)
        attempts += 1
    assert attempts <= 7
    assert (await stage.live())["failed"] == 1
    ((reason, detail),) = await stage.rows("SELECT reason, detail FROM trapline.task")
    assert (reason, detail) == ("blocked", "site.example asks for a pause; it has been put off for 6 hours in all")
    assert stage.visitor.visited == []


async def test_short_pauses_grow_with_what_they_came_to(stage: Stage) -> None:
    """A host that asks for a second each time is no loop of invocations: each pause is as long as all before it."""
    await stage.open(PAGES[:1], lane=ONE)
    stage.pace = type(stage.pace)(linger=0.0, patience=0.0)
    waits = []
    for _ in range(5):
        await stage.rows(PAUSE, 20)
        await stage.live()
        waits.append((await stage.rows(WAIT))[0][0])
        await make_old(stage.database, "task", "run_at", 600)
    assert [round(wait / 20) for wait in waits] == [1, 1, 2, 4, 8]


async def test_a_robots_txt_of_half_a_megabyte_holds_up_no_heartbeat(stage: Stage) -> None:
    """Names times rules: the event loop goes on, the neighbour's page is done, and so is this one."""
    names = "".join(f"User-agent: {n:x}\n" for n in range(15_000))
    bomb = (names + "User-agent: trapline\n" + "".join(f"Allow:/{n:x}\n" for n in range(30_000)))[:512_000]
    late: list[float] = []

    async def fetch(url: str, sender: Sender = NOBODY) -> Fetched:
        if "evil" in url:
            return Fetched(url=url, body=bomb.encode())
        raise NoFileError(url, 404)

    async def watch() -> None:
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            await asyncio.sleep(0.01)
            late.append(clock() - began - 0.01)

    stage.fetch = fetch
    evil = [f"https://evil.example/{n}" for n in range(5)]
    await stage.open([*evil, *PAGES], lane=ONE)
    watching = asyncio.create_task(watch())
    try:
        assert (await stage.live())["done"] == 8
    finally:
        watching.cancel()
    assert max(late) < 1.0
