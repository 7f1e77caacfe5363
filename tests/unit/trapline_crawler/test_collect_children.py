"""Of a browser's processes that the crawler inherited none is left, however late its threads end."""

import subprocess
import sys

from trapline_crawler.browser import guardian
from trapline_crawler.browser.collect_children import collect

_THREAD_OUTLIVES_LEADER = """
import ctypes, os, threading, time
def last():
    time.sleep(0.4)
    os._exit(0)
threading.Thread(target=last).start()
print(flush=True)
ctypes.CDLL(None).syscall(60 if os.uname().machine == "x86_64" else 93, 0)
"""
"""Its first thread ends (the system call ``exit``, which ends one thread); another lives 0.4 s more."""


def _rows(group: int) -> list[guardian.Process]:
    return [process for process in guardian.processes() if process.group == group]


def test_a_process_whose_threads_end_late_is_collected():
    """A process that is shown as dead while a thread of it lives is waited for; no zombie is left."""
    with subprocess.Popen(
        [sys.executable, "-c", _THREAD_OUTLIVES_LEADER], stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        while not all(row.zombie for row in _rows(child.pid)):
            pass
        assert _rows(child.pid) != []
        assert collect(child.pid) == 1
        assert _rows(child.pid) == []


def test_a_process_that_does_not_end_is_given_up():
    """A group that lives on costs the seconds it was given, and no more."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True) as child:
        assert collect(child.pid, at_most=0.1) == 0
        assert child.poll() is None
        child.kill()


def test_a_group_without_a_process_costs_nothing():
    """Where the system's own process 1 has collected everything, nothing is waited for."""
    with subprocess.Popen([sys.executable, "-c", ""], start_new_session=True) as child:
        child.wait()
    assert collect(child.pid) == 0
