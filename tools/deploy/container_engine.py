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

    def refusal(self) -> str | None:
        """Return why the engine can't work, in a line; ``None`` where it can.

        Docker's daemon must be there and let the caller in, Podman's storage must be of use.
        """
        try:
            self.output("info", timeout=60)
        except (ToolError, OSError) as error:
            return str(error)
        return None

    def _environ(self) -> dict[str, str]:
        environ = os.environ | _ONE_MANIFEST
        if self.config is not None:  # Docker reads the first variable, Podman the second
            environ |= {"DOCKER_CONFIG": str(self.config), "REGISTRY_AUTH_FILE": str(self.config / "auth.json")}
        return environ


def container_engine() -> Engine:
    """Return the first container engine that answers. Raises ``EngineMissingError`` with what each says."""
    said = []
    for path in filter(None, map(shutil.which, PROGRAMS)):
        engine = Engine(program=path)
        refusal = engine.refusal()
        if refusal is None:
            return engine
        said.append(refusal)
    if any("permission denied" in one.lower() for one in said):
        do = "let yourself into Docker's group (docs.docker.com/engine/install/linux-postinstall), then sign in anew"
    else:
        do = "start Docker, or install Podman"
    raise EngineMissingError(f"no container engine answers{''.join(f' ({one})' for one in said)}; {do}")
