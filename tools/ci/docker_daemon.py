"""A container engine for the crawler's image: the one that answers already, or a Docker daemon of our own.

The daemon is started and ended by its id, with its state in one folder, its socket in a temporary one, and no network of
its own: builds and containers use the machine's. Nothing of another engine on the machine is touched.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.shell import ToolError, run, say

PACKAGES = ("docker.io", "debootstrap")
_PID = "dockerd.pid"
_ONE_MANIFEST = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""BuildKit would add a statement on the build, and Lambda takes no image that is a list of manifests."""
_STARTED_WITHIN = 60.0
_ENDED_WITHIN = 30.0


class EngineMissingError(ToolError):
    """No container engine can be had here; the text is one line that says why and what helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A way to call ``docker``. ``host`` is None for the engine that its own settings name, ``config`` for those of a user.

    A ``config`` is a folder in which ``docker`` keeps its settings instead, registries' tokens among them.
    """

    docker: str
    host: str | None = None
    config: str | None = None

    def command(self, *arguments: str) -> list[str]:
        """Return the command line for ``docker ARGUMENTS``."""
        config = ("--config", self.config) if self.config else ()
        return [self.docker, *config, *(("--host", self.host) if self.host else ()), *arguments]

    def output(self, *arguments: str, stdin: int | None = None, told: str | None = None, timeout: float = 120) -> str:
        """Run ``docker`` and return what it prints, without the last line's end. Raises ``ToolError``.

        ``stdin``: a file for its input; or ``told``: the input itself, for what must not be an argument.
        """
        command = self.command(*arguments)
        given: dict[str, Any] = {"stdin": stdin} if told is None else {"input": told}
        try:
            done: subprocess.CompletedProcess[str] = subprocess.run(
                command,
                **given,
                env=os.environ | _ONE_MANIFEST,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(f"docker {arguments[0]} took longer than {timeout:g} s") from error
        if done.returncode:
            tail = " | ".join(done.stderr.strip().splitlines()[-4:])
            raise ToolError(f"docker {arguments[0]} failed (exit {done.returncode}): {tail}")
        return done.stdout.rstrip("\n")

    def answers(self) -> bool:
        """Return whether the engine's daemon can be reached."""
        done = subprocess.run(self.command("info"), capture_output=True, timeout=60, check=False)
        return done.returncode == 0


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Yield an engine; one of our own keeps its images in ``folder``, and is ended again.

    Raises ``EngineMissingError``.
    """
    docker = shutil.which("docker")
    if docker is not None and Engine(docker=docker).answers():
        yield Engine(docker=docker)
        return
    if os.geteuid() != 0:
        raise EngineMissingError(
            "no container engine answers, and only root can start one: start Docker, or run as root"
        )
    if docker is None or shutil.which("dockerd") is None or shutil.which("debootstrap") is None:
        _install()
        docker = shutil.which("docker") or "docker"
    with _own(docker, folder) as own:
        yield own


def _install() -> None:
    if shutil.which("apt-get") is None:
        raise EngineMissingError("no container engine here, and no apt-get to install docker.io with: install Docker")
    say(f"image: no container engine runs here; installing {', '.join(PACKAGES)}")
    run(["apt-get", "update", "-qq"])
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES], env=os.environ | _QUIET)
    if shutil.which("dockerd") is None:
        raise EngineMissingError("no container engine here, and docker.io could not be installed: install Docker")


_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


@contextmanager
def _own(docker: str, folder: Path) -> Iterator[Engine]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "dockerd.log"
    # A socket's path may have 107 characters at most.
    with (
        _alone(folder),
        tempfile.TemporaryDirectory(prefix="trapline-engine-") as short,
        log.open("wb") as output,
    ):
        own = Engine(docker=docker, host=f"unix://{short}/docker.sock")
        daemon = subprocess.Popen(
            _daemon_command(folder, Path(short), own), stdout=output, stderr=output, start_new_session=True
        )
        try:
            _await(own, daemon, log)
            yield own
        finally:
            _end(daemon)
            _unmount_below(Path(short))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait for another process that uses ``folder``, then end the daemon of one that was killed while it did."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        noted = folder / _PID
        if noted.exists():
            _end_forgotten(int(noted.read_text()), folder)
        yield


def _end_forgotten(pid: int, folder: Path) -> None:
    """End process ``pid`` if it is a daemon on ``folder``: the number may be another program's by now."""
    with suppress(ProcessLookupError, FileNotFoundError):
        until = time.monotonic() + _ENDED_WITHIN
        while str(folder / "data").encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            os.kill(pid, signal.SIGTERM)
            if time.monotonic() > until:
                raise ToolError(f"the dockerd of an earlier call, process {pid}, does not end")
            time.sleep(0.5)


def _daemon_command(folder: Path, short: Path, own: Engine) -> Sequence[str]:
    state = ["--data-root", str(folder / "data"), "--exec-root", str(short / "exec"), "--pidfile", str(folder / _PID)]
    return ["dockerd", "--host", own.host or "", *state, "--iptables=false", "--ip6tables=false", "--bridge=none"]


def _await(own: Engine, daemon: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _STARTED_WITHIN
    while not own.answers():
        if daemon.poll() is not None or time.monotonic() > until:
            last = log.read_text(errors="replace").strip().splitlines()[-1:]
            raise EngineMissingError(f"no container engine answers, and dockerd did not start here: {' '.join(last)}")
        time.sleep(0.2)


def _end(daemon: "subprocess.Popen[bytes]") -> None:
    """End the daemon in order: it ends its containers and containerd. Killed, it would leave them behind."""
    daemon.terminate()
    try:
        daemon.wait(_ENDED_WITHIN)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()
        say(f"image: dockerd did not end within {_ENDED_WITHIN:g} s and was killed; containerd may be left")


def _unmount_below(folder: Path) -> None:
    """Undo the mount that a daemon leaves behind when a container shared the machine's network."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        place = line.split()[1]
        if place.startswith(f"{folder}/"):
            run(["umount", place])


def delete(folder: Path) -> None:
    """Delete what an engine of our own keeps in ``folder``, once nobody uses it."""
    with _alone(folder):
        shutil.rmtree(folder)


def folder_size(folder: Path) -> int:
    """Return the bytes that ``folder`` takes on the disk."""
    done = subprocess.run(["du", "-sxB1", str(folder)], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0]) if done.stdout else 0
