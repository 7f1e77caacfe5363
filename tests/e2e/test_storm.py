"""The storm, in its short form: `make storm` runs twenty long ones."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from support.processes import eventually, kill_all, until_gone
from support.quick_folder import quick_folder
from tests.storm.naps import nap_one
from tests.storm.seed import Order, Storm, weather_one
from tests.storm.server import Server, postgres

SURE = {"run cancelled", "cap lowered", "cap raised", "SIGKILL: crawler", "Postgres stopped at once"}
"""The kinds of faults that every seed has, however slow the machine; which others come is chance."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A Postgres that may be stopped at once."""
    with quick_folder() as folder, postgres(folder) as running:
        yield running


ROOT = Path(__file__).parents[2]


def _stop_functions(storm: int) -> list[int]:
    """Send SIGSTOP to the storm's processes that stand for Lambda's and are at work; return those that are stopped."""
    stopped = []
    with suppress(psutil.NoSuchProcess, ProcessLookupError):  # it has come to its end
        for server in psutil.Process(storm).children():
            for function in server.children() if "multiprocessing" in " ".join(server.cmdline()) else ():
                if any(Path(file.path).name == "log" for file in function.open_files()):
                    os.kill(function.pid, signal.SIGSTOP)
                    stopped += [function.pid] * (function.status() == psutil.STATUS_STOPPED)
    return stopped


def _of(folder: Path) -> list[int]:
    """Return the processes that were started on a folder, whoever their parent is: Postgres' are."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess):
                found += [process.pid, *(child.pid for child in process.children())]
    return found


def _unseen(_: Storm) -> None:
    """Show no progress."""


async def test_a_storm_loses_nothing_and_doubles_nothing(server: Server) -> None:
    """Killed, stopped and cut-off processes, a crash of Postgres, and a cloud that lies: every guarantee holds."""
    verdict = await weather_one(server, Order(seed=1, tasks=300, seconds=7.0), _unseen)
    assert verdict.violations == []
    assert verdict.done + verdict.failed == verdict.tasks >= 300
    assert verdict.faults.keys() >= SURE
    assert verdict.processes["brief"] == verdict.visits["brief"] == 1


async def test_the_tick_is_there_for_every_run_however_often_it_sleeps(server: Server) -> None:
    """Dispatchers are killed or stopped as they let it sleep, or switch it on: every run is worked to its end.

    Where nobody switches it on, one of five seeds says so.
    """
    found = await nap_one(server, 1, naps=4)
    assert (found.violations, found.naps) == ([], 4)
    assert len(found.struck) >= 4
    for seed in range(1, 6):
        broken = await nap_one(server, seed, naps=4, broken="tick")
        if broken.violations and not broken.sleepless:
            return
    pytest.fail("not noticed by five seeds")


async def test_a_storm_notices_that_pending_is_unguarded(server: Server) -> None:
    """The storm can fail: with `-> pending` from any status, one of five seeds says so, mostly the first."""
    for seed in range(1, 6):
        verdict = await weather_one(server, Order(seed=seed, tasks=600, seconds=30.0, broken="pending"), _unseen)
        if any("CheckViolationError" in sentence for sentence in verdict.certain):
            return
    pytest.fail("not noticed by five seeds")


def test_a_killed_storm_leaves_nothing_behind() -> None:
    """Neither a process of its functions, one under SIGSTOP too, nor its Postgres is there to be seen by the next."""
    known: list[int] = []
    with quick_folder() as folder:
        storm = subprocess.Popen(
            [sys.executable, "-m", "tests.storm", "--seed", "1", "--tasks", "100", "--break", "none"],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            stopped = eventually(lambda: _stop_functions(storm.pid), bool, within=180, what="no function is called")
            known = [*stopped, *_of(folder)]
            storm.kill()
            storm.wait()
            until_gone(known, within=60)
        finally:
            storm.kill()
            storm.wait()
            kill_all(known)
