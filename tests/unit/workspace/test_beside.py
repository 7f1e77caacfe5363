import os
import signal
import sys

import psutil
import pytest

from support.processes import alive, eventually
from tools.workspace import checks
from tools.workspace.beside import Beside, Check


def script(name, code, *arguments):
    return Check(name=name, command=(sys.executable, "-c", code, *arguments))


def test_what_fails_beside_fails_the_whole_and_is_shown(tmp_path, capsys):
    """Each suite beside has a log of its own; the log of one that failed is printed, of one that passed it is not."""
    beside = (script("local AWS", "print('cause'); raise SystemExit(3)"), script("image", "print('built')"))
    wanted = checks.Plan(foreground=(Check(name="pytest", command=("none",)),), beside=beside)
    assert checks.run_all(wanted, lambda _: 0, logs=tmp_path) == ["local AWS"]
    shown = capsys.readouterr().out
    assert "cause" in shown
    assert "built" not in shown
    assert (tmp_path / "image.log").read_text() == "built\n"


def test_it_runs_beside_and_in_order(tmp_path):
    """The first suite runs while the foreground does, and the second begins once the first has ended."""
    first, second = tmp_path / "first", tmp_path / "second"
    wait = "import pathlib, sys, time\nwhile not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)\n"
    touch = "import pathlib, sys; assert pathlib.Path(sys.argv[1]).exists(); pathlib.Path(sys.argv[2]).touch()"
    suites = (script("waits", wait, str(first)), script("follows", touch, str(first), str(second)))
    with Beside(suites, logs=tmp_path) as beside:
        assert not second.exists()
        first.touch()
        assert [(one.name, one.status) for one in beside.outcomes()] == [("waits", 0), ("follows", 0)]
    assert second.exists()


def test_an_interrupted_run_leaves_nothing_beside(tmp_path):
    """A Ctrl-C ends what runs beside, which takes down what it started, and nothing further begins."""
    pid, ended = tmp_path / "pid", tmp_path / "ended"
    code = (
        "import os, pathlib, sys, time\n"
        "try:\n    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))\n    time.sleep(60)\n"
        "finally:\n    pathlib.Path(sys.argv[2]).touch()\n"
    )
    suites = (script("runs", code, str(pid), str(ended)), script("never", "raise SystemExit('it began')"))
    beside = Beside(suites, logs=tmp_path)

    def interrupted():
        with beside:
            eventually(lambda: pid.exists() and pid.read_text(), bool, what="the suite's process")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ended.exists()
    assert alive([int(pid.read_text())]) == []
    assert [outcome.status != 0 for outcome in beside.outcomes()] == [True, True]
    assert not (tmp_path / "never.log").read_text()


def test_a_cancelled_build_leaves_nothing_beside(tmp_path):
    """SIGTERM, as a CI server sends it, ends what runs beside too."""
    runs = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"
    code = (
        "import sys\nfrom pathlib import Path\nfrom tools.workspace import checks\n"
        "from tools.workspace.beside import Check\n"
        f"runs = (sys.executable, '-c', {runs!r})\n"
        "front = Check(name='f', command=(*runs, sys.argv[1]))\nback = Check(name='b', command=(*runs, sys.argv[2]))\n"
        "checks.plan = lambda **_: checks.Plan(foreground=(front,), beside=(back,))\n"
        "checks.ROOT = Path.cwd()  # the reports of the run that this test is part of stay\n"
        "raise SystemExit(checks.main([]))\n"
    )
    pids = [tmp_path / "front", tmp_path / "back"]
    command = [sys.executable, "-c", code, *map(str, pids)]
    process = psutil.Popen(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(checks.ROOT)})
    children = [int(eventually(lambda pid=pid: pid.exists() and pid.read_text(), bool)) for pid in pids]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert alive(children) == []
