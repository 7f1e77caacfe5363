"""A container engine for the tests of the image: the one that answers already, or a Docker daemon that is started here.

The daemon is started and ended by its id, with its state in one folder, its socket in a temporary one, and no network
of its own: builds and containers use the machine's. Nothing of another engine on the machine is touched.
``python -m tools.ci.docker_daemon`` deletes the layers that such a daemon keeps for the next build.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tools.deploy.container_engine import Engine, EngineMissingError, container_engine
from tools.shell import ToolError, main_guard, run, say

PACKAGES = ("docker.io", "debootstrap")
_PID = "dockerd.pid"
_STARTED_WITHIN = 60.0
"""Seconds."""
_ENDED_WITHIN = 30.0
"""Seconds."""


def layers_folder(environ: Mapping[str, str]) -> Path:
    """Return where the daemon keeps its images."""
    cache = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "trapline" / "engine"


@contextmanager
def engine(folder: Path) -> Iterator[Engine]:
    """Yield an engine; a daemon that is started for it keeps its images in ``folder``, and is ended again.

    Raises ``EngineMissingError``.
    """
    try:
        found = container_engine()
    except EngineMissingError:
        found = None
    if found is not None:
        yield found
        return
    if os.geteuid() != 0:
        raise EngineMissingError(
            "no container engine answers, and only root can start one: start Docker, or run as root"
        )
    if any(shutil.which(program) is None for program in ("docker", "dockerd", "debootstrap")):
        _install()
    with _daemon(shutil.which("docker") or "docker", folder) as started:
        yield started


def _install() -> None:
    if shutil.which("apt-get") is None:
        raise EngineMissingError("no container engine here, and no apt-get to install docker.io with: install Docker")
    say(f"image: no container engine runs here; installing {', '.join(PACKAGES)}")
    run(["apt-get", "update", "-qq"])
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES], env=quiet)
    if shutil.which("dockerd") is None:
        raise EngineMissingError("no container engine here, and docker.io could not be installed: install Docker")


@contextmanager
def _daemon(docker: str, folder: Path) -> Iterator[Engine]:
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "dockerd.log"
    # A socket's path may have 107 characters at most.
    with (
        _exclusive(folder),
        tempfile.TemporaryDirectory(prefix="trapline-engine-") as short,
        log.open("wb") as output,
    ):
        started = Engine(program=docker, host=f"unix://{short}/docker.sock")
        command = ["dockerd", "--host", f"unix://{short}/docker.sock", "--data-root", str(folder / "data")]
        command += ["--exec-root", f"{short}/exec", "--pidfile", str(folder / _PID)]
        command += ["--iptables=false", "--ip6tables=false", "--bridge=none"]
        daemon = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        try:
            _await(started, daemon, log)
            yield started
        finally:
            _end(daemon)
            _unmount_below(Path(short))


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
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


def _await(started: Engine, daemon: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _STARTED_WITHIN
    while started.refusal() is not None:
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
        target = line.split()[1]
        if target.startswith(f"{folder}/"):
            run(["umount", target])


def main() -> int:
    """Delete what a daemon of an earlier build keeps, once no process uses it any more."""
    folder = layers_folder(os.environ)
    if folder.exists():
        done = subprocess.run(["du", "-sxB1", str(folder)], capture_output=True, text=True, check=False)
        size = int(done.stdout.split()[0]) if done.stdout else 0
        say(f"image: deleting {folder} ({size / 1e9:.1f} GB)")
        with _exclusive(folder):
            shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    main_guard(main)
