"""The durable function on AWS's own local runner: replays are real, waits are skipped, and the ledger's with them.

Each call of the function runs in this process, or in one of its own that a test may kill.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing.model import LambdaContext

from support.children import forked
from support.durable_child import Plan, live
from support.ledger import LANE, location
from trapline_common.domain.ids import InvocationId
from trapline_common.ledger import rescue
from trapline_common.ledger.connection import Database

Function = Callable[[Mapping[str, Any], DurableContext], dict[str, Any]]
"""What ``durable_execution`` makes a handler of: ``walk`` with its services."""

CHILDREN = forked()

LONGEST = 100_000_000
"""Seconds of skipped time that an execution may take."""

_OLDER = (
    "UPDATE trapline.invocation SET heartbeat_at = heartbeat_at - $1::interval WHERE ended_at IS NULL",
    "UPDATE trapline.host_turn SET next_at = next_at - $1::interval, last_at = last_at - $1::interval",
    "UPDATE trapline.host SET refused_at = refused_at - $1::interval, not_before = not_before - $1::interval",
    "UPDATE trapline.task SET run_at = run_at - $1::interval WHERE status = 'created'",
)
"""What the ledger's clock says, as much earlier as the runner's is later."""


@dataclass(slots=True, kw_only=True)
class Ran:
    """One execution to its end."""

    status: str
    """``SUCCEEDED`` or ``FAILED``."""
    answer: dict[str, Any]
    """What the function returned; empty when it failed."""
    error: str
    """Type and words of what it failed with; empty when it did not."""
    names: list[str]
    """Its operations, in order."""
    stored: str
    """Everything that AWS stores of it."""


@dataclass(slots=True, kw_only=True)
class Life:
    """One call of the function."""

    skipped: timedelta
    """How far the runner's clock is ahead of the real one."""
    operations: int
    """Operations that had begun before."""


@dataclass(slots=True, kw_only=True)
class DurableFunction:
    """The function, and what happened to it."""

    dsn: str
    """Of the ledger, as its owner: the test moves its times."""
    lives: list[Life] = field(default_factory=list)
    """Its calls so far."""
    orphaned: list[InvocationId] = field(default_factory=list)
    """Invocations that a tick of the reaper, right before a call of the function, took for dead."""
    _passed: timedelta = field(default_factory=timedelta)

    async def run(self, event: Mapping[str, Any], function: Function, *, within: int = 60) -> Ran:
        """Run one execution; every call of the function is in this process, on a thread of the runner's."""
        handler = durable_execution(function)
        return await asyncio.to_thread(self._run, event, handler, within)

    async def run_in_processes(self, event: Mapping[str, Any], plan: Plan, *, within: int = 60) -> Ran:
        """Run one execution; every call has a process of its own, in which ``support.durable_child`` works."""

        def handler(given: Any, context: LambdaContext) -> Any:
            return _in_a_process(given, plan)

        return await asyncio.to_thread(self._run, event, handler, within)

    def _run(self, event: Mapping[str, Any], handler: Callable[[Any, Any], Any], within: int) -> Ran:
        self._passed = timedelta()  # each runner has a clock of its own
        with local_runner(lambda given, context: self._life(given, context, handler, runner)) as runner:
            arn = runner.run_async(input=json.dumps(event), execution_timeout=LONGEST)
            result = runner.wait_for_result(arn, timeout=within)
            history = runner.get_execution_history(arn, include_execution_data=True).to_dict()
            execution = runner._store.load(arn).to_json_dict()
        error = result.error
        return Ran(
            status=result.status.value,
            answer=json.loads(str(result.result)) if result.result else {},
            error="" if error is None else f"{error.type}: {error.message}",
            names=[str(operation.name) for operation in result.operations],
            stored=json.dumps([history, execution], default=str),
        )

    def _life(self, given: Any, context: Any, handler: Callable[[Any, Any], Any], runner: Any) -> Any:
        skipped = runner._clock._skipped
        asyncio.run(self._older(skipped - self._passed))
        self._passed = skipped
        self.lives.append(Life(skipped=skipped, operations=len(given.initial_execution_state.operations)))
        return handler(given, context)

    async def _older(self, seconds: timedelta) -> None:
        """Let the ledger's times pass as well, and a tick of the reaper look at them."""
        async with await Database.connect(self.dsn) as database:
            if seconds:
                for statement in _OLDER:
                    await database.connection.execute(statement, seconds)
            found = await rescue.reap_lane(database, LANE, location=location)
        self.orphaned += found.orphaned


@contextmanager
def local_runner(handler: Callable[[Any, Any], Any]) -> Any:
    """Run the runner. A call that fails is made again at once; no thread or loop is left behind."""
    runner = DurableFunctionTestRunner(handler, poll_interval=0.02)
    vars(runner._executor)["RETRY_BACKOFF_SECONDS"] = 0
    try:
        yield runner
    finally:
        runner.close()
        runner._scheduler._loop.close()


def _in_a_process(given: DurableExecutionInvocationInputWithClient, plan: Plan) -> Any:
    """Call the function in a process of its own, and do for it what it asks the service to do."""
    ours, theirs = CHILDREN.Pipe()
    child = CHILDREN.Process(target=live, args=(theirs, given.to_json_dict(), plan))
    child.start()
    theirs.close()
    try:
        return _served(ours, given.service_client)
    finally:
        ours.close()
        child.join()
        child.close()


def _served(pipe: Connection, client: Any) -> Any:
    while True:
        try:
            kind, arguments = pipe.recv()
        except EOFError:
            raise ChildProcessError("the function's process ended without an answer") from None
        if kind == "returned":
            return arguments
        try:
            answer = getattr(client, kind)(*arguments)
        except Exception as error:  # noqa: BLE001  (the child's to handle)
            answer = error
        pipe.send(answer)
