"""The notifier's handler on a real ledger."""

import asyncio
import io
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from support.alerts import Clock
from support.ledger import open_run, urls
from support.postgres import as_role
from trapline_common.alerts.page_state import AlertDraft, AlertKind
from trapline_common.domain.answers import Drained, Refused
from trapline_common.domain.errors import LedgerUnavailableError, RefusedError, TransientError
from trapline_common.domain.ids import AlertId
from trapline_common.domain.messages import Drain
from trapline_common.domain.ports import Outbox
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox, add_alert
from trapline_common.platform.lambda_runtime import Deadline, LocalContext
from trapline_notifier.handler import handle
from trapline_notifier.message import AlertMessage
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Channel
from trapline_notifier.publishers.console import ConsolePublisher, LogOperations
from trapline_notifier.services import Services

CHANNEL = "chat"


class _DiesError(BaseException):
    """What ends a notifier in the middle of its work."""


class Recorder:
    """A publisher that keeps what it gets, or raises ``error``."""

    def __init__(self, error: Exception | None = None) -> None:
        self.messages: list[AlertMessage] = []
        self.error = error

    async def publish(self, message: AlertMessage) -> str:
        await asyncio.sleep(0)  # let a second notifier in
        if self.error is not None:
            raise self.error
        self.messages.append(message)
        return message.id


def _services(dsn: str, publisher: Any, clock: Clock | None = None) -> Services:
    clock = clock or Clock()

    @asynccontextmanager
    async def outbox() -> AsyncIterator[Outbox]:
        async with await Database.connect(as_role(dsn, "trapline_notifier")) as database:
            yield PostgresOutbox(database)

    async def channels(_known: Sequence[str]) -> Sequence[Channel]:
        return [Channel(name=CHANNEL, publisher=publisher)]

    return Services(
        outbox=outbox,
        channels=channels,
        operations=LogOperations(),
        pacer=Pacer(sleep=clock.sleep),
        clock=clock,
    )


def _context(services: Services) -> LocalContext:
    return LocalContext(aws_request_id="r", deadline=Deadline.after(900, clock=services.clock))


async def _drain(services: Services) -> Drained | Refused:
    return await handle(Drain().event(), _context(services), services)


async def _write(database: Database, count: int, *, kind: AlertKind = AlertKind.FAILURE, muted: bool = False) -> None:
    run_id = await open_run(database, urls(1))
    for number in range(count):
        payload = {"url": f"https://site.example/{number}", "reason": "timeout", "failures": 2, "title": "a\u0000b"}
        await add_alert(
            database, AlertDraft(kind=kind, payload=payload, to=(), muted=muted), crawl="docs", run_id=run_id
        )


async def _statuses(database: Database) -> dict[str, int]:
    rows = await database.connection.fetch("SELECT status::text, count(*) FROM trapline.alert GROUP BY 1")
    return {row["status"]: row["count"] for row in rows}


async def test_committed_alerts_reach_a_person_and_are_marked(dsn: str, database: Database) -> None:
    """One nudge sends every due alert in one readable message; a second nudge finds nothing."""
    await _write(database, 3)
    stream = io.StringIO()
    services = _services(dsn, ConsolePublisher(stream))
    assert await _drain(services) == Drained(sent=3, refused=0, released=0, messages=1)
    assert "docs: 3 pages failed" in stream.getvalue()
    assert await _statuses(database) == {"sent": 3}
    assert (await _drain(services)).sent == 0


async def test_two_notifiers_at_once_send_each_alert_once(dsn: str, database: Database) -> None:
    """Claims are invisible to each other: together two drains send every alert exactly once."""
    await _write(database, 450)
    recorders = Recorder(), Recorder()
    await asyncio.gather(*(_drain(_services(dsn, recorder)) for recorder in recorders))
    ids = [key for recorder in recorders for message in recorder.messages for key in message.alert_ids]
    assert len(ids) == len(set(ids)) == 450
    assert await _statuses(database) == {"sent": 450}


async def test_two_notifiers_at_once_keep_one_pace(dsn: str, database: Database) -> None:
    """The turns are the ledger's: however often notifiers relieve each other, no more messages go out than one may."""
    interval, burst, count = 0.15, 4, 15
    for number in range(count):
        await add_alert(
            database, AlertDraft(kind=AlertKind.FAILURE, payload={}, to=()), crawl=f"crawl-{number}", run_id=None
        )
    times: list[float] = []

    class Relieved(Recorder):
        """Its notifier dies after three messages: the next one takes over."""

        async def publish(self, message: AlertMessage) -> str:
            if len(self.messages) == 3:
                raise _DiesError
            times.append(time.monotonic())
            return await super().publish(message)

    async def drains() -> None:
        while len(times) < count:
            services = replace(
                _services(dsn, Relieved()), pacer=Pacer(sleep=asyncio.sleep, interval=interval, burst=burst)
            )
            with suppress(_DiesError):
                await _drain(services)

    async with asyncio.timeout(30):
        await asyncio.gather(drains(), drains())
    assert len(times) == count
    # one that was woken late does not make the next one late: only the whole is exact
    assert max(times) - min(times) >= (count - burst - 1) * interval


async def test_what_waited_goes_out_at_once_up_to_a_burst(dsn: str, database: Database) -> None:
    """Six messages of one moment: the last is told a second later, not five; then each waits a second for its turn."""
    for number in range(8):
        await add_alert(
            database, AlertDraft(kind=AlertKind.FAILURE, payload={}, to=()), crawl=f"crawl-{number}", run_id=None
        )
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    recorder = Recorder()
    await _drain(replace(_services(dsn, recorder), pacer=Pacer(sleep=sleep)))
    assert len(recorder.messages) == 8
    assert waits == pytest.approx([1.0, 2.0, 3.0], abs=0.9)


async def test_a_muted_summary_stays_in_the_ledger(dsn: str, database: Database) -> None:
    """A muted alert is never claimed."""
    await _write(database, 1, kind=AlertKind.SUMMARY, muted=True)
    assert (await _drain(_services(dsn, Recorder()))).sent == 0
    assert await _statuses(database) == {"muted": 1}


async def test_a_refused_alert_is_ended_with_its_reason(dsn: str, database: Database) -> None:
    """A refused alert is never due again, and the ledger keeps why."""
    await _write(database, 1)
    result = await _drain(_services(dsn, Recorder(RefusedError("bad content \x00"))))
    assert result.refused == 1
    assert await _statuses(database) == {"refused": 1}


async def test_a_transient_failure_leaves_the_alert_due_later(dsn: str, database: Database) -> None:
    """The event is raised for a retry; the message waits for its delay, then it is sent."""
    await _write(database, 1)
    with pytest.raises(TransientError, match="down"):
        await _drain(_services(dsn, Recorder(TransientError("down"))))
    assert await _statuses(database) == {"due": 1}
    assert (await _drain(_services(dsn, Recorder()))).sent == 0
    await database.connection.execute("UPDATE trapline.delivery SET next_try_at = now() - interval '1 second'")
    assert (await _drain(_services(dsn, Recorder()))).sent == 1


async def test_a_notifier_that_dies_as_it_publishes_loses_nothing(dsn: str, database: Database) -> None:
    """A message whose notifier vanished is sent by another when the hold runs out: at least once, under its id."""
    await _write(database, 1)
    recorder = Recorder()
    async with await Database.connect(dsn) as other:
        dead = PostgresOutbox(other)
        await dead.spread([CHANNEL], everything=[], closed=False, hold_seconds=120)
        await dead.hold(CHANNEL, 120)
        await dead.attempt(CHANNEL, [AlertId(1)], "first", 120)
        assert (await _drain(_services(dsn, recorder))).sent == 0
    await database.connection.execute(
        "UPDATE trapline.channel SET held_until = now(); UPDATE trapline.delivery SET next_try_at = now()"
    )
    assert (await _drain(_services(dsn, recorder))).sent == 1
    assert [message.id for message in recorder.messages] == ["first"]


async def test_an_event_that_is_no_drain_is_dropped(dsn: str) -> None:
    """A malformed event returns its reason instead of being retried."""
    services = _services(dsn, Recorder())
    result = await handle({"type": "drain", "v": 99}, _context(services), services)
    assert result == Refused(reason="v: Input should be 0 or 1")


async def test_a_ledger_that_is_away_is_raised_to_the_platform() -> None:
    """Without Postgres the event is retried, never swallowed."""
    services = _services("postgresql://nobody@127.0.0.1:1/none", Recorder())
    with pytest.raises(LedgerUnavailableError):
        await _drain(services)
