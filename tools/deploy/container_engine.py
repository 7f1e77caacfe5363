"""The container engine of this machine, Docker or Podman: the deploy uses the one that is there and starts none."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.shell import ToolError

PROGRAMS = ("docker", "podman")
"""Looked for in this order."""
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}
"""Lambda's names of the processors, by the engines'."""
_ONE_MANIFEST = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""BuildKit would add a statement on the build, and Lambda takes no image that is a list of manifests."""


class EngineMissingError(ToolError):
    """This machine has no container engine that answers; the text is one line that says why and what helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A way to call a container engine's command line."""

    program: str
    """Path of ``docker`` or ``podman``."""
    host: str | None = None
    """Address of the daemon; ``None`` for the one that the program's own settings name."""
    config: Path | None = None
    """Folder where the program keeps registries' tokens for this use; ``None`` for the user's own folder."""

    def command(self, *arguments: str) -> list[str]:
        """Return the command line for ``docker ARGUMENTS``."""
        return [self.program, *(("--host", self.host) if self.host else ()), *arguments]

    def output(self, *arguments: str, stdin: int | str | None = None, timeout: float = 120) -> str:
        """Run the program and return what it prints, without the last line's end. Raises ``ToolError``.

        ``stdin``: a file for its input, or the input itself, for what must not be an argument. ``timeout`` in seconds.
        """
        given: dict[str, Any] = {"input": stdin} if isinstance(stdin, str) else {"stdin": stdin}
        try:
            done: subprocess.CompletedProcess[str] = subprocess.run(
                self.command(*arguments),
                **given,
                env=self._environ(),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"{self.name} {arguments[0]} took longer than {timeout:g} s") from error
        if done.returncode:
            tail = " | ".join(done.stderr.strip().splitlines()[-4:])
            raise ToolError(f"{self.name} {arguments[0]} failed (exit {done.returncode}): {tail}")
        return done.stdout.rstrip("\n")

    @property
    def name(self) -> str:
        return Path(self.program).name

    @property
    def is_podman(self) -> bool:
        """Return whether it is Podman, which distributions also install under the name ``docker``."""
        return "podman" in self.output("--version").lower()

    @property
    def architecture(self) -> str:
        """Return Lambda's name of the processor that the engine builds for. Raises ``ToolError`` for one of no Lambda.

        The engine may run on another machine than its program.
        """
        asked = (
            ("info", "--format", "{{.Host.Arch}}") if self.is_podman else ("version", "--format", "{{.Server.Arch}}")
        )
        found = self.output(*asked)
        if found not in _ARCHITECTURES:
            raise ToolError(f"{self.name} builds for {found}, and Lambda runs {' and '.join(_ARCHITECTURES.values())}")
        return _ARCHITECTURES[found]

    def answers(self) -> bool:
        """Return whether the engine can work: Docker's daemon can be reached, Podman's storage be used."""
        done = subprocess.run(self.command("info"), capture_output=True, timeout=60, check=False)
        return done.returncode == 0

    def _environ(self) -> dict[str, str]:
        environ = os.environ | _ONE_MANIFEST
        if self.config is not None:  # Docker reads the first variable, Podman the second
            environ |= {"DOCKER_CONFIG": str(self.config), "REGISTRY_AUTH_FILE": str(self.config / "auth.json")}
        return environ


def running_engine() -> Engine | None:
    """Return the first container engine of this machine that answers, or ``None``."""
    found = (shutil.which(program) for program in PROGRAMS)
    return next((one for path in found if path and (one := Engine(program=path)).answers()), None)


def container_engine() -> Engine:
    """Return the container engine of this machine. Raises ``EngineMissingError``."""
    engine = running_engine()
    if engine is None:
        raise EngineMissingError("no container engine answers: start Docker or install Podman")
    return engine
