"""How busy the function, the container or the machine is in which an invocation works, whoever makes it so."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trapline_crawler.browser.machine_memory import memory_here

_KIB = 1024
_NOT_TOLD = (OSError, ValueError, LookupError)
"""Errors of a file that is not there, or is written otherwise than Linux writes it: then nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How busy it was since the look before; shares are between 0 and 1, and 0 where the system does not tell."""

    processor: float = 0.0
    """Share of its processor time that was used, of its cores or of the container's quota, whichever is more."""
    memory: float = 0.0
    """Share of its memory that is used now, of the machine's or of the container's, whichever is more."""


class MachineLoad:
    """Reads what Linux tells. Each call looks once; on another system every share is 0, and nobody is held back."""

    def __init__(
        self, root: Path = Path("/"), *, memory: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``root``: where ``proc`` and ``sys`` are. ``memory``: bytes of the whole; by default this machine's."""
        self._proc = root / "proc"
        self._cgroup = root / "sys/fs/cgroup"
        self._memory = memory or memory_here()
        self._clock = clock
        self._cores = self._ticks()
        self._quota = self._used_of_quota()

    def __call__(self) -> Load:
        """Return the load since the call before."""
        cores, quota = self._ticks(), self._used_of_quota()
        shares = [_share(self._cores, cores), _share(self._quota, quota)]
        self._cores, self._quota = cores, quota
        return Load(processor=max(shares), memory=max(self._of_machine(), self._of_container()))

    def _ticks(self) -> tuple[float, float]:
        """Return the busy ticks of all cores, and all ticks. What the host takes for others is busy: it is not ours."""
        with suppress(*_NOT_TOLD):
            first = (self._proc / "stat").read_text(encoding="ascii").partition("\n")[0]
            ticks = [float(text) for text in first.split()[1:9]]  # what guests used is in the first two already
            return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
        return 0.0, 0.0

    def _used_of_quota(self) -> tuple[float, float]:
        """Return the seconds of processor time that the container used, and those that its quota allowed until now."""
        cores = self._quota_cores()
        if cores is None:
            return 0.0, 0.0
        with suppress(*_NOT_TOLD):
            fields = dict(line.split() for line in self._read("cpu.stat").splitlines())
            return float(fields["usage_usec"]) / 1e6, self._clock() * cores
        with suppress(*_NOT_TOLD):
            return float(self._read("cpuacct/cpuacct.usage")) / 1e9, self._clock() * cores
        return 0.0, 0.0

    def _quota_cores(self) -> float | None:
        """Return the cores of which the container may use the time; ``None`` without a quota."""
        with suppress(*_NOT_TOLD):
            quota, period = self._read("cpu.max").split()
            return None if quota == "max" else float(quota) / float(period)
        with suppress(*_NOT_TOLD):
            quota = self._read("cpu/cpu.cfs_quota_us")
            return None if float(quota) < 0 else float(quota) / float(self._read("cpu/cpu.cfs_period_us"))
        return None

    def _of_machine(self) -> float:
        with suppress(*_NOT_TOLD):
            lines = (self._proc / "meminfo").read_text(encoding="ascii").splitlines()
            kib = {name: float(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
            # A function may have less than the machine that it is alone in
            return (kib["MemTotal"] - kib["MemAvailable"]) * _KIB / min(self._memory, kib["MemTotal"] * _KIB)
        return 0.0

    def _of_container(self) -> float:
        """Return the share of its bound that the container uses, without files that the kernel can drop."""
        for used, most, stat, dropped in (
            ("memory.current", "memory.max", "memory.stat", "inactive_file"),
            (
                "memory/memory.usage_in_bytes",
                "memory/memory.limit_in_bytes",
                "memory/memory.stat",
                "total_inactive_file",
            ),
        ):
            with suppress(*_NOT_TOLD):
                fields = dict(line.split() for line in self._read(stat).splitlines())
                return (float(self._read(used)) - float(fields[dropped])) / float(self._read(most))
        return 0.0

    def _read(self, name: str) -> str:
        return (self._cgroup / name).read_text(encoding="ascii").strip()


def _share(before: tuple[float, float], now: tuple[float, float]) -> float:
    used, whole = now[0] - before[0], now[1] - before[1]
    return min(1.0, used / whole) if whole > 0 else 0.0
