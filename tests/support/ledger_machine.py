"""A Hypothesis machine over the real SQL: any order of the ledger's calls, and what must hold after each of them.

It keeps every invocation and every lease it was ever given, so late and repeated calls are as likely as timely ones.
What a stall does is done by making times old. Where calls can meet, they are made at once on connections of their own.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.ledger import FINGERPRINT, failure, frozen, location
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.domain.errors import LeaseLostError
from trapline_common.domain.ids import InvocationId, LaneName, OwnerToken, RunId, TaskId
from trapline_common.domain.lifecycle import TaskStatus
from trapline_common.domain.observation import Observation
from trapline_common.ledger import invocations, lanes, rescue, runs, tasks
from trapline_common.ledger.completion import settle
from trapline_common.ledger.connection import Database
from trapline_common.ledger.invocations import Held
from trapline_common.ledger.tasks import Lease, LeasedTask

T = TypeVar("T")

LANES = {
    LaneName("narrow"): LaneConfig(max_invocations=2, tasks_per_invocation=2),
    LaneName("wide"): LaneConfig(max_invocations=3, tasks_per_invocation=3),
}
CLEAR = """
    TRUNCATE trapline.run, trapline.task, trapline.page, trapline.invocation, trapline.observation, trapline.alert
    RESTART IDENTITY CASCADE
"""
TRUTHS = """
SELECT
    (SELECT count(*) FROM trapline.lane l WHERE l.max_invocations <
        (SELECT count(*) FROM trapline.invocation i
         WHERE i.lane = l.name AND i.status IN ('created', 'pending', 'ready', 'running'))) AS lanes_above_their_cap,
    (SELECT count(*) FROM trapline.task t LEFT JOIN trapline.invocation i ON i.id = t.invocation_id
     WHERE t.status = 'leased' AND i.status IS DISTINCT FROM 'running') AS leases_of_an_invocation_that_does_not_run,
    (SELECT count(*) FROM trapline.task t JOIN trapline.run r ON r.id = t.run_id
     WHERE r.status = 'ended' AND t.status IN ('created', 'leased')) AS open_tasks_of_ended_runs,
    (SELECT count(*) FROM trapline.run r WHERE (r.status = 'ended' AND r.outcome <> 'skipped')::int <>
        (SELECT count(*) FROM trapline.alert a WHERE a.run_id = r.id AND a.kind = 'summary')) AS summaries_not_one,
    (SELECT count(*) FROM trapline.task t WHERE t.status = 'done'
        AND NOT EXISTS (SELECT FROM trapline.observation o WHERE o.task_id = t.id)) AS done_without_a_result
"""
WAITED = "UPDATE trapline.task SET run_at = run_at - interval '1 h' WHERE status = 'created' AND run_at > now()"
"""What an hour does to tasks that wait for their time, as those do whose leases died unstarted."""
OPEN_TASKS = "SELECT count(*) FROM trapline.task WHERE status IN ('created', 'leased')"
WAY_TO_THE_END = 60
"""Rounds within which all tasks that are left must end: each ends a task, or charges one whose budget is small."""

index = st.integers(0, 3) | st.integers(0, 40)
"""How far back something lies: mostly among the latest."""


def _pick(items: Sequence[T], back: int) -> T:
    return items[-1 - back % len(items)]


class LedgerMachine(RuleBasedStateMachine):
    """``databases``: two or more connections to one migrated database; ``loop``: the runner whose loop they live in."""

    def __init__(self, loop: asyncio.Runner, databases: Sequence[Database]) -> None:
        super().__init__()
        self._loop = loop
        self._databases = databases
        self._first = databases[0]
        self._runs: list[RunId] = []
        self._invocations: list[InvocationId] = []
        self._held: list[Held] = []
        self._leased: list[LeasedTask] = []
        self._newest: dict[TaskId, Lease] = {}
        self._results: Counter[tuple[TaskId, int]] = Counter()

    def _do(self, call: Coroutine[Any, Any, T]) -> T:
        return self._loop.run(call)

    @initialize(ordered=st.booleans(), started=st.booleans())
    def begin(self, ordered: bool, started: bool) -> None:
        """Start from empty tables, two lanes, and in each a run that is worked on: most calls need one."""

        async def clear() -> None:
            await self._first.connection.execute(CLEAR)
            for name, config in LANES.items():
                await lanes.put_lane(self._first, name, config)

        self._do(clear())
        for lane in LANES:
            self.open_run(lane=lane, pages=5, ordered=ordered, crawl=0)
            self.work(lane=lane, started=started)

    @rule(lane=st.sampled_from(sorted(LANES)), pages=st.integers(0, 5), ordered=st.booleans(), crawl=st.integers(0, 2))
    def open_run(self, lane: LaneName, pages: int, ordered: bool, crawl: int) -> None:
        """Open a run; while the crawl's last one is open it is skipped."""
        urls = tuple(f"https://site.example/{crawl}/{number}" for number in range(pages))
        config = CrawlConfig(name=f"crawl-{crawl}-{lane}", lane=lane, urls=urls, ordered=ordered, retries=1)

        async def go() -> None:
            opening = await runs.begin(self._first, config, LANES[lane], fingerprint=FINGERPRINT, request=uuid.uuid4())
            if await runs.fill(self._first, opening.run_id, config, urls) is not None:
                self._runs.append(opening.run_id)

        self._do(go())

    @rule(lane=st.sampled_from(sorted(LANES)), together=st.integers(1, 3))
    def plan(self, lane: LaneName, together: int) -> None:
        """Count a lane, by one dispatcher or by several at once."""

        async def go() -> None:
            plans = await _together(*(lanes.plan(one, lane) for one in self._databases[:together]))
            self._invocations += [invocation for plan in plans for invocation in plan.created]

        self._do(go())

    @rule(lane=st.sampled_from(sorted(LANES)), started=st.booleans())
    def work(self, lane: LaneName, started: bool) -> None:
        """Let a lane's missing invocations start and lease: the usual way, so that there is something to disturb."""

        async def go() -> None:
            for invocation in (await lanes.plan(self._first, lane)).created:
                self._invocations.append(invocation)
                held = await self._start(self._first, invocation)
                assert held is not None
                self._held.append(held)
                for task in await tasks.lease_share(self._first, held, share=2, another=False):
                    self._take(task)
                    if started:
                        await tasks.start(self._first, task.lease)

        self._do(go())

    def _take(self, task: LeasedTask) -> None:
        known = self._newest.get(task.lease.task_id)
        assert known is None or known.seq < task.lease.seq
        self._newest[task.lease.task_id] = task.lease
        self._leased.append(task)

    @precondition(lambda self: self._invocations)
    @rule(which=index, call=st.sampled_from([invocations.claim_asking, invocations.mark_pending]))
    def ask(self, which: int, call: Callable[[Database, InvocationId], Awaitable[object]]) -> None:
        """Claim an Invoke or record its acceptance, of any invocation that ever was."""
        self._do(_await(call(self._first, _pick(self._invocations, which))))

    @precondition(lambda self: self._invocations)
    @rule(which=index)
    def refuse(self, which: int) -> None:
        """Lambda refuses an event for good."""
        self._do(invocations.mark_refused(self._first, _pick(self._invocations, which), detail="x"))

    @precondition(lambda self: self._invocations)
    @rule(which=index, deliveries=st.integers(1, 3))
    def ready(self, which: int, deliveries: int) -> None:
        """Deliver an event, once or several times at once, timely or late."""
        invocation = _pick(self._invocations, which)

        async def go() -> None:
            starts = await _together(*(self._start(one, invocation) for one in self._databases[:deliveries]))
            won = [held for held in starts if held is not None]
            assert len(won) <= 1
            assert not (won and any(held.invocation_id == invocation for held in self._held))
            self._held += won

        self._do(go())

    async def _start(self, database: Database, invocation: InvocationId) -> Held | None:
        owner = OwnerToken(uuid.uuid4())
        return await invocations.become_ready(
            database, invocation, owner=owner, request_id=str(invocation), process_name="test"
        )

    @precondition(lambda self: self._held)
    @rule(which=index, share=st.integers(1, 4), another=st.booleans(), reaped=st.booleans())
    def lease(self, which: int, share: int, another: bool, reaped: bool) -> None:
        """Lease a share, perhaps while the lane is reaped."""
        held = _pick(self._held, which)

        async def go() -> None:
            leasing = asyncio.create_task(tasks.lease_share(self._first, held, share=share, another=another))
            if reaped:
                await rescue.reap_lane(self._databases[1], held.lane, location=location)
            for task in await leasing:
                self._take(task)

        self._do(_refusable(go()))

    @precondition(lambda self: self._leased)
    @rule(which=index, write=st.sampled_from(["start", "retry", "rescue_one", "hand_back_one"]))
    def write(self, which: int, write: str) -> None:
        """Start, retry, rescue or hand back with any lease there ever was: accepted only if it is the newest."""
        lease = _pick(self._leased, which).lease
        extra: dict[str, dict[str, Any]] = {
            "start": {},
            "hand_back_one": {},
            "retry": {"failure": failure(), "delay": 0},
            "rescue_one": {"failure": failure()},
        }
        call: Coroutine[Any, Any, None] = getattr(tasks, write)(self._first, lease, **extra[write])
        if self._do(_refusable(call)):
            assert self._newest[lease.task_id] == lease

    @precondition(lambda self: self._leased)
    @rule(which=index)
    def lease_again(self, which: int) -> None:
        """Hand a task back and let the same invocation lease: only the number tells the old lease from the new."""
        lease = _pick(self._leased, which).lease
        held = next(held for held in self._held if held.invocation_id == lease.invocation_id)

        async def go() -> None:
            await tasks.hand_back_one(self._first, lease)
            for task in await tasks.lease_share(self._first, held, share=4, another=False):
                self._take(task)

        self._do(_refusable(go()))

    @precondition(lambda self: self._leased)
    @rule(which=index, good=st.booleans(), keep=st.booleans(), together=st.integers(1, 2))
    def complete(self, which: int, good: bool, keep: bool, together: int) -> None:
        """Complete with any lease there ever was, once or twice at once: at most one result, of the newest lease."""
        task = _pick(self._leased, which)

        async def go() -> list[bool]:
            results = (
                _refusable(self._complete(one, task, good=good, keep=keep)) for one in self._databases[:together]
            )
            return await _together(*results)

        if any(self._do(go())):
            assert self._newest[task.lease.task_id] == task.lease

    async def _complete(self, database: Database, task: LeasedTask, *, good: bool, keep: bool = False) -> None:
        run = await frozen(database, task.run_id)
        urls = task.urls or (task.url,)
        url = urls[task.position]
        page = task.page or await tasks.read_page(database, run.crawl.name, url)
        failed = None if good else failure()
        last = task.position + 1 == len(urls)
        ending = TaskStatus.DONE if good else TaskStatus.FAILED
        status = ending if last else TaskStatus.LEASED if keep else TaskStatus.CREATED
        step = tasks.NextStep(status=status, position=task.position + 1 if task.urls else 0)
        found = Observation(url=url, text="x", content_hash="x", failure=failed)
        await settle(database, task.lease, run=run, page=page, observation=found, step=step, location=location)
        self._results[task.lease.task_id, task.position] += 1

    @precondition(lambda self: self._held)
    @rule(which=index, call=st.sampled_from(["hand_back", "succeed", "terminate", "fail", "heartbeat"]))
    def end(self, which: int, call: str) -> None:
        """Let any invocation there ever was beat, hand everything back, or end."""
        held = _pick(self._held, which)
        calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
            "hand_back": lambda: tasks.hand_back(self._first, held),
            "succeed": lambda: invocations.succeed(self._first, held),
            "terminate": lambda: invocations.terminate_ready(self._first, held, "nothing"),
            "fail": lambda: rescue.fail_own(self._first, held, reason="x", location=location),
            "heartbeat": lambda: invocations.heartbeat(self._first, held),
        }
        self._do(_refusable(calls[call]()))

    @precondition(lambda self: self._invocations)
    @rule(which=index, twin=st.booleans())
    def report(self, which: int, twin: bool) -> None:
        """Take a failure-queue record of an invocation, or of a duplicate of it."""
        invocation = _pick(self._invocations, which)
        request = "twin" if twin else str(invocation)
        self._do(
            rescue.fail_reported(
                self._first, invocation, request_id=request, reason="x", silent_for=0, location=location
            )
        )

    @precondition(lambda self: self._invocations)
    @rule(which=index, together=st.integers(1, 2))
    def stall_and_reap(self, which: int, together: int) -> None:
        """An invocation stops beating or never starts; its lane is reaped, by one or by two at once."""
        invocation = _pick(self._invocations, which)

        async def go() -> None:
            lane = await self._age("id = $1", invocation)
            reapers = self._databases[:together]
            await _together(*(rescue.reap_lane(one, LaneName(lane), location=location) for one in reapers))

        self._do(go())

    async def _age(self, condition: str, *args: object) -> str:
        sql = """UPDATE trapline.invocation SET heartbeat_at = heartbeat_at - interval '1 h',
                 pending_at = pending_at - interval '1 h', created_at = created_at - interval '1 h' WHERE """
        return str(await self._first.connection.fetchval(f"{sql} {condition} RETURNING lane", *args))

    @precondition(lambda self: self._runs)
    @rule(which=index, pages=st.integers(1, 3))
    def enqueue(self, which: int, pages: int) -> None:
        """Add pages, some of them known, to any run there ever was."""
        urls = [f"https://site.example/more/{number}" for number in range(pages)]
        self._do(runs.enqueue(self._first, _pick(self._runs, which), urls))

    @precondition(lambda self: self._runs)
    @rule(which=index)
    def cancel(self, which: int) -> None:
        """Cancel any run there ever was."""
        self._do(runs.cancel(self._first, _pick(self._runs, which)))

    @precondition(lambda self: self._runs)
    @rule(which=index)
    def end_run(self, which: int) -> None:
        """Try to end a run, by all connections at once; at most one does."""
        run = _pick(self._runs, which)

        async def go() -> list[bool]:
            return await _together(*(runs.end_if_done(one, run) for one in self._databases))

        assert sum(self._do(go())) <= 1

    @invariant()
    def truths(self) -> None:
        """The cap, the leases, the ends and the summaries are as they must be; a result is there at most once."""
        row = self._do(_await(self._first.connection.fetchrow(TRUTHS)))
        assert row is not None
        assert {name: count for name, count in row.items() if count} == {}
        assert all(count == 1 for count in self._results.values())

    def teardown(self) -> None:
        """Every task can still end, and then every run."""
        self._do(self._drain())
        self.truths()

    async def _drain(self) -> None:
        for _ in range(WAY_TO_THE_END):
            if not await self._first.connection.fetchval(OPEN_TASKS):
                break
            await self._age("true")
            await self._first.connection.execute(WAITED)
            for lane in LANES:
                await rescue.reap_lane(self._first, lane, location=location)
                for invocation in (await lanes.plan(self._first, lane)).created:
                    held = await self._start(self._first, invocation)
                    assert held is not None
                    for task in await tasks.lease_share(self._first, held, share=9, another=False):
                        await self._complete(self._first, task, good=True)
        assert await self._first.connection.fetchval(OPEN_TASKS) == 0
        for run in self._runs:
            await runs.end_if_done(self._first, run)
        assert await self._first.connection.fetchval("SELECT count(*) FROM trapline.run WHERE status <> 'ended'") == 0


async def _await(call: Awaitable[T]) -> T:
    return await call


async def _together(*calls: Awaitable[T]) -> list[T]:
    """Return what all of them return; an error is raised when all have ended, and their connections are free again."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    found = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result)
    return found


async def _refusable(call: Coroutine[Any, Any, object]) -> bool:
    """Say whether the call was accepted; refused is ``LeaseLostError``, and nothing else is."""
    try:
        await call
    except LeaseLostError:
        return False
    return True
