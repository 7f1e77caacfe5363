"""Terraform in the foreground: it gets one signal, and its time."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tools.shell import ROOT
from tools.terraform.foreground import run_in_foreground

ORDERLY = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
def end(number, frame):
    with (folder / "signals").open("a") as signals:
        signals.write("x")
    time.sleep(0.3)  # the work of ending in order, which takes a while
    (folder / "ended").write_text("")
    sys.exit(1)
signal.signal(signal.SIGINT, end)
(folder / "group").write_text(str(os.getpgrp()))
(folder / "started").write_text("")
for _ in range(600):
    time.sleep(0.1)  # a signal just before a sleep is seen after it
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
        run_in_foreground(
            [sys.executable, "-c", ORDERLY, str(tmp_path)], environ=os.environ, folder=tmp_path, log=tmp_path / "log"
        )
    assert (tmp_path / "ended").exists()
    assert (tmp_path / "signals").read_text() == "x"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_terminals_ctrl_c_comes_once(tmp_path):
    """A terminal sends Ctrl-C to every process of the command; after a second one Terraform would end without order."""
    ours = """
import os, pathlib, sys
from tools.terraform.foreground import run_in_foreground
run_in_foreground(sys.argv[1:], environ=os.environ, folder=pathlib.Path(), log=pathlib.Path(sys.argv[-1], "log"))
"""
    command = [sys.executable, "-c", ours, sys.executable, "-c", ORDERLY, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        once(tmp_path / "started", lambda: os.killpg(process.pid, signal.SIGINT))
        assert process.wait(30) == -signal.SIGINT
        assert int((tmp_path / "group").read_text()) != process.pid, "the terminal would reach it past us"
    assert (tmp_path / "ended").exists()
    assert (tmp_path / "signals").read_text() == "x"


def test_a_program_that_never_ends_is_ended(tmp_path):
    """After its limit it gets the signal to end in order, and its status says why."""
    command = [sys.executable, "-c", ORDERLY, str(tmp_path)]
    assert run_in_foreground(command, environ=os.environ, folder=tmp_path, log=tmp_path / "log", limit=4) == 124
    assert (tmp_path / "ended").exists()


def test_the_status_is_the_programs_own(tmp_path):
    """A failure comes back as it is."""
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    assert run_in_foreground(command, environ=os.environ, folder=tmp_path, log=tmp_path / "log") == 3


def test_all_that_it_writes_is_shown(tmp_path, capsys):
    """Lines appear while it works, and none that it writes at its very end is lost."""
    program = "import sys; print('first', flush=True); sys.stderr.write('last')"
    command = [sys.executable, "-c", program]
    seen: list[str] = []
    told = {"environ": os.environ, "folder": tmp_path, "log": tmp_path / "log", "seen": seen.append}
    assert run_in_foreground(command, **told) == 0
    assert capsys.readouterr().out == "".join(seen) == "first\nlast"


def test_it_goes_on_when_what_shows_it_is_gone(tmp_path):
    """A killed command with its pipe closed takes nothing down: what it started writes on, and comes to its end."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    ours = """
import os, pathlib, sys
from tools.terraform.foreground import run_in_foreground
folder = pathlib.Path(sys.argv[1])
run_in_foreground(["sh", "-c", "echo at work; read line < fifo; echo more; echo done > ended"],
                  environ=os.environ, folder=folder, log=folder / "log")
"""
    command = [sys.executable, "-c", ours, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.kill()
        process.stdout.close()
        process.wait()
    fifo.write_text("go on\n")
    give_up = time.monotonic() + 10
    while not (tmp_path / "ended").exists() and time.monotonic() < give_up:
        time.sleep(0.01)
    assert (tmp_path / "log").read_text() == "at work\nmore\n"
    assert (tmp_path / "ended").read_text() == "done\n"
