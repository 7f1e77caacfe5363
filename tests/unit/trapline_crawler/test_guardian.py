"""The guardian kills and deletes only when its crawler is gone."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trapline_crawler.browser import guardian


@pytest.fixture
def victim() -> Iterator["subprocess.Popen[bytes]"]:
    """A process in a group of its own that ignores every polite signal."""
    code = "import signal, sys; signal.signal(15, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def _guard(*lines: str) -> "subprocess.CompletedProcess[str]":
    commands = "".join(f"{line}\n" for line in lines)
    return subprocess.run([sys.executable, "-I", guardian.__file__], input=commands, text=True, check=True, timeout=20)


def test_end_without_done_kills_and_deletes(victim: "subprocess.Popen[bytes]", tmp_path: Path):
    """When its input ends without ``done``, the group is killed and the folder deleted."""
    folder = tmp_path / "profile"
    (folder / "inner").mkdir(parents=True)
    _guard(f"group {victim.pid}", f"remove {folder}")
    assert victim.wait(5) == -signal.SIGKILL
    assert not folder.exists()


def test_done_spares_everything(victim: "subprocess.Popen[bytes]", tmp_path: Path):
    """After ``done`` nothing is killed and nothing deleted."""
    _guard(f"group {victim.pid}", f"remove {tmp_path}", "done")
    assert victim.poll() is None
    assert tmp_path.exists()


def test_kill_takes_a_stopped_process(victim: "subprocess.Popen[bytes]"):
    """``kill`` takes a stopped process too, and returns only when none is left."""
    victim.send_signal(signal.SIGSTOP)
    assert guardian.kill({victim.pid})
    assert all(process.zombie for process in guardian.processes() if process.pid == victim.pid)
