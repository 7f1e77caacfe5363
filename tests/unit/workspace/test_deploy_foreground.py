"""Terraform in the foreground: told once, and given its time."""

import os
import signal
import sys
import threading
import time

import pytest

from tools.deploy.foreground import attend

ORDERLY = """
import pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
def end(number, frame):
    time.sleep(0.3)  # the work of ending in order, which takes a while
    (folder / "ended").write_text((folder / "ended").read_text() + "x" if (folder / "ended").exists() else "x")
    sys.exit(1)
signal.signal(signal.SIGINT, end)
(folder / "started").write_text("")
time.sleep(60)
"""


def once(path, then):
    """Call ``then`` in the background when ``path`` is there, within ten seconds."""

    def wait():
        give_up = time.monotonic() + 10
        while not path.exists() and time.monotonic() < give_up:
            time.sleep(0.01)
        then()

    threading.Thread(target=wait, daemon=True).start()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_terraform_ends_in_order(tmp_path, number):
    """Ctrl-C, or the end of a CI job, reaches it once as Ctrl-C; its orderly end is waited for, and then ours comes."""
    once(tmp_path / "started", lambda: os.kill(os.getpid(), number))
    with pytest.raises(KeyboardInterrupt):
        attend([sys.executable, "-c", ORDERLY, str(tmp_path)], environ=os.environ, folder=tmp_path)
    assert (tmp_path / "ended").read_text() == "x"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_never_ends_is_ended(tmp_path):
    """After its limit it is told to end in order, and its status says why."""
    command = [sys.executable, "-c", ORDERLY, str(tmp_path)]
    assert attend(command, environ=os.environ, folder=tmp_path, limit=4) == 124
    assert (tmp_path / "ended").exists()


def test_the_status_is_the_programs_own(tmp_path):
    """A failure comes back as it is."""
    assert attend([sys.executable, "-c", "raise SystemExit(3)"], environ=os.environ, folder=tmp_path) == 3
