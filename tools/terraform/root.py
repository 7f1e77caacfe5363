"""Terraform's root, applied for one environment."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.deploy.environments import Environment
from tools.shell import ROOT, ToolError
from tools.terraform import binary as terraform
from tools.terraform.foreground import attend

DATA = ROOT / "build/deploy"
"""Terraform's own files, by environment: nothing in them is missed."""
_QUICK = 300.0
"""Seconds for what asks only for the state."""
_AT_ONCE = "-parallelism=50"
"""On a local AWS: there the provider mostly waits, 25 s for each queue. AWS itself would throttle."""
_LOCK = "-lock-timeout=120s"
"""Somebody else's apply is waited for this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """``binary``: Terraform's path; ``environ``: what it runs with."""

    environment: Environment
    binary: str
    environ: Mapping[str, str]

    def init(self) -> None:
        """Take the environment's backend and the provider; nothing is changed in AWS. Raises ``ToolError``."""
        options = ["-reconfigure", f"-backend-config={self.environment.backend.resolve()}"]
        command = terraform.init_command(self.binary, self.environment.folder, environ=self.environ, options=options)
        self._ask(command, step="init")

    def outputs(self) -> dict[str, Any]:
        """Return what the state knows; empty before the first apply."""
        answer = self._ask(self._command("output", "-json"), step="output")
        return {name: output["value"] for name, output in json.loads(answer).items()}

    def plan(self) -> None:
        """Show what an apply of the record would change. Raises ``ToolError``."""
        self._show("plan", *self._variables())

    def apply(self, *, without_functions: bool = False) -> None:
        """Apply what is recorded; or only what functions need, in an account that has none. Raises ``ToolError``."""
        empty = ["-var", "releases={}"] if without_functions else []
        self._show("apply", "-auto-approve", *self._variables(), *empty)

    def destroy(self) -> None:
        """Take everything down. Raises ``ToolError``."""
        self._show("destroy", "-auto-approve", *self._variables())

    def _variables(self) -> list[str]:
        files = [self.environment.tfvars, self.environment.releases]
        return [f"-var-file={file.resolve()}" for file in files if file.is_file()]

    def _command(self, name: str, *options: str) -> list[str]:
        return [self.binary, f"-chdir={self.environment.folder}", name, "-no-color", *options]

    def _told(self) -> dict[str, str]:
        return terraform.environment(self.environ, data=DATA / self.environment.name)

    def _show(self, name: str, *options: str) -> None:
        at_once = [_AT_ONCE] if self.environment.settings.local_aws else []
        command = self._command(name, "-input=false", _LOCK, *at_once, *options)
        status = attend(command, environ=self._told(), folder=ROOT)
        if status:
            raise ToolError(f"terraform {name} failed (exit {status}); mend what it says above, and run this again")

    def _ask(self, command: Sequence[str], *, step: str) -> str:
        done = subprocess.run(
            list(command), env=self._told(), cwd=ROOT, capture_output=True, text=True, timeout=_QUICK, check=False
        )
        if done.returncode:
            raise ToolError(f"terraform {step} failed (exit {done.returncode}):\n{done.stderr.strip() or done.stdout}")
        return done.stdout


def root(environment: Environment, *, binary: str, environ: Mapping[str, str]) -> Root:
    """Return the root, ready to be asked. Raises ``ToolError``."""
    found = Root(environment=environment, binary=binary, environ=environ)
    found.init()
    return found
