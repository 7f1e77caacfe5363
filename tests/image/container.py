"""One running container of the crawler's image, held as Lambda holds it, and what can be seen of it."""

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tools.deploy.container_engine import Engine

_AS_ON_LAMBDA = (
    "--read-only", "--tmpfs", "/tmp:rw,nosuid,nodev,size=512m,mode=1777", "--ipc", "none",
    "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--network", "host",
)  # fmt: skip
"""Nothing can be written but /tmp, there is no /dev/shm, no capability."""
MEMORY = 2048
"""MiB: the Terraform's default."""
MEMORY_OF_A_PROCESSOR = 1769
"""MiB with which a function has one processor; more and less in proportion (AWS Lambda developer guide, "Configure
Lambda function memory")."""

_PROCESSES = 'for p in /proc/[0-9]*; do read -r line < $p/stat && echo "$line"; done 2>/dev/null; echo "self $$"'
_KILL_RENDERERS = (
    'for p in $(grep -l -- "[-]-type=renderer" /proc/[0-9]*/cmdline); do kill -9 $(basename ${p%/*}); done'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One that runs."""

    engine: Engine
    """Which runs it."""
    name: str
    """The engine's id of it."""
    first: int
    """Its process 1, as this machine numbers it."""
    started: float
    """The monotonic second at which its start was asked for."""
    peak: "PeakMemory"
    """Its memory, sampled while it lives."""

    def sh(self, script: str) -> str:
        """Run a script in the container, as its own user."""
        return self.engine.output("exec", self.name, "sh", "-c", script)

    def processes(self) -> list[str]:
        """Return the rows of the process table, zombies included, without the one that looks."""
        *rows, own = self.sh(_PROCESSES).splitlines()
        return [row for row in rows if row.split()[0] != own.split()[1]]

    def files(self) -> list[str]:
        """Return every file and folder that could be written and was."""
        return self.sh("find /tmp -mindepth 1").splitlines()

    def resident(self, process: int = 1) -> int:
        """Return the bytes that a process holds in memory, by default the runtime's own."""
        return int(self.sh(f"grep VmRSS /proc/{process}/status").split()[1]) * 1024

    def cpu(self) -> float:
        """Return the processor's seconds that all its processes, ended ones too, have taken since its start.

        The kernel's own account of its group, in the old or the new hierarchy. Raises ``LookupError`` where neither is.
        """
        groups = Path("/sys/fs/cgroup")
        for line in Path(f"/proc/{self.first}/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            old = groups / "cpuacct" / path.lstrip("/") / "cpuacct.usage"
            if "cpuacct" in controllers.split(",") and old.exists():
                return int(old.read_text()) / 1e9
            new = groups / path.lstrip("/") / "cpu.stat"
            if not controllers and new.exists():
                return int(new.read_text().split()[1]) / 1e6
        raise LookupError("the kernel keeps no account of the container's processor time")

    def kill_renderers(self) -> None:
        """Kill what shows pages, as a crash does."""
        self.sh(_KILL_RENDERERS)

    def logs(self) -> str:
        """Return what it wrote to its standard output and error."""
        command = self.engine.command("logs", self.name)
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze every process of it, as Lambda does between invocations."""
        self.engine.output("pause", self.name)
        try:
            yield
        finally:
            self.engine.output("unpause", self.name)


@dataclass(slots=True, kw_only=True)
class PeakMemory:
    """Samples the proportional set size of all processes together."""

    bytes: int = 0
    """The highest sum seen; 0 where it can't be read."""
    _ended: threading.Event = field(default_factory=threading.Event)
    """Stops the sampling."""

    def watch(self, first: int) -> None:
        """Sample until ``end``. ``first``: process 1 of the container, as this machine numbers it."""
        while not self._ended.wait(0.1):
            with suppress(psutil.Error):
                self.bytes = max(self.bytes, self._sum(psutil.Process(first)))

    def end(self) -> None:
        self._ended.set()

    @staticmethod
    def _sum(first: psutil.Process) -> int:
        total = 0
        for process in (first, *first.children(recursive=True)):
            with suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total


@contextmanager
def running(
    engine: Engine, image: str, environment: Mapping[str, str], *, memory: int = MEMORY, held: bool = False
) -> Iterator[Container]:
    """Start a container of ``image`` with ``memory`` MiB; remove it at the end.

    ``held``: it has the processors that Lambda gives a function of that memory, as far as this machine has them.
    """
    variables = [argument for pair in environment.items() for argument in ("--env", "=".join(pair))]
    limits = ["--memory", f"{memory}m", "--memory-swap", f"{memory}m"]
    if held:
        limits += ["--cpus", f"{memory / MEMORY_OF_A_PROCESSOR:.3f}"]
    started = time.monotonic()
    name = engine.output("run", "--detach", *_AS_ON_LAMBDA, *limits, *variables, image)
    peak = PeakMemory()
    try:
        first = int(engine.output("inspect", "--format", "{{.State.Pid}}", name))
        threading.Thread(target=peak.watch, args=(first,), daemon=True).start()
        yield Container(engine=engine, name=name, first=first, started=started, peak=peak)
    finally:
        peak.end()
        engine.output("rm", "--force", name)
