"""Terraform's root module of one environment: the one module that runs Terraform for a deploy and for the local AWS."""

import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.shell import ROOT, ToolError
from tools.terraform import binary as terraform
from tools.terraform.foreground import run_in_foreground

FOLDER = ROOT / "terraform"
"""The root module."""
LOCAL_PARALLELISM = 50
"""On a local AWS the provider mostly waits, 25 s for each queue: so many at once. AWS itself would throttle them."""
_LIMIT = 600.0
"""Seconds for a command whose output is not shown; an apply to a local AWS takes about a minute on two cores."""
_LOCK = "-lock-timeout=120s"
"""How long Terraform waits for another person's apply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """One environment's state, variables and credentials, and the commands that act on them."""

    binary: str
    """Path of Terraform."""
    environ: dict[str, str] = field(repr=False)
    """The environment variables that Terraform runs with; AWS's credentials are among them."""
    data: Path
    """Folder for Terraform's own files, which it can make again."""
    backend: tuple[str, ...]
    """Values for ``-backend-config``: a file's path, or ``name=value``."""
    variables: tuple[Path, ...]
    """Files of variables, read at each command; one that does not exist yet is left out."""
    parallelism: int | None = None
    """Operations at once; ``None`` for Terraform's own 10."""
    logs: Path | None = None
    """Folder for the output of each command; ``None`` shows what changes AWS; Ctrl-C then ends it in order."""
    folder: Path = FOLDER
    """The root module."""
    lock: int | None = None
    """A descriptor that what changes AWS inherits, so that it holds the environment's lock to its own end."""

    def init(self) -> None:
        """Take the environment's backend and the provider; nothing is changed in AWS. Raises ``ToolError``."""
        options = ["-reconfigure", *(f"-backend-config={value}" for value in self.backend)]
        command = terraform.init_command(self.binary, self.folder, environ=self.environ, options=options)
        self._capture(command, step="init")

    def outputs(self) -> dict[str, Any]:
        """Return the outputs that the state holds; empty before the first apply."""
        answer = self._capture(self._command("output", "-json"), step="output")
        return {name: output["value"] for name, output in json.loads(answer).items()}

    def resources(self) -> list[str]:
        """Return the addresses of the resources in the state."""
        return self._capture([self.binary, f"-chdir={self.folder}", "state", "list"], step="state").split()

    def plan(self) -> None:
        """Show what an apply would change. Raises ``ToolError``."""
        self._act("plan")

    def proposal(self, *, releases: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the plan as Terraform's JSON, with these ``releases`` instead of the recorded; change nothing.

        Raises ``ToolError``.
        """
        with tempfile.TemporaryDirectory(prefix="trapline-plan-") as folder:
            file = f"{folder}/proposal.tfplan"
            given = ["-var", f"releases={json.dumps(releases)}"]
            self._capture(self._reading("plan", f"-out={file}", then=given), step="plan")
            shown: dict[str, Any] = json.loads(self._capture(self._command("show", "-json", file), step="show"))
        return shown

    def apply(self, *, targets: Sequence[str] = (), without_functions: bool = False) -> None:
        """Apply the variables; only ``targets`` (addresses), or no function where none is recorded yet.

        Raises ``ToolError``.
        """
        empty = ["-var", "releases={}"] if without_functions else []
        self._act("apply", "-auto-approve", *(f"-target={target}" for target in targets), then=empty)

    def destroy(self, *, seen: Callable[[str], None] = lambda _: None) -> None:
        """Take everything down; ``seen`` is told of what Terraform says meanwhile. Raises ``ToolError``."""
        self._act("destroy", "-auto-approve", seen=seen)

    def _act(
        self, name: str, *options: str, then: Sequence[str] = (), seen: Callable[[str], None] = lambda _: None
    ) -> None:
        """Run a command that reads the variables; ``then``: options behind them, which override them."""
        command = self._reading(name, *options, then=then)
        if self.logs is not None:
            self._capture(command, step=name)
            return
        held = () if self.lock is None else (self.lock,)
        log = self.data / f"terraform-{name}.log"
        status = run_in_foreground(
            command, environ=self._environment(), folder=ROOT, log=log, keep_open=held, seen=seen
        )
        if status:
            raise ToolError(f"terraform {name} failed (exit {status}); mend what it says above, and run this again")

    def _reading(self, name: str, *options: str, then: Sequence[str] = ()) -> list[str]:
        files = [f"-var-file={file.resolve()}" for file in self.variables if file.is_file()]
        parallel = [f"-parallelism={self.parallelism}"] if self.parallelism else []
        return self._command(name, "-input=false", _LOCK, *parallel, *options, *files, *then)

    def _command(self, name: str, *options: str) -> list[str]:
        return [self.binary, f"-chdir={self.folder}", name, "-no-color", *options]

    def _environment(self) -> dict[str, str]:
        return terraform.environment(self.environ, data=self.data)

    def _capture(self, command: Sequence[str], *, step: str) -> str:
        done = subprocess.run(
            list(command),
            env=self._environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
        if self.logs is not None:
            (self.logs / f"terraform-{step}.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            raise ToolError(f"terraform {step} failed (exit {done.returncode}):\n{done.stderr.strip() or done.stdout}")
        return done.stdout
