"""The tab meter by itself: how the driver gets it, and that it passes messages whole (more: ``test_neighbours.py``)."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from trapline_crawler.browser import machine_memory, tab_meter
from trapline_crawler.browser.tab_meter import put_before_the_driver


def test_a_persons_own_options_of_node_stay_and_the_meter_stands_once():
    """Options that a person set for Node stay, and a second launch adds nothing."""
    environ = {"NODE_OPTIONS": "--max-old-space-size=900"}
    put_before_the_driver(environ)
    once = dict(environ)
    put_before_the_driver(environ)
    assert environ == once
    young, old, a_persons, meter = environ["NODE_OPTIONS"].split(" ")
    assert young.startswith("--max-semi-space-size=")
    assert old.startswith("--max-old-space-size=")  # of two that say the same Node takes the last
    assert (a_persons, meter.startswith("--require=")) == ("--max-old-space-size=900", True)
    assert environ["NODE_OPTIONS"].count("tab_meter.js") == 1


@pytest.mark.parametrize(("memory", "most"), [("512", 512), ("1024", 512), ("4096", 1024), ("10240", 2048)])
def test_the_drivers_heap_is_bounded_by_the_memory_there_is(memory: str, most: int, monkeypatch: pytest.MonkeyPatch):
    """A quarter of a function's memory, and 512 MiB at least; Node itself holds to it."""
    monkeypatch.setattr(machine_memory.os, "sysconf", lambda name: 2**24 if name == "SC_PHYS_PAGES" else 4096)
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
    environ: dict[str, str] = {}
    put_before_the_driver(environ)
    node, _ = compute_driver_executable()
    code = "process.stdout.write(String(require('v8').getHeapStatistics().heap_size_limit / 2 ** 20))"
    options = [option for option in environ["NODE_OPTIONS"].split(" ") if not option.startswith("--require")]
    said = subprocess.run([node, *options, "-e", code], capture_output=True, text=True, check=True, timeout=60, env={})
    assert most <= float(said.stdout) <= most + 32


def test_node_keeps_what_it_compiled_where_nobody_else_writes(tmp_path: Path):
    """In the user's cache folder; nowhere if others may write there, in a home that can't be written, and on Lambda."""

    def folder(**environ: str) -> str | None:
        put_before_the_driver(environ)
        return environ.get("NODE_COMPILE_CACHE")

    home = tmp_path / "home"
    home.mkdir()
    cache = home / ".cache/trapline/driver"
    assert folder(HOME=str(home)) == str(cache)
    assert stat.S_IMODE(cache.stat().st_mode) == stat.S_IMODE(cache.parent.stat().st_mode) == 0o700
    assert folder(HOME=str(home), NODE_COMPILE_CACHE="/of/a/person") == "/of/a/person"
    assert folder(XDG_CACHE_HOME=str(tmp_path / "other"), HOME=str(home)) == str(tmp_path / "other/trapline/driver")
    for environ in (
        {},
        {"HOME": "relative"},
        {"HOME": "/proc/1"},
        {"HOME": str(home), "AWS_LAMBDA_FUNCTION_NAME": "f"},
    ):
        assert folder(**environ) is None
    cache.parent.chmod(0o775)
    assert folder(HOME=str(home)) is None


def test_the_driver_gets_whole_messages_wherever_the_pipe_cuts_them():
    """The pipe cuts the browser's words anywhere; half a message, or an empty one, would end the driver."""
    node, _ = compute_driver_executable()
    meter = Path(tab_meter.__file__).with_suffix(".js")
    script = Path(__file__).with_name("meter_pieces.js")
    # Without this process's options of Node, which may hold the meter already: it would stand before the script's pipe
    env = {name: value for name, value in os.environ.items() if name != "NODE_OPTIONS"}
    done = subprocess.run([node, script, meter], capture_output=True, text=True, check=True, timeout=120, env=env)
    found = json.loads(done.stdout)
    assert [json.loads(message).get("id") for message in found["expected"]] == [None, 123, 45, None]
    assert found["pairs"] > 200
    assert found["wrong"] == []
