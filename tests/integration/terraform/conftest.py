"""Terraform prepared once: a copy of terraform/ beside a crawls.yaml, the provider from this machine's mirror."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tools.shell import ROOT
from tools.terraform import binary as terraform


@dataclass(frozen=True, slots=True, kw_only=True)
class Terraform:
    """Terraform's binary, working in ``folder`` with its own files in ``data``."""

    binary: str
    folder: Path
    data: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end, at most 15 minutes."""
        return subprocess.run(
            [self.binary, f"-chdir={self.folder}", *arguments],
            env=terraform.environment(os.environ, data=self.data),
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
def root(terraform_binary: str, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """A copy of the root, initialised without a backend: nothing is written into the working tree."""
    base = tmp_path_factory.mktemp("terraform")
    copied = shutil.copytree(
        ROOT / "terraform", base / "terraform", ignore=shutil.ignore_patterns(".terraform", "*.tfstate*")
    )
    shutil.copy(ROOT / "crawls.yaml", base)
    made = Terraform(binary=terraform_binary, folder=copied, data=base / "data")
    command = terraform.init_command(terraform_binary, copied, environ=os.environ, options=["-backend=false"])
    made.must(*command[2:])
    return made


@pytest.fixture(scope="session")
def plans(root: Terraform) -> Callable[..., dict[str, Any]]:
    """Return what plans an environment whole in an account that Terraform invents: every release, its own settings.

    The answer is the plan as ``terraform show -json`` has it. Settings that are given besides go into a file of their
    own, behind the environment's.
    """
    known: dict[str, dict[str, Any]] = {}

    def plan(environment: str, **more: Any) -> dict[str, Any]:
        key = json.dumps([environment, more], sort_keys=True)
        if key not in known:
            extra = root.folder / "more.tfvars.json"
            extra.write_text(json.dumps(more))
            files = [f"-var-file=envs/{environment}.tfvars", f"-var-file={extra.name}"]
            done = root.run("test", "-json", "-verbose", "-test-directory=tests/plans", *files)
            events = [json.loads(line) for line in done.stdout.splitlines()]
            made = [event["test_plan"] for event in events if event["type"] == "test_plan"]
            assert made, done.stdout + done.stderr
            known[key] = made[0]
        return known[key]

    return plan


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
