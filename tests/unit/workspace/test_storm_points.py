"""The storm's names for what the product does: each is still the name of something, and each result has one."""

import re
from pathlib import Path

import pytest

from tests.storm import naps, weather
from tests.storm.adapters import StormTick
from tests.storm.ledger import RESULTS
from trapline_common.ledger import queries
from trapline_common.ledger.queries import Query, load

STORM = Path(weather.__file__).parent
QUERIES: dict[str, Query] = {
    name: query for file in Path(queries.__file__).parent.glob("*.sql") for name, query in load(file.stem).items()
}
"""Every named query of the ledger's hot side."""
SPELLED = {found for file in STORM.glob("*.py") for found in re.findall(r'points\.at\("([^"]+)"\)', file.read_text())}
"""The fail-points that are no named query's."""
POINTS = {
    point
    for deck in (weather.POINTS, weather.BY_EXECUTIONS, weather.FIRST)
    for points in deck.values()
    for point, _deepest, _act in points
} | {*naps.FALLING, *naps.WAKING, *naps.ASKING}


def test_every_query_that_writes_a_result_is_known_as_one() -> None:
    """A result that the storm takes for something else is in no journal: twice accepted it would not be noticed."""
    assert {name for name, query in QUERIES.items() if "trapline.record_visit(" in query.sql} == RESULTS


@pytest.mark.parametrize("point", sorted(POINTS))
def test_every_fail_point_is_somewhere(point: str) -> None:
    """What strikes at a query that was renamed, or at a port that is gone, never strikes."""
    _when, _, name = point.partition(" ")
    assert point in SPELLED or name in QUERIES or hasattr(StormTick, name)
