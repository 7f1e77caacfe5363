"""What a signal does to a command while it starts, and while it waits."""

import signal
import subprocess
import sys

import pytest

_SIGNALLED = """
import os, signal, sys

how, number = sys.argv[1], int(sys.argv[2])

class Loading:
    def find_spec(self, name, path=None, target=None):
        if name == "trapline.execute":
            os.kill(os.getpid(), number)

# A test that is run under nohup hands SIG_IGN on
signal.signal(number, signal.SIG_IGN if how == "ignored" else signal.SIG_DFL)
if how != "ignored" and number == signal.SIGINT:
    signal.signal(number, signal.default_int_handler)
sys.meta_path.insert(0, Loading())
from trapline.main import main
sys.argv[1:] = ["--version"]
main()
"""


def _started(how: str, number: signal.Signals) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", _SIGNALLED, how, str(int(number))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_libraries_load_ends_it_in_silence(number: signal.Signals) -> None:
    """With the signal's exit code, and no traceback of what was being loaded."""
    ended = _started("taken", number)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + number, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_is_to_be_ignored_is_ignored(number: signal.Signals) -> None:
    """As `nohup` has it for a hang-up, and a shell's `&` for Ctrl-C."""
    ended = _started("ignored", number)
    assert (ended.returncode, ended.stdout.startswith("trapline "), ended.stderr) == (0, True, "")


_SWALLOWED = """
import asyncio, os, signal, sys
from trapline.stop_signals import unwind

number, stuck = int(sys.argv[1]), sys.argv[2] == "stuck"
signal.signal(signal.SIGINT, signal.default_int_handler)
for each in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(each, signal.SIG_DFL)
unwind()

class Statement:
    def __del__(self):  # what is raised here is lost, as it is in compiled code that declares no exception
        os.kill(os.getpid(), number)
        for _ in range(1000):
            pass

async def command():
    try:
        Statement()
        while stuck:
            os.kill(os.getpid(), number)
        await asyncio.get_running_loop().create_future()
    finally:
        print("ended in order", flush=True)

try:
    asyncio.run(command())
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("how", ["waiting", "stuck"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_wherever_it_is_when_it_comes(number: signal.Signals, how: str) -> None:
    """In code that loses exceptions too; and one that never comes back to its loop ends by the second signal."""
    command = [sys.executable, "-c", _SWALLOWED, str(int(number)), how]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (ended.returncode, ended.stdout, ended.stderr) == (128 + number, "ended in order\n", "")
