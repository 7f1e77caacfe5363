"""The tab meter by itself: how the driver gets it, and that it passes messages whole (more: ``test_neighbours.py``)."""

import json
import subprocess
from pathlib import Path

from playwright._impl._driver import compute_driver_executable

from trapline_crawler.browser import tab_meter
from trapline_crawler.browser.tab_meter import put_before_the_driver


def test_a_persons_own_options_of_node_stay_and_the_meter_stands_once():
    """Options that a person set for Node stay, and a second launch adds nothing."""
    environ = {"NODE_OPTIONS": "--max-old-space-size=900"}
    put_before_the_driver(environ)
    once = dict(environ)
    put_before_the_driver(environ)
    assert environ == once
    assert environ["NODE_OPTIONS"].startswith("--max-old-space-size=900 --require=")
    assert environ["NODE_OPTIONS"].count("tab_meter.js") == 1


def test_the_driver_gets_whole_messages_wherever_the_pipe_cuts_them():
    """The pipe cuts the browser's words anywhere; half a message, or an empty one, would end the driver."""
    node, _ = compute_driver_executable()
    meter = Path(tab_meter.__file__).with_suffix(".js")
    script = Path(__file__).with_name("meter_pieces.js")
    done = subprocess.run([node, script, meter], capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout)
    assert [json.loads(message).get("id") for message in found["expected"]] == [None, 123, 45, None]
    assert found["pairs"] > 200
    assert found["wrong"] == []
