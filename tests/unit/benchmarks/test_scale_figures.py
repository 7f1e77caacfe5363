"""The arithmetic of the scale benchmark."""

from tests.benchmarks.scale_figures import Cpu, Sample, decay, minutes, percentiles


def _sample(second: int, used: float) -> Sample:
    cpu = Cpu(clients=used, postgres=3 * used, machine=5 * used)
    return Sample(second=second, cpu=cpu, dead_tasks=second, size=10 * second, wal=100 * second)


def test_a_minute_holds_its_own_tasks_and_its_own_time() -> None:
    """Tasks, percentiles, processor time and WAL are those between two samples; what is left is the others'."""
    done = dict.fromkeys(range(120), 100)
    spent = {"lease": {second: [float(second)] for second in range(120)}}
    first, second = minutes(done, spent, [_sample(0, 0), _sample(60, 12), _sample(120, 24)], cores=2)
    assert (first.tasks_per_second, second.tasks_per_second) == (100, 100)
    assert (second.cost, second.clients, second.others) == (8000, 0.25, 0.1)
    assert (first.lease, second.lease) == ((30, 59), (90, 119))
    assert (second.complete, second.dead_tasks, second.size, second.wal) == ((0, 0), 120, 1200, 6000)


def test_percentiles_and_decay() -> None:
    """The median, the 99th percentile, and how far the last lies below the first; of nothing, zeros."""
    assert percentiles([float(one) for one in range(100)]) == (50, 99)
    assert percentiles([]) == (0, 0)
    assert round(decay([100, 90, 80]), 9) == 0.2
    assert decay([]) == decay([0, 5]) == 0


def test_a_load_of_less_than_a_second_has_a_minute_of_one() -> None:
    """Two samples in one second, and no processor time yet: figures all the same, and no division by zero."""
    (only,) = minutes({5: 7}, {}, [_sample(5, 0), _sample(5, 0)], cores=2)
    assert (only.tasks_per_second, only.cost, only.clients, only.others) == (7, 0, 0, 0)
