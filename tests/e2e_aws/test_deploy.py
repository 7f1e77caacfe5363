"""`make deploy` and its kin in an empty account of a local AWS, from a fresh clone in which nothing is prepared.

The commands are those that a person types; the person's answers are EMAIL and YES, and a link that is followed.
"""

import asyncio
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from urllib.request import urlopen

import asyncpg
import boto3
import psutil
import pytest

from support.local_aws import prepare
from support.terraform_provider import shared_provider
from tools.deploy import bundle
from tools.local_aws import system
from tools.shell import ROOT
from tools.terraform import binary as terraform

SERVICES = ("crawler", "dispatcher", "notifier", "operator")
ENV = "dev"
EMAIL = "me@example.org"
STATES = "trapline-state-000000000000-us-east-1"
PATIENCE = 900
"""Seconds for one command on a slow machine."""
GIT = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com")
FIRST = ("deploy", "--env", ENV, "--email", EMAIL, "--yes", "1")
KILLED = (
    ("building operator", signal.SIGKILL),
    ("pushing s3://", signal.SIGKILL),
    ("Refreshing state", signal.SIGKILL),
    ("applying operator", signal.SIGKILL),
    ("migrating the ledger", signal.SIGINT),
    ("follow the link", signal.SIGKILL),
)
"""What a first deploy prints as a phase begins, and the signal that ends it there."""
CRAWLS = """
crawls:
  smoke:
    urls: ["@SITE@/", "@SITE@/products/kettle", "@SITE@/products/lantern"]
"""
BROKEN = "CREATE TABLE trapline.half_done (id int); SELECT 1 / 0;\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The environment ``dev``, deployed from a clone of this tree."""

    aws: system.System
    """The account's endpoint, and what runs beneath."""
    tree: Path
    """The clone that is deployed."""
    ledger: str
    """DSN of the environment's database, empty at first."""
    provider: dict[str, str]
    """The variable by which Terraform uses the provider that runs beside the tests."""

    @property
    def record(self) -> Path:
        return self.tree / f"terraform/envs/{ENV}.releases.tfvars.json"

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `python -m tools.deploy ...` as make does."""
        command = [sys.executable, "-m", "tools.deploy", *arguments]
        return subprocess.run(
            command,
            cwd=self.tree,
            env=self.environ() | self.provider,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def stopped(self, *arguments: str, at: str, by: signal.Signals, terraform_too: bool = False) -> tuple[int, str]:
        """Run it until it has printed ``at``, then end it ``by`` a signal; return its status and its output.

        SIGINT is a Ctrl-C, which each process of the terminal gets; Terraform starts its own provider here, which gets
        it too. SIGKILL takes the command alone: what it started goes on, unless ``terraform_too``.
        """
        command = [sys.executable, "-m", "tools.deploy", *arguments]
        environ = self.environ() | (self.provider if by == signal.SIGKILL else {})
        output = []
        with subprocess.Popen(
            command, cwd=self.tree, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                output.append(line)
                if at in line:
                    if by == signal.SIGKILL:
                        below = psutil.Process(process.pid).children(recursive=True) if terraform_too else []
                        process.kill()
                        for one in below:
                            one.kill()
                        process.stdout.close()  # Terraform, which goes on, holds the other end
                        return process.wait(PATIENCE), "".join(output)
                    os.killpg(process.pid, by)
                    break
            output.append(process.communicate(timeout=PATIENCE)[0])
        return process.returncode, "".join(output)

    def watched(self, *arguments: str, at: str, then: Callable[[], None]) -> tuple[int, str]:
        """Run it to its end, and do ``then`` once it has printed ``at``; return its status and its output."""
        command, output = [sys.executable, "-m", "tools.deploy", *arguments], []
        environ = self.environ() | self.provider
        with subprocess.Popen(
            command, cwd=self.tree, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    output.append(line)
                    if at in line:
                        then()
            except BaseException:
                process.kill()  # else the block's end waits for a command that waits for what was not done
                raise
        return process.returncode, "".join(output)

    def follow_links(self) -> list[str]:
        """Follow the link in the newest mail of each topic, as a person does; return the addresses.

        A first deploy that was stopped as it made a subscription makes another, and the first link is void then.
        """
        mails = self.aws.folder / "mails.jsonl"
        came = [json.loads(line) for line in mails.read_text().splitlines()] if mails.exists() else []
        found = {parse_qs(urlsplit(mail["link"]).query)["TopicArn"][0]: mail for mail in came}.values()
        trusted = ssl.create_default_context(cafile=self.aws.certificate)
        for mail in found:
            with urlopen(self.aws.endpoint + mail["link"], timeout=10, context=trusted) as answer:
                assert answer.status == 200
        mails.unlink(missing_ok=True)
        return [mail["to"] for mail in found]

    def environ(self) -> dict[str, str]:
        return {**self.aws.environment(), "PYTHONPATH": str(self.tree), "DATABASE_URL": self.ledger}

    def must(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr
        return done.stdout

    def git(self, *arguments: str) -> str:
        return subprocess.run([*GIT, *arguments], cwd=self.tree, capture_output=True, text=True, check=True).stdout

    def commit(self, what: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", what)

    def releases(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.record.read_text())["releases"]
        return found

    def client(self, service: str) -> Any:
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.aws.endpoint,
            verify=self.aws.certificate,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def live(self) -> dict[str, tuple[str, str]]:
        """Return, by service, the version behind the alias that takes traffic, and the hash of its code."""
        lambda_, found = self.client("lambda"), {}
        for name in SERVICES:
            one = lambda_.get_function(FunctionName=f"trapline-{ENV}-{name}", Qualifier="live")["Configuration"]
            found[name] = (one["Version"], one["CodeSha256"])
        return found

    def migrations(self) -> list[int]:
        """Return what the ledger says was migrated; nothing where it has no schema."""

        async def read() -> list[int]:
            connection = await asyncpg.connect(self.ledger)
            try:
                if await connection.fetchval("SELECT to_regclass('trapline.migration')") is None:
                    return []
                return [row[0] for row in await connection.fetch("SELECT version FROM trapline.migration ORDER BY 1")]
            finally:
                await connection.close()

        return asyncio.run(read())


def clone(folder: Path) -> Path:
    """Copy this working tree as it is, uncommitted work too, into a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    return folder


async def empty_database(dsn: str, name: str, *, again: bool = False) -> None:
    """Make the database ``name``; ``again``: that of a deployment that is gone makes room for it."""
    connection = await asyncpg.connect(dsn)
    if again:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    """An empty account, an empty database, and a clone as `git clone` makes it."""
    program = terraform.binary(os.environ)
    if program is None:
        pytest.skip("Terraform is not installed")
    prepare()
    # Not below pytest's own folder, which Postgres' user may not read
    folder = Path(tempfile.mkdtemp(prefix="trapline-deploy-"))
    folder.chmod(0o755)
    aws = system.start(folder / "aws")
    with ExitStack() as stack:
        stack.callback(lambda: shutil.rmtree(folder))
        stack.callback(lambda: system.stop(folder / "aws"))
        provider = stack.enter_context(shared_provider(program, aws.environment()))
        where = aws.database_url.partition("host=")[2]
        asyncio.run(empty_database(aws.database_url, "trial"))
        ledger = f"postgresql://postgres@/trial?host={quote(where, safe='/%')}"
        tree = clone(folder / "tree")
        # The same sources make the same zips, so the first deploy finds them; what a test changes is built anew
        shutil.copytree(bundle.DESTINATION, tree / bundle.DESTINATION.relative_to(ROOT))
        # A round of this person's own, of pages on this machine
        (tree / "crawls.yaml").write_text(CRAWLS.replace("@SITE@", aws.site))
        with (tree / f"terraform/envs/{ENV}.tfvars").open("a") as settings:
            settings.write('allow_private = ["127.0.0.0/8"]\n')
        made = Trial(aws=aws, tree=tree, ledger=ledger, provider=provider)
        made.commit("a clone")
        yield made


def test_an_empty_account_becomes_a_running_one(trial):
    """Three steps from a fresh clone: sign in, one command, a link; also when that is killed in each of its phases."""
    followed: list[str] = []
    assert trial.migrations() == []
    refused = trial.run("deploy", "--env", ENV, "--yes", "1").stderr
    assert "nobody would get the alerts" in refused
    assert trial.git("status", "--porcelain") == ""

    # Killed once the state's bucket is there; by Ctrl-C in the plan, and among the first resources
    trial.stopped(*FIRST, at="for Terraform's state", by=signal.SIGKILL)
    status, output = trial.stopped(*FIRST, at="planning; nothing is made yet", by=signal.SIGINT)
    assert status == 130, output
    assert "makes " not in output
    status, output = trial.stopped(*FIRST, at="Creation complete", by=signal.SIGINT)
    assert status == 130, output[-3000:]
    assert "dev: account 000000000000, region us-east-1" in output
    assert output.index("makes ") < output.index("dev: account") < output.index("this account is empty")
    assert "run the same command again" in output
    # Killed in each phase that comes then, where it has begun; Terraform goes on, but for once, when it dies as well
    for at, by in KILLED:
        status, output = trial.stopped(*FIRST, at=at, by=by, terraform_too=at == "Refreshing state")
        assert status == (130 if by == signal.SIGINT else -signal.SIGKILL), (at, output[-4000:])
        assert "going on with the first deploy, which was agreed to" in output, at

    # The next one waits for what goes on, and ends it; the links are followed when it asks for that
    status, output = trial.watched(*FIRST, at="follow the link", then=lambda: followed.extend(trial.follow_links()))
    assert status == 0, output[-4000:]
    steps = ("migrating the ledger", "applying crawler", "deploy: done", "follow the link", "sending a test alert")
    assert [step for step in steps if step in output] == list(steps)
    assert followed == [EMAIL, EMAIL]
    assert trial.migrations()
    live, recorded = trial.live(), trial.releases()
    assert {name: code for name, (_, code) in live.items()} == {name: one["sha256"] for name, one in recorded.items()}
    assert f"confirmed by {EMAIL} (alerts)" in output
    assert "topic: sent" in output
    assert not list((trial.tree / f"build/deploy/{ENV}").glob("*.tfplan"))
    assert "deploy: dev works" in output
    assert trial.git("status", "--porcelain").split() == [
        *("??", f"terraform/envs/{ENV}.account.tfvars.json"),
        *("??", f"terraform/envs/{ENV}.backend.hcl"),
        *("??", f"terraform/envs/{ENV}.releases.tfvars.json"),
    ]
    trial.commit("what runs")


def test_a_second_deploy_changes_nothing(trial):
    """Without a change no function gets a new version, and nothing is pushed."""
    before, record = trial.live(), trial.record.read_text()
    output = trial.must("deploy", "--env", ENV)
    assert "pushing" not in output
    assert trial.live() == before
    assert trial.record.read_text() == record


def test_one_service_is_deployed_by_its_own_version(trial):
    """A changed crawler with a new version reaches the crawler; every other function keeps its version."""
    code = trial.tree / "services/crawler/src/trapline_crawler/__init__.py"
    code.write_text(code.read_text() + "\n# changed\n")
    changes = trial.tree / "services/crawler/CHANGELOG.md"
    if "## Unreleased" not in changes.read_text():
        changes.write_text(changes.read_text().replace("\n## ", "\n## Unreleased\n\n- Changed.\n\n## ", 1))
    assert "the tree is dirty" in trial.run("service", "--service", "crawler", "--env", ENV).stderr
    trial.must("version", "--service", "crawler", "--bump", "minor")
    trial.commit("a changed crawler")
    before, recorded = trial.live(), trial.releases()
    trial.must("service", "--service", "crawler", "--env", ENV)
    after = trial.live()
    assert {name for name in SERVICES if after[name] != before[name]} == {"crawler"}
    assert int(after["crawler"][0]) == int(before["crawler"][0]) + 1
    now = trial.releases()
    assert {name for name in SERVICES if now[name] != recorded[name]} == {"crawler"}
    assert now["crawler"]["version"] != recorded["crawler"]["version"]
    trial.commit("what runs now")


def test_a_smoke_test_is_a_table(trial):
    """What was deployed works: both browser profiles, each role's log-in, a crawl of three pages, an alert."""
    output = trial.must("smoke", "--env", ENV)
    rows = [line for line in output.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 13
    assert all(row.endswith("| ok |") for row in rows)
    assert "3 pages done, 0 failed" in output
    assert "multi passed its self-test" in output
    assert "single passed its self-test" in output


def test_a_migration_that_fails_stops_the_deploy(trial):
    """Nothing of the migration stays, no other service is touched, and what ran before takes the traffic."""
    before, done = trial.live(), trial.migrations()
    broken = trial.tree / "libs/common/src/trapline_common/ledger/schema/migrations/9999_broken.sql"
    broken.write_text(BROKEN)
    trial.commit("a broken migration")
    refused = trial.run("service", "--service", "crawler", "--env", ENV)
    assert "SERVICE=operator ENV=dev first" in refused.stderr
    failed = trial.run("deploy", "--env", ENV)
    assert failed.returncode == 1
    assert "migrating failed" in failed.stderr
    after = trial.live()
    assert {name for name in SERVICES if after[name] != before[name]} == {"operator"}
    assert trial.migrations() == done
    trial.git("checkout", "--", "terraform/envs")
    trial.git("revert", "--no-edit", "HEAD")


def test_a_rollback_is_a_revert_of_the_record(trial):
    """The record of the first deploy, applied: its code takes the traffic again, and nothing is built or pushed."""
    first = trial.git("log", "--format=%H", "--grep", "what runs$").split()[-1]
    trial.git("checkout", first, "--", str(trial.record.relative_to(trial.tree)))
    wanted = trial.releases()
    output = trial.must("apply", "--env", ENV)
    assert "building" not in output
    assert "pushing" not in output
    assert {name: code for name, (_, code) in trial.live().items()} == {
        name: one["sha256"] for name, one in wanted.items()
    }


def test_destroy_leaves_nothing_and_says_what_stays(trial):
    """Functions, queues, packages and the record are gone; the state's bucket is the person's own."""
    status, output = trial.stopped("destroy", "--env", ENV, at="Destruction complete", by=signal.SIGINT)
    assert status == 130, output[-3000:]
    assert trial.record.exists()
    status, output = trial.stopped("destroy", "--env", ENV, at="Destroying...", by=signal.SIGKILL)
    assert status == -signal.SIGKILL, output[-3000:]
    done = trial.run("destroy", "--env", ENV)
    output = done.stdout
    assert done.returncode == 0, output[-4000:] + done.stderr
    assert "stays  the state's bucket" in output
    assert not trial.record.exists()
    assert trial.client("lambda").list_functions()["Functions"] == []
    assert trial.client("sqs").list_queues().get("QueueUrls", []) == []
    assert [bucket["Name"] for bucket in trial.client("s3").list_buckets()["Buckets"]] == [STATES]
    assert trial.client("iam").list_roles()["Roles"] == []
    refused = trial.run("service", "--service", "crawler", "--env", ENV)
    assert "not deployed yet: make deploy ENV=dev" in refused.stderr


def test_the_same_name_is_deployed_and_destroyed_again(trial):
    """What a destroy left behind is in no way of another deploy of the same name, which asks nothing but yes."""
    trial.commit("destroyed")
    asyncio.run(empty_database(trial.aws.database_url, "trial", again=True))
    output = trial.must("deploy", "--env", ENV, "--yes", "1", "--wait", "0")
    assert "this account is empty" in output
    assert "not confirmed yet" in output
    # Killed while the test alert is on its way: it goes out once more
    trial.follow_links()
    status, output = trial.stopped("deploy", "--env", ENV, at="sending a test alert", by=signal.SIGKILL)
    assert status == -signal.SIGKILL, output[-3000:]
    output = trial.must("deploy", "--env", ENV)
    assert "topic: sent" in output
    assert "deploy: dev works" in output
    trial.must("destroy", "--env", ENV)
    assert trial.client("lambda").list_functions()["Functions"] == []
