"""One call of the durable function in a process of its own: it visits in memory, and is killed where a plan says so."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python.execution import (
    DurableExecutionInvocationInput,
    DurableExecutionInvocationInputWithClient,
)
from aws_durable_execution_sdk_python.lambda_service import (
    CheckpointOutput,
    DurableServiceClient,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python_testing.model import LambdaContext

from support.adapters import MemoryNudger, NoRobots
from support.alerts import Clock
from support.crawling import KnownSecrets
from support.visitor import MemoryVisitor
from trapline_common.ledger.connection import Database
from trapline_common.local.artifacts import DirectoryArtifacts
from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.durable_handler import walk
from trapline_crawler.services import Pace, Services
from trapline_crawler.sessions.seal import Seal

PAGE = 60.0
"""Seconds that a visit takes, of a clock that only visits move; a crawl's longest visit is no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the process works with."""

    dsn: str
    """Of the ledger, as the crawler's role."""
    folder: Path
    """Where it notes what it visited, one URL a line, and keeps artifacts."""
    key: bytes
    """Seals checkpoints."""
    pages: int
    """For so many pages a call has time."""
    kills: Mapping[str, int]
    """How often the process is killed while a page loads, by the page's URL."""

    @property
    def visited(self) -> list[str]:
        """Return the pages whose visits began, in every process."""
        notes = self.folder / "visited"
        return notes.read_text().splitlines() if notes.exists() else []

    def services(self, clock: Clock) -> Services:
        """Return what the call works with; a visit takes ``PAGE`` seconds of ``clock``."""
        visitor = MemoryVisitor()

        def visit(url: str) -> None:
            clock.now += PAGE
            times = self.visited.count(url)
            with (self.folder / "visited").open("a") as notes:
                notes.write(f"{url}\n")
            if times < self.kills.get(url, 0):
                os.kill(os.getpid(), signal.SIGKILL)

        async def connect() -> Database:
            return await Database.connect(self.dsn, application="crawler-on-stage")

        visitor.on_visit = visit
        return Services(
            connect=connect,
            visitor=lambda: visitor,
            artifacts=DirectoryArtifacts(self.folder),
            nudger=MemoryNudger(),
            fetch=NoRobots(),
            secrets=KnownSecrets(values={}),
            seal=Seal(self.key),
            process_name=f"process {os.getpid()}",
            pace=Pace(linger=0.0),
        )


class PipeClient(DurableServiceClient):
    """Asks the test's process for what the service does; one call at a time."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._turn = Lock()

    def _ask(self, kind: str, *arguments: object) -> Any:
        with self._turn:
            self._pipe.send((kind, arguments))
            answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: list[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        answer = self._ask("checkpoint", durable_execution_arn, checkpoint_token, updates, client_token)
        assert isinstance(answer, CheckpointOutput)
        return answer

    def get_execution_state(
        self, durable_execution_arn: str, checkpoint_token: str, next_marker: str, max_items: int = 1000
    ) -> StateOutput:
        answer = self._ask("get_execution_state", durable_execution_arn, checkpoint_token, next_marker, max_items)
        assert isinstance(answer, StateOutput)
        return answer


def live(pipe: Connection, event: Mapping[str, Any], plan: Plan) -> None:
    """Make one call of the function, and send what it returns."""
    clock = Clock()
    services = plan.services(clock)

    @durable_execution
    def handler(message: Mapping[str, Any], context: Any) -> dict[str, Any]:
        return walk(message, context, services, deadline=lambda _: Deadline.after(PAGE * plan.pages + 20, clock=clock))

    given = DurableExecutionInvocationInputWithClient.from_durable_execution_invocation_input(
        DurableExecutionInvocationInput.from_json_dict(dict(event)), PipeClient(pipe)
    )
    context = LambdaContext(aws_request_id=str(uuid4()), function_name="durable")
    pipe.send(("returned", handler(given, context)))
