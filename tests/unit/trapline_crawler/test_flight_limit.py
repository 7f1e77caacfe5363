"""How many pages are in flight: fewer while visits come near their time-out or memory ends, never above the lane's."""

from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from support.alerts import Clock
from trapline_crawler.browser.machine_memory import MIB
from trapline_crawler.machine_load import Load
from trapline_crawler.work.flight_limit import EACH, EVERY, FIXED, START, FlightLimit

LANE = 6
TIMEOUT = 30.0


@dataclass(kw_only=True)
class Flight:
    """A limit, its clock, and the visits that a test begins and ends."""

    memory: int = 64 * 1024 * MIB
    """Bytes that there are in all."""
    load: Load = field(default_factory=Load)
    """What the limit sees from now on."""
    clock: Clock = field(default_factory=Clock)
    """The limit's clock."""
    visits: ExitStack = field(default_factory=ExitStack)
    """Those in flight."""

    def __post_init__(self) -> None:
        self.limit = FlightLimit(lambda: self.load, memory=self.memory, clock=self.clock)

    def begin(self, count: int) -> None:
        for _ in range(count):
            self.visits.enter_context(self.limit.visit(TIMEOUT))

    def end(self) -> None:
        self.visits.close()

    def quick(self, count: int) -> None:
        """Visit so many pages that answer at once."""
        for _ in range(count):
            with self.limit.visit(TIMEOUT):
                pass

    def after(self, seconds: float) -> int:
        """Let ``seconds`` pass, look once a second, and return how many pages may be in flight."""
        for _ in range(round(seconds / EVERY)):
            self.clock.now += EVERY
            self.limit.look(LANE)
        return self.limit.of(LANE)


def full_flight() -> Flight:
    """Return a flight of as many pages as the lane allows, on a full processor."""
    flight = Flight(load=Load(processor=1.0))
    flight.quick(LANE)
    assert flight.limit.of(LANE) == LANE
    return flight


def test_it_begins_with_a_few_and_each_quick_visit_makes_room_for_another():
    """A light site has the lane's number within its first visits, and a full processor takes nothing from it."""
    flight = Flight(load=Load(processor=1.0))
    assert flight.limit.of(LANE) == START
    for pages in (4, 5, 6, 6, 6):
        flight.quick(1)
        assert flight.limit.of(LANE) == pages
        assert flight.after(1) == pages


def test_slow_visits_on_a_full_processor_halve_it_once_per_generation():
    """Visits that began before a halving cause no second one, however long they take."""
    flight = full_flight()
    flight.begin(LANE)
    assert flight.after(14) == LANE
    assert flight.after(2) == 3
    assert flight.after(13) == 3
    flight.end()
    flight.begin(3)
    assert flight.after(16) == 1
    flight.end()
    flight.begin(1)
    assert flight.after(25) == 1  # one page is always in flight


def test_slow_visits_with_time_left_wait_for_something_else():
    """A slow server is no reason to visit fewer pages."""
    flight = full_flight()
    flight.load = Load(processor=0.9)
    flight.begin(LANE)
    assert flight.after(28) == LANE


def test_it_grows_while_the_processor_has_time():
    """It grows by one a second, though no visit ends, up to the lane's number."""
    flight = Flight(load=Load(processor=0.5))
    flight.begin(START)
    assert [flight.after(1) for _ in range(5)] == [4, 5, 6, 6, 6]


def test_a_slow_visit_that_has_just_ended_counts_too():
    """Visits that end between two looks are no quick ones for that, and make no room."""
    flight = full_flight()
    flight.begin(LANE)
    flight.clock.now += 16
    flight.end()
    flight.limit.look(LANE)
    assert flight.limit.of(LANE) == 1


def test_little_memory_halves_it_and_holds_it_until_there_is_enough():
    """While more pages are in flight than may be, their memory is still theirs: it is not halved again for that."""
    flight = full_flight()
    flight.load = Load(memory=0.95)
    flight.begin(LANE)
    assert flight.after(1) == 3
    assert flight.after(3) == 3
    flight.end()
    flight.begin(3)
    assert flight.after(1) == 1
    flight.load = Load(memory=0.9)
    flight.end()
    flight.quick(3)
    assert flight.after(5) == 1
    flight.load = Load(memory=0.5)
    assert flight.after(3) == 4


@pytest.mark.parametrize(("mib", "pages"), [(128, 1), (512, 1), (640, 2), (1024, START), (2048, START)])
def test_it_begins_with_what_the_memory_holds(mib, pages):
    """A small function does not begin with as many pages as the lane allows."""
    assert Flight(memory=mib * MIB).limit.of(LANE) == pages
    assert pages == 1 or FIXED + pages * EACH <= mib * MIB


def test_the_lanes_number_binds_at_once():
    """What the lane allows may change while it works."""
    flight = full_flight()
    assert flight.limit.of(2) == 2
    flight.quick(4)
    assert flight.limit.of(8) == 8
