"""The end of a process that takes nothing apart."""

import subprocess
import sys

LEAVES = """
import atexit, sys
from trapline_common.platform.leaving import leave

class Kept:
    def __del__(self):
        print("taken apart")

kept = Kept()
atexit.register(print, "registered")
print("said", end=" ")
leave(7)
"""


def test_a_process_leaves_with_its_code_and_what_it_said():
    """What was printed and what is registered for the end come out; no object is taken apart."""
    done = subprocess.run([sys.executable, "-c", LEAVES], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (7, "said registered\n")
