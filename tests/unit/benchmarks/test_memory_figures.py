"""What the figures of memory and endurance say of what was measured."""

import pytest

from tests.benchmarks import endurance, memory
from tools.shell import ToolError


def _lap(peak: float, cpu: float) -> memory.Lap:
    return memory.Lap(peak=peak, private=peak / 2, processes=9, pages=10, seconds=1.0, cpu=cpu, others=0.0)


def test_a_form_is_divided_by_what_the_issue_compares_it_with_round_by_round():
    """``clean`` is divided by the other checkout's ``page``, each other form by itself, in the order of rounds."""
    laps = {
        "page": [_lap(70, 1), _lap(80, 1)],
        "clean": [_lap(50, 2), _lap(60, 2)],
        "crawl": [_lap(30, 3), _lap(40, 3)],
        "page, old": [_lap(100, 4), _lap(200, 8)],
        "crawl, old": [_lap(60, 6), _lap(160, 6)],
    }
    assert memory.ratios(laps, "old") == {
        "page": ([0.7, 0.4], [0.25, 0.125]),
        "clean": ([0.5, 0.3], [0.5, 0.25]),
        "crawl": ([0.5, 0.25], [0.5, 0.5]),
    }


def test_drift_is_of_the_last_tenth_to_the_second():
    """Samples are put into tenths by the visits made so far; the first, in which everything starts, does not count."""
    samples = [[visits, 50.0 if visits < 10 else 200.0 + visits] for visits in range(101)]
    found = endurance.life(
        {"visits": 100, "samples": samples, "cpu": 20.0, "descriptors": 0, "processes": [], "folders": []}
    )
    assert len(found.tenths) == 10
    assert found.tenths[0] == 50.0
    assert found.tenths[1] == 214.5
    assert found.drift == pytest.approx((200 + 94.5) / 214.5 - 1, abs=0.005)


def test_a_tenth_without_a_sample_is_no_figure():
    """Too few samples are refused: a drift of a tenth that nobody looked at would be made up."""
    with pytest.raises(ToolError, match="too few"):
        endurance.life(
            {
                "visits": 10,
                "samples": [[1, 5.0], [9, 5.0]],
                "cpu": 1.0,
                "descriptors": 0,
                "processes": [],
                "folders": [],
            }
        )
