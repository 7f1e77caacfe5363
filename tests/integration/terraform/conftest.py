"""Terraform prepared once: a copy of terraform/ beside a crawls.yaml, the provider from this machine's mirror."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.terraform_provider import shared_provider
from tools.shell import ROOT
from tools.terraform import binary as terraform


@dataclass(frozen=True, slots=True, kw_only=True)
class Terraform:
    """Terraform's binary at work."""

    binary: str
    """Its path."""
    folder: Path
    """Of the root module."""
    data: Path
    """For Terraform's own files."""
    provider: Mapping[str, str] = field(default_factory=dict)
    """The variable that attaches to a running provider; empty: each command starts its own."""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, at most 15 minutes."""
        return subprocess.run(
            [self.binary, f"-chdir={self.folder}", *arguments],
            env=terraform.environment({**os.environ, **self.provider}, data=self.data),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def must(self, *arguments: str) -> str:
        """Run one command that must succeed; return what it printed."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def terraform_binary() -> str:
    """Terraform's path; where there is none, the test was skipped before (``tests/conftest.py``)."""
    found = terraform.binary(os.environ)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[], Any]], Any]:
    """Return what makes something, named by a text, once in a run: the first worker that wants it makes it for all."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "terraform-once"
    folder.mkdir(exist_ok=True)

    def get(name: str, make: Callable[[], Any]) -> Any:
        with (folder / hashlib.sha256(name.encode()).hexdigest()).open("a+") as kept:
            fcntl.flock(kept, fcntl.LOCK_EX)
            kept.seek(0)
            if not (text := kept.read()):
                text = json.dumps(make())
                kept.write(text)
        return json.loads(text)

    return get


@pytest.fixture(scope="session")
def provider(terraform_binary: str) -> Iterator[Mapping[str, str]]:
    """The variable that attaches to one AWS provider: every test here mocks it, so none of them sets it up."""
    with shared_provider(terraform_binary, os.environ) as found:
        yield found


@pytest.fixture(scope="session")
def root(terraform_binary: str, provider: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """A copy of the root, initialised without a backend: nothing is written into the working tree."""
    base = tmp_path_factory.mktemp("terraform")
    copied = shutil.copytree(
        ROOT / "terraform", base / "terraform", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*")
    )
    shutil.copy(ROOT / "crawls.yaml", base)
    made = Terraform(binary=terraform_binary, folder=copied, data=base / "data", provider=provider)
    command = terraform.init_command(terraform_binary, copied, environ=os.environ, options=["-backend=false"])
    made.must(*command[2:])
    return made


@pytest.fixture(scope="session")
def plans(root: Terraform, once: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Return what plans an environment whole in an account that Terraform invents: every release, its own settings.

    The answer is the plan's changes as ``terraform show -json`` has them; the whole is 15 MB, which take long to read.
    Settings that are given besides go into a file of their own, behind the environment's.
    """

    def plan(environment: str, **more: Any) -> dict[str, Any]:
        def make() -> Any:
            extra = root.folder / "more.tfvars.json"
            extra.write_text(json.dumps(more))
            files = [f"-var-file=envs/{environment}.tfvars", f"-var-file={extra.name}"]
            done = root.run("test", "-json", "-verbose", "-test-directory=tests/plans", *files)
            events = [json.loads(line) for line in done.stdout.splitlines()]
            made = [event["test_plan"] for event in events if event["type"] == "test_plan"]
            assert made, done.stdout + done.stderr
            return {"resource_changes": made[0]["resource_changes"]}

        found: dict[str, Any] = once(json.dumps([environment, more], sort_keys=True), make)
        return found

    return plan


@pytest.fixture(scope="session")
def everything(root: Terraform, once: Callable[..., Any]) -> list[dict[str, Any]]:
    """Every managed resource in the states of a root with all that it can make, the relay too."""

    def resources(module: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        yield from (one for one in module.get("resources", ()) if one["mode"] == "managed")
        for child in module.get("child_modules", ()):
            yield from resources(child)

    def make() -> list[dict[str, Any]]:
        done = root.run("test", "-json", "-verbose", "-filter=tests/root_orchestrated.tftest.hcl", "-var=relay=true")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        states = [event["test_state"] for event in events if event["type"] == "test_state"]
        assert states, done.stdout[-2000:] + done.stderr
        return [one for state in states for one in resources(state["root_module"])]

    found: list[dict[str, Any]] = once("everything", make)
    return found


@pytest.fixture(scope="session")
def read_crawls(terraform_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Any]:
    """Return what reads a crawls.yaml with ``crawls.tf`` alone, which needs no provider: its schedules and the cap."""
    base = tmp_path_factory.mktemp("crawls")
    shutil.copy(ROOT / "terraform/crawls.tf", base)
    (base / "read.tf").write_text(
        'variable "crawls_file" {}\n'
        'output "read" {\n'
        "  value = { scheduled = local.scheduled, cap = local.invocations_cap, queues = local.queues }\n"
        "}\n"
    )
    made = Terraform(binary=terraform_binary, folder=base, data=base / "data")
    made.must("init", "-input=false")

    def read(path: Path) -> Any:
        made.must("apply", "-auto-approve", "-input=false", f"-var=crawls_file={path}")
        return json.loads(made.must("output", "-json", "read"))

    return read
