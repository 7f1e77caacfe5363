"""A deployment on a local AWS, as a test looks at it."""

import asyncio
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import Request, urlopen
from uuid import uuid4

import asyncpg
import pytest

from support.terraform_provider import attached
from tests.site.hook import AS_SENT
from tools.deploy import bundle
from tools.deploy.services import SERVICES
from tools.local_aws import system
from tools.local_aws.deployment import NAME, Deployment
from tools.shell import ROOT
from tools.workspace.environment import LOCAL_AWS
from trapline_common.domain.messages import Message, OpenRun

T = TypeVar("T")
UPDATED = frozenset(
    {
        "Description", "FlexibleTimeWindow", "GroupName", "KmsKeyArn", "Name", "ScheduleExpression",
        "ScheduleExpressionTimezone", "State", "Target",
    }
)  # fmt: skip
"""What UpdateSchedule takes of what GetSchedule gives."""
TICK = 60.0
"""Seconds between two ticks of the round's schedules."""
PATIENCE = 2 * TICK + 90
"""Seconds until what the next tick brings must be there, on a machine that does much else."""

SKIPPED = 6.0
"""Seconds between two tries to open a run: each that is skipped ends, which calls the notifier, as on AWS. One a second
leaves the emulator's functions no room."""


def eventually(what: str, check: Callable[[], T], *, within: float = PATIENCE, every: float = 1.0) -> T:
    """Return the first true answer of ``check``; fail with ``what`` after ``within`` seconds.

    ``every``: seconds between two looks; more than one where a look leaves something behind.
    """
    give_up = time.monotonic() + within
    while not (answer := check()):
        if time.monotonic() > give_up:
            pytest.fail(f"not within {within:.0f} s: {what}")
        time.sleep(every)
    return answer


@contextmanager
def asking(dsn: str) -> Iterator[Callable[[str], Any]]:
    """Yield what asks the ledger for one value, all on one connection of its own."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(dsn))
        try:
            yield lambda sql: runner.run(connection.fetchval(sql))
        finally:
            runner.run(connection.close())


def prepare() -> None:
    """Make what every local AWS is deployed with, once: MiniStack's environment and the functions' zips.

    The test files of one run do so side by side, so the second waits for what the first makes.
    """
    lock = ROOT / "build/e2e_aws.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        LOCAL_AWS.ensure()
        with ThreadPoolExecutor() as pool:  # the builds mostly wait for the index and the disk
            list(pool.map(lambda service: bundle.ensure(service, bundle.THIS_MACHINE), SERVICES))


@dataclass(kw_only=True)
class Deployed:
    """What runs, and how a test looks at it."""

    system: system.System
    """The processes beneath: Postgres, MiniStack, the shop, the web hook."""
    deployment: Deployment
    """What Terraform made on it."""
    provider: dict[str, str]
    """The variable by which Terraform uses the provider that runs beside the tests."""

    def client(self, service: str, **key: str) -> Any:
        """Return a client, of the account's root unless ``key`` is another's."""
        return self.deployment.client(service, **key)

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return self.deployment.root.outputs()

    def drift(self) -> dict[str, frozenset[str]]:
        """Return what an apply would change now: addresses, and for each the attributes."""
        file = self.system.folder / "drift.tfplan"
        with attached(self.provider):
            root = self.deployment.root  # takes the environment of now
            root._act("plan", f"-out={file}")
            plan = json.loads(root._capture(root._command("show", "-json", str(file)), step="show"))
        found = {}
        for resource in plan.get("resource_changes", []):
            change = resource["change"]
            if change["actions"] not in (["no-op"], ["read"]):
                before, after = change["before"] or {}, change["after"] or {}
                names = before.keys() | after.keys()
                found[resource["address"]] = frozenset(name for name in names if before.get(name) != after.get(name))
        return found

    def trapline(self, *arguments: str) -> Any:
        """Return what the operator's own command says, as JSON."""
        environ = {**os.environ, "DATABASE_URL": self.system.database_url}
        command = [str(Path(sys.executable).parent / "trapline"), *arguments, "--json"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def remote(self, *arguments: str, exits: Collection[int] = (0,)) -> str:
        """Run the command as a person does beside a running `make up`: with ``--env local`` and no variable at all."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DATABASE_"))}
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "aws").symlink_to(self.system.folder)
            command = [
                str(Path(sys.executable).parent / "trapline"),
                *arguments,
                "--env",
                "local",
                "--data-dir",
                folder,
            ]
            done = subprocess.run(
                command, env=environ, capture_output=True, text=True, check=False, timeout=TICK + PATIENCE
            )
        assert done.returncode in exits, done.stderr
        return done.stdout

    def runs(self, crawl: str) -> list[Any]:
        """Return the runs of ``crawl`` that worked on pages, the newest first."""
        return [run for run in self.trapline("runs")["runs"] if run["crawl"] == crawl and run["outcome"] != "skipped"]

    def dispatch(self, message: Message) -> Any:
        """Hand ``message`` to the dispatcher function and return what it answers."""
        answer = self.client("lambda").invoke(
            FunctionName=f"{NAME}-dispatcher:live", Payload=json.dumps(message.event()).encode()
        )
        result = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, result
        return result

    def schedule(self, name: str) -> dict[str, Any]:
        """Return a schedule of the deployment as EventBridge Scheduler has it."""
        found = self.client("scheduler").get_schedule(GroupName=NAME, Name=name)
        return {key: value for key, value in found.items() if key in UPDATED}

    @contextmanager
    def no_schedules(self) -> Iterator[None]:
        """Let no crawl's schedule fire within the block."""
        scheduler = self.client("scheduler")
        names = [one["Name"] for one in scheduler.list_schedules(GroupName=NAME)["Schedules"] if one["Name"][0] != "_"]
        try:
            for name in names:
                scheduler.update_schedule(**{**self.schedule(name), "State": "DISABLED"})
            yield
        finally:
            for name in names:
                scheduler.update_schedule(**{**self.schedule(name), "State": "ENABLED"})

    def opened(self, crawl: str) -> int:
        """Open a run of ``crawl`` by hand, once no other is open, and return its number."""

        def opened() -> Any:
            result = self.dispatch(OpenRun(crawl=crawl, request=uuid4()))
            return result["run_id"] if "tasks" in result else None  # skipped: another is open

        return int(eventually(f"a run of {crawl} by hand", opened, every=SKIPPED))

    def heard(self, word: str) -> list[Any]:
        """Return what the web hook got whose title has ``word``."""
        lines = (self.system.folder / AS_SENT).read_text().splitlines()
        return [message for message in map(json.loads, lines) if word in message.get("title", "")]

    def shop(self, **order: Any) -> None:
        """Change the demo shop."""
        request = Request(f"{self.system.site}/_control", data=json.dumps(order).encode(), method="POST")
        with urlopen(request, timeout=10):
            return
