"""The guardian kills and deletes only when its crawler is gone."""

import signal
import subprocess
import sys
import time
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


def _guard(*lines: str, cut: str = "") -> "subprocess.CompletedProcess[str]":
    commands = "".join(f"{line}\n" for line in lines) + cut
    return subprocess.run(guardian.program(), input=commands, text=True, check=True, timeout=20, env={}, cwd="/")


def _wait_until_ignored(pid: int, signum: signal.Signals) -> None:
    """Return when a process has said that it ignores a signal."""
    until = time.monotonic() + 10
    while not int(_of_status(pid, "SigIgn"), 16) >> (signum - 1) & 1:
        assert time.monotonic() < until
        time.sleep(0.01)


def _of_status(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:"))


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


def test_a_command_that_was_cut_short_is_not_obeyed(victim: "subprocess.Popen[bytes]", tmp_path: Path):
    """The crawler may die within a command: what it says by then may name another folder."""
    (tmp_path / "profile two").mkdir()
    _guard(f"group {victim.pid}", f"remove {tmp_path}/profile two", cut=f"remove {tmp_path}")
    assert victim.wait(5) == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("signum", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_of_the_terminal_does_not_end_it(
    victim: "subprocess.Popen[bytes]", tmp_path: Path, signum: signal.Signals
):
    """Ctrl-C, or the end of the terminal, is the crawler's to answer; its guardian is there until its crawler ends."""
    (tmp_path / "profile").mkdir()
    with subprocess.Popen(guardian.program(), stdin=subprocess.PIPE, text=True, start_new_session=True) as waiting:
        assert waiting.stdin is not None
        waiting.stdin.write(f"group {victim.pid}\nremove {tmp_path}/profile\n")
        waiting.stdin.flush()
        _wait_until_ignored(waiting.pid, signum)
        waiting.send_signal(signum)
        assert victim.poll() is None
    assert waiting.returncode == 0
    assert victim.wait(5) == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_waiting_takes_little_memory():
    """What waits for the whole of a crawl takes less than a megabyte of its own, not an interpreter's eight."""
    with subprocess.Popen(guardian.program(), stdin=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdin is not None
        time.sleep(0.2)
        private = sum(
            int(line.split()[1])
            for line in Path(f"/proc/{waiting.pid}/smaps_rollup").read_text().splitlines()
            if line.startswith("Private_")
        )
        waiting.stdin.write("done\n")
    assert waiting.returncode == 0
    assert private < 1024
