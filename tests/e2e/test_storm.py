"""The storm, in its short form: `make storm` runs twenty long ones."""

from collections.abc import Iterator

import pytest

from support.quick_folder import quick_folder
from tests.storm.naps import nap_one
from tests.storm.seed import Order, Storm, weather_one
from tests.storm.server import Server, postgres

SURE = {"run cancelled", "cap lowered", "cap raised", "SIGKILL: crawler", "Postgres stopped at once"}
"""The kinds of faults that every seed has, however slow the machine; which others come is chance."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A Postgres that may be stopped at once."""
    with quick_folder() as folder, postgres(folder) as running:
        yield running


def _unseen(_: Storm) -> None:
    """Show no progress."""


async def test_a_storm_loses_nothing_and_doubles_nothing(server: Server) -> None:
    """Killed, stopped and cut-off processes, a crash of Postgres, and a cloud that lies: every guarantee holds."""
    verdict = await weather_one(server, Order(seed=1, tasks=300, seconds=7.0), _unseen)
    assert verdict.violations == []
    assert verdict.done + verdict.failed == verdict.tasks >= 300
    assert verdict.faults.keys() >= SURE
    assert verdict.processes["brief"] == verdict.visits["brief"] == 1


async def test_the_tick_is_there_for_every_run_however_often_it_sleeps(server: Server) -> None:
    """Dispatchers are killed or stopped as they let it sleep, or switch it on: every run is worked to its end.

    Where nobody switches it on, one of five seeds says so.
    """
    found = await nap_one(server, 1, naps=4)
    assert (found.violations, found.naps) == ([], 4)
    assert len(found.struck) >= 4
    for seed in range(1, 6):
        broken = await nap_one(server, seed, naps=4, broken="tick")
        if broken.violations and not broken.sleepless:
            return
    pytest.fail("not noticed by five seeds")


async def test_a_storm_notices_that_pending_is_unguarded(server: Server) -> None:
    """The storm can fail: with `-> pending` from any status, one of five seeds says so, mostly the first."""
    for seed in range(1, 6):
        verdict = await weather_one(server, Order(seed=seed, tasks=600, seconds=30.0, broken="pending"), _unseen)
        if any("CheckViolationError" in sentence for sentence in verdict.certain):
            return
    pytest.fail("not noticed by five seeds")
