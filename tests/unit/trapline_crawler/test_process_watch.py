"""The memory of the browser's processes is bounded, and one that computes on steps back."""

import asyncio
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from support.crawling import until
from trapline_crawler.browser.machine_memory import MIB
from trapline_crawler.browser.process_watch import ProcessLimits, ProcessWatch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the process table of Linux")

_PROGRAM = """
import sys, time
held = bytearray(int(sys.argv[1]) * 2**20)
held[::4096] = b"x" * len(held[::4096])
print("there", flush=True)
while "spin" in sys.argv: pass
time.sleep(60)
"""


def _start(mib: int, *arguments: str, group: int = 0) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", _PROGRAM, str(mib), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, process_group=group)
    assert process.stdout is not None
    with process.stdout as said:
        said.readline()
    return process


_LIMITS = ProcessLimits(renderer=150 * MIB, main=300 * MIB, together=450 * MIB, every=0.02)


async def test_what_takes_too_much_is_killed():
    """A renderer beyond its bound is killed alone; a main process beyond its own takes the group along."""
    main = _start(20)
    greedy = _start(200, "--type=renderer", group=main.pid)
    modest = _start(40, "--type=renderer", group=main.pid)
    stranger = _start(200, "--type=renderer")
    watch = ProcessWatch(main.pid, _LIMITS)
    try:
        watch.start()
        await until(lambda: greedy.poll() is not None)
        assert (watch.kills, watch.browser_killed) == (1, False)
        assert "150 MiB" in watch.why
        bigger = _start(310, group=main.pid)
        await until(lambda: None not in {bigger.poll(), main.poll(), modest.poll()})
        assert watch.browser_killed
        assert stranger.poll() is None
    finally:
        watch.stop()
        for process in (main, greedy, modest, stranger):
            process.kill()
            process.wait()


async def test_all_together_are_bounded():
    """Renderers that are each within their bound, and together are not, lose the largest of them."""
    main = _start(20)
    some = [_start(mib, "--type=renderer", group=main.pid) for mib in (110, 130, 120)]
    watch = ProcessWatch(main.pid, replace(_LIMITS, together=330 * MIB))
    try:
        watch.look()
        await until(lambda: some[1].poll() is not None)
        assert [some[0].poll(), some[2].poll(), main.poll()] == [None, None, None]
    finally:
        for process in (main, *some):
            process.kill()
            process.wait()


async def test_what_computes_on_steps_back():
    """A renderer that uses a processor for longer than a page needs runs behind the others from then on."""
    main = _start(1)
    busy = _start(1, "spin", "--type=renderer", group=main.pid)
    calm = _start(1, "--type=renderer", group=main.pid)
    watch = ProcessWatch(main.pid, replace(_LIMITS, busy=0.3, stretch=60))
    try:
        watch.start()
        await until(lambda: watch.slows_any)
        assert os.getpriority(os.PRIO_PROCESS, busy.pid) == 19
        assert os.getpriority(os.PRIO_PROCESS, calm.pid) < 19
        busy.kill()
        busy.wait()
        await until(lambda: not watch.slows_any)
    finally:
        watch.stop()
        for process in (main, busy, calm):
            process.kill()
            process.wait()


def test_limits_fit_the_machine():
    """A small function keeps room for the crawler itself; a large machine gives one page no more than it may need."""
    small, large = ProcessLimits.of_machine(2048 * MIB), ProcessLimits.of_machine(64 * 1024 * MIB)
    assert (small.renderer, small.main, small.together) == (768 * MIB, 1024 * MIB, 1536 * MIB)
    assert (large.renderer, large.main) == (1024 * MIB, 1536 * MIB)


async def test_a_process_that_ends_is_forgotten():
    """The watch looks on when processes end between two looks."""
    main = _start(1)
    watch = ProcessWatch(main.pid, _LIMITS)
    watch.look()
    main.kill()
    main.wait()
    watch.look()
    await asyncio.sleep(0)
    assert watch.kills == 0
