"""What the benchmarks measure of a process tree."""

import os
import sys
from pathlib import Path

from tests.benchmarks.processes import run_all

SPIN = "import time\nwhile time.process_time() < {}: pass"
TREE = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {SPIN.format(0.2)!r}])
{SPIN.format(0.2)}
print("done")
"""


def test_processor_time_is_of_the_whole_tree() -> None:
    """What a child took that has ended counts; what this process takes meanwhile does not, and is no other's either."""
    (one,) = run_all([[sys.executable, "-c", TREE]], [""], env=os.environ)
    assert one.output == "done\n"
    assert 0.4 <= one.cpu <= 1.5
    assert 0.0 <= one.others <= 1.0


ORPHAN = f"""
import subprocess, sys
quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
started = subprocess.Popen([sys.executable, "-c", {SPIN.format(0.4)!r}], **quiet)
print(started.pid)
"""


def test_processor_time_of_who_outlives_its_parent_counts() -> None:
    """A browser that is killed leaves renderers that nobody waits for; what they took is waited for, and in it."""
    (one,) = run_all([[sys.executable, "-c", ORPHAN]], [""], env=os.environ)
    assert one.cpu >= 0.4
    assert not Path(f"/proc/{one.output.strip()}").exists()


def test_programs_side_by_side_share_one_figure() -> None:
    """The processor time of each is that of all together, as the peak of memory is."""
    first, second = run_all([[sys.executable, "-c", SPIN.format(0.2)]] * 2, ["", ""], env=os.environ)
    assert first.cpu == second.cpu >= 0.4
