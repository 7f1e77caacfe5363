import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from trapline_machine.process_identity import is_dead, process_name_of
from trapline_machine.process_registry import Registry


@pytest.fixture
def dead_process_name() -> str:
    """The name of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        process_name = process_name_of(process.pid)
        process.communicate(b"\n")
    return process_name


def test_a_process_that_runs_is_not_dead():
    """Our own process_name names a living process."""
    assert not is_dead(process_name_of(os.getpid()))


def test_a_process_that_ended_is_dead(dead_process_name: str):
    """A process that was named while it lived is known to be dead later."""
    assert is_dead(dead_process_name)


def test_a_process_id_given_to_another_is_dead():
    """The same id with another start time is another process."""
    host, boot, pid, start = process_name_of(os.getpid()).rsplit(":", 3)
    assert is_dead(f"{host}:{boot}:{pid}:{int(start) - 1}")


def test_a_process_of_an_earlier_boot_is_dead():
    """After the machine started anew no process of before runs, though another has its id now."""
    host, _, pid, start = process_name_of(os.getpid()).rsplit(":", 3)
    assert is_dead(f"{host}:another:{pid}:{start}")


@pytest.mark.parametrize("process_name", ["", "2026/11/20/[$LATEST]1f3a", "other-host:boot:1:1", "a:b:c:d"])
def test_what_is_elsewhere_is_not_known_to_be_dead(process_name: str):
    """A Lambda log stream, another machine's process, and nonsense are never taken for dead."""
    assert not is_dead(process_name)


def test_a_zombie_is_dead():
    """A process that ended and was not collected yet holds nothing any more."""
    with subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE) as process:
        process_name = process_name_of(process.pid)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(process_name)


def test_the_registry_tells_the_dead_from_the_living(tmp_path: Path, dead_process_name: str):
    """Of three invocations the registry knows the one whose process ended, by its request id, until it is forgotten."""
    registry = Registry(folder=tmp_path / "processes")
    living, dead, unknown = uuid4(), uuid4(), uuid4()
    assert registry.dead(unknown) is None
    registry.note(living, process_name=process_name_of(os.getpid()), request_id="one")
    registry.note(dead, process_name=dead_process_name, request_id="two")
    assert (registry.dead(living), registry.dead(dead), registry.dead(unknown)) == (None, "two", None)
    registry.sweep({dead})
    assert registry.dead(dead) == "two"
    registry.sweep(set())
    assert registry.dead(dead) is None
    assert sorted(path.name for path in registry.folder.iterdir()) == [str(living)]
    registry.forget(living)
    assert not list(registry.folder.iterdir())
