"""The kernel ends a process whose event loop, or whose whole interpreter, is stuck, and one that was stopped."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

ALARM = -signal.SIGALRM
PRELUDE = """
import asyncio, re, signal, sys, time
from trapline_common.platform.process_alarm import ProcessAlarm
alarm = ProcessAlarm()
def say(word):
    print(word, flush=True)
"""
STUCK = {
    "the event loop": """
async def main():
    alarm.renew(0.5)
    say("armed")
    time.sleep(60)
asyncio.run(main())
""",
    "the interpreter": """
alarm.renew(0.5)
say("armed")
re.match("(a|a)*b", "a" * 40)
""",
    "an end in order": """
alarm.renew(60)
alarm.end_within(0.5)
alarm.end_within(60)
alarm.renew(60)
say("armed")
time.sleep(60)
""",
}
RENEWED = """
for _ in range(5):
    alarm.renew(0.5)
    time.sleep(0.2)
alarm.stop()
time.sleep(0.8)
say("alive")
"""
STOPPED = """
alarm.renew(0.5)
say("armed")
time.sleep(0.2)
while True:
    say(time.monotonic())
    time.sleep(0.001)
"""


@contextmanager
def _python(code: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("what", STUCK)
def test_a_stuck_process_ends_and_says_where_it_was(what: str) -> None:
    """A coroutine that never yields, a C function that never lets go of the interpreter, an end that hangs."""
    with _python(STUCK[what]) as process:
        began = time.monotonic()
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (ALARM, "armed\n"), err
        assert time.monotonic() - began < 10
        assert "most recent call first" in err


def test_a_process_that_renews_in_time_lives() -> None:
    """Each renewal takes the last one back, and so does the end."""
    with _python(RENEWED) as process:
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out) == (0, "alive\n"), err


def test_a_process_that_was_stopped_for_too_long_does_nothing_more() -> None:
    """Continued after its time ran out, it ends before it says another word."""
    with _python(STOPPED) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "armed\n"
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        time.sleep(0.7)  # the alarm's own time has to pass: nothing else can be waited for
        continued = time.monotonic()
        os.kill(process.pid, signal.SIGCONT)
        out, _ = process.communicate(timeout=20)
        assert process.returncode == ALARM
        assert [float(line) for line in out.split() if float(line) > continued] == []
        assert time.monotonic() - continued < 2
