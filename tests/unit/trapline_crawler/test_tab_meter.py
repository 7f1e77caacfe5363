"""How the driver gets the tab meter. What the meter does is shown with a browser (``test_neighbours.py``)."""

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
