"""One log-in for all invocations: who does it, who waits, what is kept, and what drops it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from support.crawler_stage import Stage
from support.crawling import KnownSecrets
from support.ledger import all_ready
from support.races import PATIENCE
from support.visitor import LOG_IN, bad
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.ids import InvocationId
from trapline_common.domain.observation import Failure, Observation, Reason
from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.sessions.seal import Seal
from trapline_crawler.sessions.shared_login import LiveSession, SharedLogIns

URL = "https://site.example/account"
SECRETS = {"PASSWORD": "hunter2"}


def crawl(password: str = "${secret:PASSWORD}", **values: object) -> CrawlConfig:
    """Return a crawl that logs in."""
    steps = [{"goto": "https://site.example/login"}, {"fill": {"selector": "#p", "value": password}}]
    return CrawlConfig.model_validate({"name": "account", "urls": [URL], "steps": steps, **values})


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """The stage, with the secret that the steps name."""
    stage.secrets |= SECRETS
    return stage


@asynccontextmanager
async def log_ins(
    stage: Stage, holder: InvocationId, *, every: float = 30.0, seal: Seal | None = None
) -> AsyncIterator[SharedLogIns]:
    """Yield the log-ins of one invocation, with a connection of its own."""
    async with await stage.services().connect() as database:
        yield SharedLogIns(
            database,
            stage.visitor,
            holder=holder,
            seal=seal or stage.seal,
            secrets=KnownSecrets(values=stage.secrets),
            every=every,
            clock=Deadline.after(1).clock,
        )


async def begun(stage: Stage, config: CrawlConfig, **more: object) -> LiveSession | Observation:
    """Return the session that an invocation of its own finds or begins."""
    async with log_ins(stage, InvocationId(uuid.uuid4()), **more) as mine:  # type: ignore[arg-type]
        return await mine.session(URL, config)


async def holders(stage: Stage, count: int) -> list[InvocationId]:
    """Return so many invocations that have started."""
    await stage.open(
        [f"{URL}/{n}" for n in range(count)], lane=LaneConfig(tasks_per_invocation=1, max_invocations=count)
    )
    return [held.invocation_id for held in await all_ready(stage.database)]


async def test_of_twenty_that_begin_together_one_logs_in(stage: Stage):
    """Twenty invocations want a session at the same moment: one logs in, and all get what it began."""
    hold = stage.visitor.hold(LOG_IN)

    async def one(holder: InvocationId) -> LiveSession | Observation:
        async with log_ins(stage, holder) as mine:
            return await mine.session(URL, crawl())

    wanting = [asyncio.create_task(one(holder)) for holder in await holders(stage, 20)]
    await hold.started()
    hold.release.set()
    found = await asyncio.gather(*wanting)
    assert stage.visitor.log_ins == 1
    assert {session.version for session in found if isinstance(session, LiveSession)} == {1}
    assert len([session for session in found if isinstance(session, LiveSession)]) == 20


async def test_no_transaction_is_open_while_it_logs_in(stage: Stage):
    """The connection of the one that logs in lies idle meanwhile, and holds no lock."""
    hold = stage.visitor.hold(LOG_IN)
    logging_in = asyncio.create_task(begun(stage, crawl()))
    await hold.started()
    states = "SELECT DISTINCT state FROM pg_stat_activity WHERE application_name = 'crawler-on-stage'"
    assert await stage.rows(states) == [("idle",)]
    hold.release.set()
    await logging_in


async def test_the_right_to_log_in_ends_with_its_invocation(stage: Stage):
    """One that was killed during its log-in holds up the next no longer than until its invocation is known as ended."""
    dead, other = await holders(stage, 2)
    hold = stage.visitor.hold(LOG_IN)
    async with log_ins(stage, dead) as mine:
        killed = asyncio.create_task(mine.session(URL, crawl()))
        await hold.started()
        killed.cancel()
        await asyncio.wait({killed})

    async def after_it() -> LiveSession | Observation:
        async with log_ins(stage, other) as mine:
            return await mine.session(URL, crawl())

    waiting = asyncio.create_task(after_it())
    await asyncio.wait({waiting}, timeout=1)
    assert not waiting.done()  # its holder may be alive
    await stage.rows(
        "UPDATE trapline.invocation SET status = 'failed', ended_at = now() WHERE id = $1 RETURNING 1", dead
    )
    async with asyncio.timeout(PATIENCE):  # far less than the right would have lasted
        assert isinstance(await waiting, LiveSession)
    assert stage.visitor.log_ins == 2


async def test_what_is_kept_is_sealed_and_bound_to_its_crawl(stage: Stage):
    """No cookie and no secret is readable in the row, and a row moved to another crawl opens nothing there."""
    assert isinstance(await begun(stage, crawl()), LiveSession)
    ((row,),) = await stage.rows("SELECT s::text || encode(s.state, 'escape') FROM trapline.session s")
    assert "sesame" not in row
    assert "hunter2" not in row
    other = crawl(name="other")
    await begun(stage, other)
    await stage.rows(
        "UPDATE trapline.session o SET state = s.state FROM trapline.session s "
        "WHERE s.crawl = 'account' AND o.crawl = 'other' RETURNING 1"
    )
    session = await begun(stage, other)
    assert isinstance(session, LiveSession)
    assert session.state["cookies"][0]["value"] == "sesame-3"


@pytest.mark.parametrize("what", ["steps", "secret", "key", "age"])
async def test_what_drops_the_kept_session(stage: Stage, what: str):
    """Other steps, a rotated secret, another key or its age: each makes the next invocation log in, at once."""
    await begun(stage, crawl())
    await begun(stage, crawl())
    assert stage.visitor.log_ins == 1
    config, seal = crawl(), stage.seal
    if what == "steps":
        config = crawl("x${secret:PASSWORD}")
    elif what == "secret":
        stage.secrets["PASSWORD"] = "hunter3"
    elif what == "key":
        seal = Seal(Seal.new_key())
    else:
        await stage.rows("UPDATE trapline.session SET refreshed_at = now() - interval '13 h' RETURNING 1")
    session = await begun(stage, config, seal=seal)
    assert isinstance(session, LiveSession)
    assert session.version == stage.visitor.log_ins == 2


async def test_a_wrong_password_is_tried_once_for_all(stage: Stage):
    """The other pages do not repeat steps that failed for good: each fails with the same step, and its screenshot."""
    failure = Failure(reason=Reason.STEP, detail="step 2, fill: no", retry=False)
    stage.visitor.script(LOG_IN, Observation(url=LOG_IN, failure=failure, screenshot="ab/cd.png"))
    found = [await begun(stage, crawl()) for _ in range(3)]
    assert [(one.failure, one.screenshot) for one in found if isinstance(one, Observation)] == [
        (failure, "ab/cd.png")
    ] * 3
    assert stage.visitor.log_ins == 1
    stage.secrets["PASSWORD"] = "right"
    assert isinstance(await begun(stage, crawl()), LiveSession)


async def test_a_log_in_page_that_is_away_is_tried_again(stage: Stage):
    """A failure before anything was sent is worth another attempt, which begins at once."""
    stage.visitor.script(LOG_IN, bad(LOG_IN, Reason.STEP, retry=True))
    first = await begun(stage, crawl())
    assert isinstance(first, Observation)
    assert first.failure is not None
    assert first.failure.retry
    assert isinstance(await begun(stage, crawl()), LiveSession)


async def test_a_new_session_that_is_logged_out_is_not_refreshed_for_every_page(stage: Stage):
    """Ten pages that find themselves logged out in a fresh session cost one log-in; each fails with that reason."""
    pages = [f"{URL}/{number}" for number in range(10)]
    for page in pages:
        stage.visitor.script(page, bad(page, Reason.LOGGED_OUT))
    config = crawl(urls=pages, retries=0)
    await stage.open(pages, crawl=config)
    result = await stage.live()
    assert result["failed"] == 10
    assert stage.visitor.log_ins == 1
    assert await stage.rows("SELECT DISTINCT reason FROM trapline.observation") == [("logged_out",)]


async def test_a_page_logged_out_is_visited_again_after_one_refresh(stage: Stage):
    """When the session is over, it is refreshed and the page visited once more; a second time it fails."""
    stage.pace = type(stage.pace)(linger=0.0, log_in_every=0.0)
    stage.visitor.script(URL, bad(URL, Reason.LOGGED_OUT))
    stage.visitor.script(f"{URL}/2", bad(URL, Reason.LOGGED_OUT), bad(URL, Reason.LOGGED_OUT))
    config = crawl(urls=[URL, f"{URL}/2"])
    await stage.open(list(config.urls), crawl=config, lane=LaneConfig(pages_in_flight=1))
    assert (await stage.live())["done"] == 1
    assert stage.visitor.visited == [LOG_IN, URL, LOG_IN, URL, f"{URL}/2", LOG_IN, f"{URL}/2"]


async def test_an_ordered_task_goes_on_in_a_refreshed_session(stage: Stage):
    """Its session begins with the log-in; logged out in the middle it gets the new one, and keeps what else it had."""
    stage.pace = type(stage.pace)(linger=0.0, log_in_every=0.0)
    pages = [f"{URL}/{number}" for number in range(3)]
    stage.visitor.script(pages[1], bad(pages[1], Reason.LOGGED_OUT))
    await stage.open(pages, crawl=crawl(urls=pages, ordered=True))
    assert (await stage.live())["done"] == 1
    assert stage.visitor.visited == [LOG_IN, pages[0], pages[1], LOG_IN, pages[1], pages[2]]
    first, second = stage.visitor.sessions
    assert first.restored == {"cookies": [{"name": "login", "value": "sesame-1"}]}
    assert second.restored is not None
    cookies = [cookie["value"] for cookie in second.restored["cookies"]]
    assert cookies == ["open-sesame", "sesame-2"]  # its own, and after it what the log-in set
