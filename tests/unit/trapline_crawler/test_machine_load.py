"""How busy the machine or the container is, read from files as Linux writes them."""

import sys
import time
from pathlib import Path

import pytest

from support.alerts import Clock
from trapline_crawler.browser.machine_memory import MIB
from trapline_crawler.machine_load import Load, MachineLoad

MEMINFO = "MemTotal:       {total} kB\nMemFree:        100 kB\nMemAvailable:   {left} kB\nHugePages_Total:       0\n"


class Root:
    """A root folder with ``proc`` and ``sys`` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")

    def ticks(self, *ticks: int) -> None:
        self.write("proc/stat", f"cpu  {' '.join(map(str, ticks))}\ncpu0 1 2 3\nintr 5\n")

    def load(self, *, memory: int = 1024 * MIB) -> MachineLoad:
        return MachineLoad(self.folder, memory=memory, clock=self.clock)


@pytest.fixture
def root(tmp_path):
    """Return a root on which no file is written yet."""
    return Root(tmp_path)


def test_the_cores_time_since_the_last_look(root):
    """Idle time and waiting for disks is free; what the host took for others is not."""
    root.ticks(100, 0, 100, 700, 100, 0, 0, 0, 0, 0)
    load = root.load()
    root.ticks(130, 10, 110, 720, 110, 5, 5, 10, 30, 0)  # 70 busy, 30 free; guests are in the first two
    assert load().processor == pytest.approx(0.7)
    root.ticks(130, 10, 110, 820, 110, 5, 5, 10, 30, 0)
    assert load().processor == 0.0
    assert load().processor == 0.0  # no tick went by


@pytest.mark.parametrize("version", [1, 2])
def test_a_containers_quota(root, version):
    """A container with half a core is full when it has used half a second in each."""

    def used(seconds: float) -> None:
        if version == 2:
            root.write("sys/fs/cgroup/cpu.max", "50000 100000\n")
            root.write("sys/fs/cgroup/cpu.stat", f"usage_usec {seconds * 1e6:.0f}\nuser_usec 1\n")
        else:
            root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n")
            root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
            root.write("sys/fs/cgroup/cpuacct/cpuacct.usage", f"{seconds * 1e9:.0f}\n")

    root.ticks(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    used(10)
    load = root.load()
    used(10.4)
    root.clock.now += 1
    root.ticks(25, 0, 0, 175, 0, 0, 0, 0, 0, 0)
    assert load().processor == pytest.approx(0.8)


@pytest.mark.parametrize("name", ["cpu.max", "cpu/cpu.cfs_quota_us"])
def test_no_quota_is_none(root, name):
    """Without a quota the cores' time is what counts."""
    root.write(f"sys/fs/cgroup/{name}", "max 100000\n" if name == "cpu.max" else "-1\n")
    root.ticks(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    load = root.load()
    root.clock.now += 1
    root.ticks(20, 0, 0, 80, 0, 0, 0, 0, 0, 0)
    assert load().processor == pytest.approx(0.2)


def test_the_machines_memory(root):
    """What the kernel can free is free; a function may have less than its machine."""
    root.write("proc/meminfo", MEMINFO.format(total=2048 * 1024, left=1536 * 1024))
    assert root.load(memory=2048 * MIB)().memory == pytest.approx(0.25)
    assert root.load(memory=1024 * MIB)().memory == pytest.approx(0.5)
    assert root.load(memory=64 * 1024 * MIB)().memory == pytest.approx(0.25)


@pytest.mark.parametrize("version", [1, 2])
def test_a_containers_memory(root, version):
    """A container's bound counts, without what the kernel keeps of files."""
    root.write("proc/meminfo", MEMINFO.format(total=2048 * 1024, left=2000 * 1024))
    names = ("memory.current", "memory.max", "memory.stat", "inactive_file")
    if version == 1:
        names = ("usage_in_bytes", "limit_in_bytes", "stat", "total_inactive_file")
        names = (*(f"memory/memory.{name}" for name in names[:3]), names[3])
    used, most, stat, dropped = names
    root.write(f"sys/fs/cgroup/{used}", f"{900 * MIB}\n")
    root.write(f"sys/fs/cgroup/{most}", f"{1000 * MIB}\n")
    root.write(f"sys/fs/cgroup/{stat}", f"anon 5\n{dropped} {200 * MIB}\n")
    assert root.load()().memory == pytest.approx(0.7)


def test_a_system_that_tells_nothing_holds_nobody_back(root):
    """Every share is 0 where no file is, or a file says what nobody expects."""
    assert root.load()() == Load()
    root.write("proc/stat", "cpu what\n")
    root.write("proc/meminfo", "what\n")
    root.write("sys/fs/cgroup/cpu.max", "what\n")
    assert root.load()() == Load()


@pytest.mark.skipif(sys.platform != "linux", reason="the files of Linux")
def test_this_machine_is_read():
    """On a real machine a core that computes is seen, and memory is in use."""
    load = MachineLoad()
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass
    found = load()
    assert 0.05 < found.processor <= 1.0
    assert 0.0 < found.memory < 1.0
