import os
import sys

from tests.benchmarks.processes import pss, run_all, tree

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "data = bytearray(60 << 20); input()"], stdin=subprocess.PIPE)
sys.stdin.read()
import time
deadline = time.monotonic() + 20
while int(open(f"/proc/{child.pid}/statm").read().split()[1]) < 15000 and time.monotonic() < deadline:
    time.sleep(0.05)
time.sleep(1.2)  # two samples
child.communicate(b"\\n")
print("done")
"""


def test_memory_of_children_is_counted():
    """The peak is of the whole tree: 60 MiB that only a child holds are in it."""
    (ended,) = run_all([[sys.executable, "-c", PARENT]], [""], env=os.environ)
    assert ended.output.strip() == "done"
    assert ended.status == 0
    assert ended.peak > 60
    assert 60 < ended.peak_private <= ended.peak
    assert ended.processes == 2


def test_tree_holds_itself_and_a_process_of_the_mark():
    """The tree of a process holds itself; one that is no child is found by what its command line holds."""
    assert os.getpid() in tree(os.getpid())
    assert os.getpid() in tree(-1, mark="pytest")
    assert pss(os.getpid()) > 1
