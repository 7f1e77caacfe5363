"""Terraform's root module of one environment: the one module that runs Terraform for a deploy and for the local AWS."""

import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.shell import ROOT, ToolError, say
from tools.terraform import binary as terraform
from tools.terraform.dead_lock import LOCKED, dead_lock, forget, is_noted, lock_info, noted
from tools.terraform.foreground import run_in_foreground
from tools.terraform.losses import losses

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
        planned = self.data / "proposal.tfplan"
        given = ["-var", f"releases={json.dumps(releases)}"]
        try:
            self._change("plan", self._reading("plan", f"-out={planned}", then=given), quiet=True)
            return self._shown(planned)
        finally:
            planned.unlink(missing_ok=True)

    def apply(self, *, targets: Sequence[str] = (), without_functions: bool = False) -> None:
        """Apply the variables; only ``targets`` (addresses), or no function where none is recorded yet.

        Raises ``ToolError``, also before it changes anything where the ledger, the bucket or what else is kept would be
        lost. That is not looked for where ``logs`` are kept: on a local AWS, which lives for a test.
        """
        empty = ["-var", "releases={}"] if without_functions else []
        options = [f"-target={target}" for target in targets]
        if self.logs is not None:
            self._act("apply", "-auto-approve", *options, then=empty)
            return
        planned = self.data / "apply.tfplan"
        try:
            self._act("plan", f"-out={planned}", *options, then=empty)
            if lost := losses(self._shown(planned)):
                listed = "".join(f"\n  - {line}" for line in lost)
                raise ToolError(
                    f"nothing was applied, because for good would be lost:{listed}\n"
                    "docs/upgrades.md says which settings keep it. Who means it applies by hand: terraform/README.md"
                )
            self._change("apply", [*self._command("apply", "-input=false", _LOCK, *self._parallel), str(planned)])
        finally:
            planned.unlink(missing_ok=True)

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
        self._change(name, command, seen=seen)

    def _change(
        self,
        name: str,
        command: Sequence[str],
        *,
        seen: Callable[[str], None] = lambda _: None,
        quiet: bool = False,
    ) -> None:
        """Run ``command``, which locks the state, to its end also where this process is killed; show what it writes.

        ``quiet``: it is shown where it fails only.
        """
        held = () if self.lock is None else (self.lock,)
        log = self.data / f"terraform-{name}.log"
        with noted(self.data) as tell:
            try:
                status = run_in_foreground(
                    command,
                    environ=self._environment(),
                    folder=ROOT,
                    log=log,
                    keep_open=held,
                    seen=seen,
                    quiet=quiet,
                )
            except KeyboardInterrupt:
                tell(0)  # it has ended in order
                raise
            tell(status)
        if status:
            said = log.read_text(errors="replace")
            advice = self._unlock_by_hand(said) if LOCKED in said else "mend what it says, and run this again"
            shown = f":\n{said.strip()}\n" if quiet else "; "
            raise ToolError(f"terraform {name} failed (exit {status}){shown}{advice}")

    def _unlock_by_hand(self, said: str) -> str:
        id_ = lock_info(said).get("ID", "ID")
        command = f"TF_DATA_DIR={self.data} {self.binary} -chdir={self.folder} force-unlock {id_}"
        return (
            "another apply holds the state, or one that died elsewhere, whose lock nobody takes away: wait for it, or,"
            f" once you know that none runs: {command}"
        )

    def release_dead_lock(self) -> None:
        """Take away the state's lock that a Terraform of this clone left when it was killed. Raises ``ToolError``.

        The caller holds the environment's lock (``lock``). Whatever else holds the state keeps it.
        """
        if not is_noted(self.data):
            return
        # Nothing has that address: it locks the state, looks, and changes nothing
        asked = self._run(self._command("untaint", "-allow-missing", "-lock-timeout=0s", "terraform_data.none"))
        said = asked.stdout + asked.stderr
        if LOCKED in said:
            id_ = dead_lock(self.data, said, environ=self.environ)
            if id_ is None:
                return
            self._capture(self._command("force-unlock", "-force", id_), step="force-unlock")
            say("terraform: an earlier one was killed and had locked the state; its lock is gone")
        forget(self.data)

    def _reading(self, name: str, *options: str, then: Sequence[str] = ()) -> list[str]:
        files = [f"-var-file={file.resolve()}" for file in self.variables if file.is_file()]
        return self._command(name, "-input=false", _LOCK, *self._parallel, *options, *files, *then)

    @property
    def _parallel(self) -> list[str]:
        return [f"-parallelism={self.parallelism}"] if self.parallelism else []

    def _shown(self, planned: str | Path) -> dict[str, Any]:
        """Return a plan's file as Terraform's JSON."""
        shown: dict[str, Any] = json.loads(self._capture(self._command("show", "-json", str(planned)), step="show"))
        return shown

    def _command(self, name: str, *options: str) -> list[str]:
        return [self.binary, f"-chdir={self.folder}", name, "-no-color", *options]

    def _environment(self) -> dict[str, str]:
        return terraform.environment(self.environ, data=self.data)

    def _capture(self, command: Sequence[str], *, step: str) -> str:
        done = self._run(command)
        if self.logs is not None:
            (self.logs / f"terraform-{step}.log").write_text(done.stdout + done.stderr)
        if done.returncode:
            raise ToolError(f"terraform {step} failed (exit {done.returncode}):\n{done.stderr.strip() or done.stdout}")
        return done.stdout

    def _run(self, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            list(command),
            env=self._environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
