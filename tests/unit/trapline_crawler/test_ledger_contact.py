"""The silence after which an invocation ends: counted by its own clock, from when its last sign of life was sent."""

import asyncio
import inspect
from dataclasses import dataclass

import pytest

from support.adapters import NoAlarm
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.observation import Observation
from trapline_common.ledger.rescue import HEARTBEAT_TTL, LONGEST_SILENCE
from trapline_crawler.browser import guardian
from trapline_crawler.services import Pace
from trapline_crawler.work import ledger_contact
from trapline_crawler.work.guarded_visitor import GuardedVisitor
from trapline_crawler.work.ledger_contact import LONGEST_GRACE, LedgerContact, LedgerSilentError


@dataclass(slots=True)
class Clock:
    """A clock that the test moves."""

    now: float = 1000.0
    """Seconds."""

    def __call__(self) -> float:
        return self.now


class Site:
    """A ``Visitor`` that lists what it was asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def visit(self, url: str, crawl: CrawlConfig, state: object = None) -> Observation:
        self.calls.append("visit")
        return Observation(url=url)

    async def log_in(self, url: str, crawl: CrawlConfig) -> Observation:
        self.calls.append("log_in")
        return Observation(url=url)

    async def open_session(self, crawl: CrawlConfig, state: object) -> "Site":
        self.calls.append("open_session")
        return self

    async def state(self) -> dict[str, object]:
        return {}

    async def close(self) -> None:
        self.calls.append("close")


def test_the_silence_and_the_end_fit_into_the_time_to_live() -> None:
    """30 s of 45: what was noticed late, and the browser's end, are over before the slot is given away."""
    assert LONGEST_SILENCE == 30.0
    browser = inspect.signature(guardian.kill).parameters["at_most"].default
    assert LONGEST_SILENCE + LONGEST_GRACE + browser < HEARTBEAT_TTL


@pytest.mark.parametrize(("heartbeat", "silence"), [(5.0, 30.0), (15.0, 30.0), (0.6, 3.6), (0.02, 3.0)])
def test_the_silence_is_six_heartbeats_within_bounds(heartbeat: float, silence: float) -> None:
    """A test's short heartbeats make it short, and never shorter than a busy machine's stall."""
    assert Pace(heartbeat=heartbeat).longest_silence == pytest.approx(silence)
    assert Pace(heartbeat=heartbeat, silence=1.0).longest_silence == 1.0


def test_the_silence_counts_from_when_the_heartbeat_was_sent() -> None:
    """A heartbeat whose answer took ten seconds leaves twenty; an older one that comes later takes nothing away."""
    clock, alarm = Clock(), NoAlarm()
    contact = LedgerContact(longest=30.0, clock=clock, alarm=alarm)
    sent = contact.now()
    clock.now += 10
    contact.reached(sent)
    assert (contact.left, alarm.seconds) == (20.0, 20.0 + LONGEST_GRACE)
    contact.reached(sent - 5)
    assert contact.left == 20.0
    contact.check()
    clock.now += 20
    with pytest.raises(LedgerSilentError, match="no heartbeat has reached the ledger for 30 s"):
        contact.check()
    contact.over()
    assert alarm.seconds is None


async def test_a_suspended_machine_notices_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timers of asyncio stand still while a machine sleeps: the clock that does not is looked at again and again."""
    monkeypatch.setattr(ledger_contact, "LOOK_EVERY", 0.01)
    clock, alarm = Clock(), NoAlarm()
    contact = LedgerContact(longest=30.0, clock=clock, alarm=alarm)
    watching = asyncio.create_task(contact.until_silent())
    await asyncio.sleep(0.05)
    assert not watching.done()
    clock.now += 31
    async with asyncio.timeout(5):
        with pytest.raises(LedgerSilentError):
            await watching
    assert alarm.seconds == LONGEST_GRACE


async def test_nothing_is_opened_after_too_long_a_silence() -> None:
    """No visit, no log-in, no session, no page of an open session; closing goes on."""
    clock, site = Clock(), Site()
    crawl = CrawlConfig(name="docs", urls=("https://site.example/",))
    contact = LedgerContact(longest=30.0, clock=clock, alarm=NoAlarm())
    visitor = GuardedVisitor(site, contact)
    session = await visitor.open_session(crawl, None)
    assert site.calls == ["open_session"]
    clock.now += 30
    for opening in (
        visitor.visit("https://site.example/", crawl),
        visitor.log_in("https://site.example/", crawl),
        visitor.open_session(crawl, None),
        session.visit("https://site.example/"),
    ):
        with pytest.raises(LedgerSilentError):
            await opening
    await session.close()
    await visitor.close()
    assert site.calls == ["open_session", "close", "close"]
