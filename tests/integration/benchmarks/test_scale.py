"""The load of the scale benchmark, in a small form: it works, and what it says adds up."""

from support.quick_folder import quick_folder
from tests.benchmarks import scale

TASKS = 500


def test_a_small_load_is_done_whole_and_counted_right() -> None:
    """Every task is done once, by no more invocations than the count asked for, and the report says so."""
    with quick_folder() as folder:
        result = scale.measure(folder, tasks=TASKS, seconds=120)
    assert result.tasks == TASKS
    assert result.lost == {"done": TASKS, "observed": TASKS, "leased": 0, "unfinished": 0}
    assert (result.asked, result.orphaned) == (TASKS // 25, 0)
    assert "doubled or lost" in scale.report(result)
    assert scale.as_json(result)["tasks"] == TASKS
