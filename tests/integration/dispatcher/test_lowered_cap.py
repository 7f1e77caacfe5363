"""A cap that is lowered while invocations are asked for, and limits that change while no run opens."""

from support.dispatcher_stage import EAGER, Stage
from support.ledger import make_ready
from trapline_common.domain.errors import InputRefusedError, TransientError
from trapline_common.ledger import tasks

CONFIG = """
lanes:
  default: {{max_invocations: {cap}, tasks_per_invocation: 2}}
crawls:
  docs:
    urls: [{urls}]
  other:
    urls: [https://other.example/1]
"""
URLS = ", ".join(f"https://docs.example/{number}" for number in range(40))
CAP = "SELECT max_invocations FROM trapline.lane"


def _configure(stage: Stage, cap: int) -> None:
    stage.configure(CONFIG.format(cap=cap, urls=URLS))


async def _pending(stage: Stage) -> list[object]:
    return [row[0] for row in await stage.rows("SELECT id FROM trapline.invocation WHERE status = 'pending'")]


async def test_a_cap_lowered_while_lambda_is_short_of_executions_binds_what_was_asked_for(stage: Stage) -> None:
    """Eight Invokes are throttled and the cap falls to one: one is asked for again, becomes ready and takes shares."""
    stage.timeouts = EAGER
    _configure(stage, 8)
    stage.invoker.answers.extend([TransientError("429 throttled")] * 8)
    await stage.open("docs")
    _configure(stage, 1)
    await stage.open("other")
    assert await stage.rows(CAP) == [(1,)]
    before = len(stage.invoker.asked)
    await stage.reap()
    assert len(stage.invoker.asked) - before == 1
    held = [await make_ready(stage.database, one) for one in await _pending(stage)]  # type: ignore[arg-type]
    shares = [len(await tasks.lease_share(stage.database, one, share=2, another=False)) for one in held]
    assert shares == [2]
    assert len(await tasks.lease_share(stage.database, held[0], share=2, another=True)) == 2
    assert sorted(await stage.invocations()) == ["running"] + ["terminated"] * 7


async def test_a_lane_goes_on_at_its_lowered_cap_to_the_end(stage: Stage) -> None:
    """Invocation after invocation, never two at once, until no task is left."""
    stage.timeouts = EAGER
    _configure(stage, 8)
    stage.invoker.answers.extend([TransientError("429 throttled")] * 8)
    await stage.open("docs")
    _configure(stage, 1)
    await stage.open("other")
    for _ in range(30):
        await stage.reap()
        pending = await _pending(stage)
        assert len(pending) <= 1
        if not pending:
            break
        held = await make_ready(stage.database, pending[0])  # type: ignore[arg-type]
        while await tasks.lease_share(stage.database, held, share=8, another=True):
            await stage.end_runs()
            await stage.rows("UPDATE trapline.task SET status = 'done', ended_at = now() WHERE status = 'leased'")
        await stage.rows(
            "UPDATE trapline.invocation SET status = 'succeeded', ended_at = now() WHERE status = 'running'"
        )
        await stage.rows(
            "UPDATE trapline.invocation SET status = 'terminated', ended_at = now() WHERE status = 'ready'"
        )
    assert await stage.rows("SELECT count(*)::int FROM trapline.task WHERE ended_at IS NULL") == [(0,)]


async def test_the_minute_tick_brings_a_busy_lane_the_limits_of_the_config(stage: Stage) -> None:
    """Nobody has to open a run for a lowered cap to bind; an idle lane waits for its next run."""
    stage.limits_by_config = True
    _configure(stage, 8)
    await stage.open("docs")
    _configure(stage, 2)
    await stage.reap()
    assert await stage.rows(CAP) == [(2,)]
    assert sorted(await stage.invocations()) == ["pending"] * 2 + ["terminated"] * 6


async def test_a_lane_that_left_the_config_keeps_its_limits(stage: Stage) -> None:
    """The runs that still work in it go on under them."""
    stage.limits_by_config = True
    crawl = (
        "crawls: {{docs: {{lane: {lane}, urls: [https://docs.example/1]}}}}\nlanes: {{{lane}: {{max_invocations: 8}}}}"
    )
    stage.configure(crawl.format(lane="polite"))
    await stage.open("docs")
    stage.configure(crawl.format(lane="other"))
    await stage.reap()
    assert await stage.rows("SELECT name, max_invocations FROM trapline.lane") == [("polite", 8)]


async def test_a_config_that_cant_be_read_stops_no_tick(stage: Stage) -> None:
    """The limits stay, and the rest of the tick is done."""
    stage.limits_by_config = True
    stage.timeouts = EAGER
    _configure(stage, 3)
    stage.invoker.answers.extend([TransientError("429 throttled")] * 3)
    await stage.open("docs")
    stage.config_error = InputRefusedError("crawls.yaml:1: it is not YAML")
    before = len(stage.invoker.asked)
    await stage.reap()
    assert len(stage.invoker.asked) - before == 3
    assert await stage.rows(CAP) == [(3,)]


async def test_on_one_machine_the_newest_runs_limits_count(stage: Stage) -> None:
    """Two commands with files of their own do not take each other's limits back at each tick."""
    _configure(stage, 8)
    await stage.open("docs")
    _configure(stage, 2)
    await stage.reap()
    assert await stage.rows(CAP) == [(8,)]
