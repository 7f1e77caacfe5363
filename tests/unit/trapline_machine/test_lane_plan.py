"""How many crawlers share a machine's cores, and how many pages each of them loads."""

from dataclasses import replace
from pathlib import Path

import pytest

from trapline_common.config.load import parse_config
from trapline_machine.lane_plan import planned
from trapline_machine.settings import RuntimeSettings

FILE = """
lanes: {left: {}, said: {pages_in_flight: 2}, mapped: {orchestrator: step_functions}}
crawls:
  a: {lane: left, urls: [http://a.example/]}
  b: {lane: said, urls: [http://a.example/]}
  c: {lane: mapped, urls: [http://a.example/]}
"""


def _settings(tmp_path: Path, *, cores: int, asked: int | None) -> RuntimeSettings:
    found = RuntimeSettings.read({}, data_dir=tmp_path, max_invocations=asked)
    return replace(found, cores=cores, most=asked or cores)


@pytest.mark.parametrize(
    ("cores", "asked", "pages"),
    [
        (1, None, 3),
        (2, None, 6),
        (3, None, 5),  # two crawlers
        (4, None, 6),
        (16, None, 6),
        (2, 1, 6),
        (2, 2, 3),
        (8, 1, 6),  # one crawler has no use for more cores
        (1, 20, 3),  # nobody gets less than before
    ],
)
def test_a_lane_that_says_nothing_fills_the_cores(tmp_path: Path, cores: int, asked: int | None, pages: int):
    """Three pages for each core, of which a crawler has two at most."""
    lanes = planned(parse_config(FILE, "crawls.yaml"), _settings(tmp_path, cores=cores, asked=asked)).lanes
    assert (lanes["left"].pages_in_flight, lanes["mapped"].pages_in_flight) == (pages, pages)


def test_what_a_lane_says_stays(tmp_path: Path):
    """A person's number is the most that a crawler loads, and the lane is this machine's own to start."""
    config = planned(parse_config(FILE, "crawls.yaml"), _settings(tmp_path, cores=2, asked=None))
    assert config.lanes["said"].pages_in_flight == 2
    assert {lane.orchestrator for lane in config.lanes.values()} == {"self"}
