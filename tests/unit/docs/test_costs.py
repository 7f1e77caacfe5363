"""The costs that docs/orchestrators.md names are those that its rules and the machines' definitions give."""

import pytest

from support import asl, costs
from tools.shell import ROOT

PAGE = (ROOT / "docs/orchestrators.md").read_text()
LONG, SHORT = {"children": 20, "rounds": 1}, {"children": 20, "rounds": 20}
"""10,000 pages in 20 crawlers, and in 400 of which 20 run at once."""
MEMORY = 2
"""GB of the crawler."""


@pytest.fixture(scope="module")
def wave():
    """The definition of the machine that delivers a lane's crawlers."""
    return asl.rendered("wave", costs.VALUES)


def test_the_table_is_computed(wave):
    """Each way, with few long invocations and with many short ones."""
    rows = {
        "`self`": [costs.own(20), costs.own(400)],
        "`step_functions`": [costs.wave(wave, **shape, via="map") for shape in (LONG, SHORT)],
        "`step_functions`, `queue: true`": [costs.wave(wave, **shape, via="queue") for shape in (LONG, SHORT)],
    }
    for name, usages in rows.items():
        cells = " | ".join(f"{usage.dollars:.4f}" for usage in usages)
        assert f"| {name} | {cells} |" in PAGE


def test_the_sentences_are_computed():
    """What a queue costs idle, a durable list in slices, and the crawlers' time with and without a paid wait."""
    assert f"asked also when it is empty: {costs.polling().dollars:.2f} a month" in PAGE
    coarse, fine = (costs.durable(slices).dollars for slices in (60, 10_000))
    assert f"costs {coarse:.4f} in 60 slices, {fine:.4f}\nwith a slice for every page" in PAGE
    waited, slow, quick, quicker = (
        costs.Usage(gigabyte_seconds=10_000 * each).dollars for each in (10 * MEMORY, 5 * MEMORY / 3, 0.7, 0.3)
    )
    assert f"cost {waited:.2f} where a crawler waits" in PAGE
    assert f"{quicker:.2f} to {quick:.2f} for pages\nthat answer at once, {slow:.2f} at 5 s a page" in PAGE


def test_a_child_enters_four_states_a_crawler(wave):
    """The figure that decides what a wave costs: each state more is 0.01 for 400 crawlers."""
    one, two = (costs.wave(wave, children=1, rounds=rounds, via="map").transitions for rounds in (1, 2))
    assert (one - len(wave["States"]), two - one) == (4, 4)


def test_a_child_leaves_after_its_rounds(wave):
    """However much is due: the history of one execution is bounded, and the lane is counted anew."""
    many = costs.wave(wave, children=1, rounds=1000, via="map")
    assert many.transitions - len(wave["States"]) == 4 * 200
    assert many.requests == 200 + 199 + 1 + 1


def test_every_price_has_its_source():
    """A price that no page of AWS names would be a guess."""
    assert all(price > 0 and source.startswith("https://aws.amazon.com/") for price, source in costs.PRICES.values())
