"""A crawler that fails before it holds a task is not asked for in a loop with its failure records."""

from support.dispatcher_stage import Stage
from support.failure_records import crashed, record, report
from support.ledger import make_ready
from trapline_common.domain.ids import InvocationId
from trapline_common.ledger import tasks

ONE = """
lanes: {{default: {{max_invocations: {cap}, tasks_per_invocation: 1}}}}
crawls: {{docs: {{urls: [{urls}]}}}}
"""


async def _opened(stage: Stage, *, cap: int, pages: int) -> None:
    stage.configure(ONE.format(cap=cap, urls=", ".join(f"https://docs.example/{n}" for n in range(pages))))
    await stage.open()


async def _pass(stage: Stage, seconds: int) -> None:
    """Let the database's time pass, as far as invocations know it."""
    await stage.rows(
        "UPDATE trapline.invocation SET created_at = created_at - make_interval(secs => $1), "
        "ended_at = ended_at - make_interval(secs => $1), running_at = running_at - make_interval(secs => $1)",
        seconds,
    )


async def _crash_all(stage: Stage, since: int) -> None:
    """Report every crawler asked for since then as crashed at its start, those too that this leads to."""
    while since < len(stage.invoker.ids):
        invocation_id, since = stage.invoker.ids[since], since + 1
        await report(stage, record(invocation_id, request_id="r", **crashed("exit status 1")))


async def _minutes(stage: Stage, minutes: int) -> list[int]:
    """Play an image that crashes at its start, from the opening on; return how many were asked for in each minute."""
    asked, seen = [], 0
    for minute in range(minutes):
        begun = 0 if minute == 0 else len(stage.invoker.ids)
        for second in range(0, 60, 5):
            await (stage.reap() if second == 0 else stage.count())  # the tick, and nudges of other services
            await _crash_all(stage, seen)
            seen = len(stage.invoker.ids)
            await _pass(stage, 5)
        asked.append(len(stage.invoker.ids) - begun)
    return asked


async def test_an_image_that_crashes_at_its_start_is_asked_for_a_few_times_a_minute(stage: Stage) -> None:
    """With a cap of 1: a few in the first minute, then about one a minute, by ticks and nudges alike; never none."""
    await _opened(stage, cap=1, pages=1)
    asked = await _minutes(stage, 4)
    assert asked[0] <= 9
    assert all(1 <= made <= 2 for made in asked[1:])


async def test_it_goes_on_at_once_when_it_is_mended(stage: Stage) -> None:
    """The first crawler that holds a task ends the pause: what fails from then on is replaced at once."""
    await _opened(stage, cap=3, pages=9)
    await _minutes(stage, 2)
    await _pass(stage, 60)
    await stage.reap()
    mended, *others = stage.invoker.ids[-3:]
    held = await make_ready(stage.database, InvocationId(mended), request_id="r")
    assert len(await tasks.lease_share(stage.database, held, share=1, another=False)) == 1
    for failed, invocation_id in enumerate(others, start=1):
        before = len(stage.invoker.ids)
        await report(stage, record(invocation_id, request_id="r", **crashed()))
        assert len(stage.invoker.ids) == before + 1, failed


async def test_one_crash_now_and_then_slows_nothing(stage: Stage) -> None:
    """While crawlers beside it work, one that crashes at its start is replaced at once, however often it happens."""
    await _opened(stage, cap=2, pages=40)
    for _ in range(8):
        good, bad = stage.invoker.ids[-2:]
        held = await make_ready(stage.database, InvocationId(good), request_id="r")
        assert await tasks.lease_share(stage.database, held, share=1, another=False)
        before = len(stage.invoker.ids)
        await report(stage, record(bad, request_id="r", **crashed()))
        assert len(stage.invoker.ids) == before + 1
        await report(stage, record(good, request_id="r", **crashed()))
        assert len(stage.invoker.ids) == before + 2
        await _pass(stage, 1)


async def test_the_count_stays_exact_after_a_pause(stage: Stage) -> None:
    """What a paused count left out is neither lost nor made twice: after the pause exactly what is missing is made."""
    await _opened(stage, cap=3, pages=9)
    await _minutes(stage, 1)
    await _pass(stage, 60)
    before = len(stage.invoker.ids)
    await stage.reap()
    made = len(stage.invoker.ids) - before
    await stage.reap()
    assert (made, len(stage.invoker.ids) - before) == (3, 3)
