"""Names a process so that another process can see, later, whether it still runs."""

import platform
from functools import cache
from pathlib import Path

import psutil

_PARTS = 4
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@cache
def _boot() -> str:
    """Return what is the same until the machine, or the container, starts anew."""
    return _BOOT.read_text().strip() if _BOOT.exists() else str(int(psutil.boot_time()))


def process_name_of(pid: int) -> str:
    """Return ``host:boot:pid:start``. Raises ``psutil.NoSuchProcess``."""
    return f"{platform.node()}:{_boot()}:{pid}:{_start(pid)}"


def is_dead(process_name: str) -> bool:
    """Return whether ``process_name`` names a process of this machine that has ended; ``False`` when it can't be known.

    A process id given anew to another process does not count: the start time tells them apart.
    """
    parts = process_name.rsplit(":", _PARTS - 1)
    if len(parts) != _PARTS or parts[0] != platform.node() or not parts[2].isdigit():
        return False
    if parts[1] != _boot():
        return True
    try:
        pid = int(parts[2])
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE or _start(pid) != parts[3]
    except psutil.NoSuchProcess:
        return True


def _start(pid: int) -> str:
    """Return the start time: in clock ticks since boot where /proc has it, which no change of the clock moves."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return str(int(psutil.Process(pid).create_time() * 100))
    try:
        return stat.read_text(errors="replace").rpartition(")")[2].split()[19]
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error
