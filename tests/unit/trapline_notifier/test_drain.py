"""The drain's promises, on the outbox port: nothing lost, nothing blocked, never too fast, never too late."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from support.alerts import CHANNEL, Clock, MemoryOutbox, alert
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.domain.ids import AlertId
from trapline_common.domain.ports import AlertRow
from trapline_common.platform.lambda_runtime import Deadline
from trapline_notifier.channel_drain import DrainLimits
from trapline_notifier.drain import OutboxDrain
from trapline_notifier.message import AlertMessage
from trapline_notifier.pace import BURST, Pacer
from trapline_notifier.ports import Channel


class Recorder:
    """A publisher and an operations topic that note what they get, when, and fail as ``rule`` says."""

    def __init__(self, clock: Clock, rule: Callable[[AlertMessage], Exception | None] = lambda _: None) -> None:
        self.clock = clock
        self.rule = rule
        self.messages: list[AlertMessage] = []
        self.times: list[float] = []
        self.reports: list[str] = []
        self.report_error: Exception | None = None

    async def publish(self, message: AlertMessage) -> str:
        self.times.append(self.clock())
        error = self.rule(message)
        if error is not None:
            raise error
        self.messages.append(message)
        return f"receipt-{message.id}"

    async def report(self, *, subject: str, text: str) -> None:
        if self.report_error is not None:
            raise self.report_error
        self.reports.append(f"{subject}\n{text}")


class Scene:
    """A drain over some alerts."""

    def __init__(self, rows: list[AlertRow], rule: Callable[[AlertMessage], Exception | None] = lambda _: None) -> None:
        self.clock = Clock()
        self.outbox = MemoryOutbox(rows, self.clock)
        self.out = Recorder(self.clock, rule)
        self.pacer = Pacer(sleep=self.clock.sleep)

    def drain(self, seconds: float = 600.0, *, claim: int = 200, hold: float = 120.0) -> OutboxDrain:
        return OutboxDrain(
            outbox=self.outbox,
            channels=[Channel(name=CHANNEL, publisher=self.out)],
            operations=self.out,
            pacer=self.pacer,
            deadline=Deadline.after(seconds, clock=self.clock),
            limits=DrainLimits(claim=claim, hold=hold),
        )


def _with_alert(number: int, error: Exception) -> Callable[[AlertMessage], Exception | None]:
    return lambda message: error if number in message.alert_ids else None


async def test_everything_due_is_sent_in_one_message_per_crawl_kind_and_recipients() -> None:
    """A hundred alerts of four groups are four messages; each alert is marked with the receipt of its own."""
    rows = [alert(n, ("failure", "change")[n % 2], to=("ops",) if n % 4 < 2 else ()) for n in range(1, 101)]
    scene = Scene(rows)
    result = await scene.drain(claim=1000).run()
    assert (result.sent, result.messages, scene.outbox.due) == (100, 4, [])
    for message in scene.out.messages:
        assert {scene.outbox.sent[key] for key in message.alert_ids} == {f"receipt-{message.id}"}


async def test_it_goes_on_until_nothing_is_due() -> None:
    """More alerts than one look finds are all sent in one drain."""
    scene = Scene([alert(n) for n in range(1, 26)])
    result = await scene.drain(claim=10).run()
    assert (result.sent, result.messages) == (25, 3)


async def test_after_a_burst_messages_keep_a_second_apart() -> None:
    """Twelve messages: five at once, and seven in the seven seconds after them; also when a second drain follows."""
    scene = Scene([alert(n, crawl=f"crawl-{n}") for n in range(1, 13)])
    await scene.drain(claim=6).run()
    gaps = [later - sooner for sooner, later in zip(scene.out.times, scene.out.times[1:], strict=False)]
    assert sum(gaps[: BURST - 1]) == pytest.approx(0.0, abs=0.01)
    assert min(gaps[BURST - 1 :]) >= 0.99
    assert len(gaps) == 11
    scene.outbox.rows |= {row.id: row for row in [alert(99)]}
    await scene.drain().run()
    assert scene.out.times[-1] - scene.out.times[-2] >= 0.99


async def test_a_burst_comes_back_as_the_seconds_pass() -> None:
    """Three seconds after a full burst three more messages need not wait; the fourth does."""
    scene = Scene([alert(n, crawl=f"crawl-{n}") for n in range(1, BURST + 1)])
    await scene.drain().run()
    await scene.clock.sleep(3.0)
    scene.outbox.rows |= {row.id: row for row in [alert(n, crawl=f"crawl-{n}") for n in range(91, 95)]}
    await scene.drain().run()
    *at_once, last = (moment - scene.out.times[BURST - 1] for moment in scene.out.times[BURST:])
    assert at_once == pytest.approx([3.0] * 3, abs=0.01)
    assert last == pytest.approx(4.0, abs=0.01)


async def test_a_refused_alert_is_reported_and_its_neighbours_still_go_out() -> None:
    """Of 16 alerts in one message only the one with bad content is refused; the operations topic gets which and why."""
    scene = Scene([alert(n) for n in range(1, 17)], _with_alert(11, RefusedError("InvalidParameter: Message")))
    result = await scene.drain().run()
    assert (result.sent, result.refused) == (15, 1)
    assert scene.outbox.refused == {11: "InvalidParameter: Message"}
    (report,) = scene.out.reports
    assert "Alert 11 (failure) of crawl pricing" in report
    assert "InvalidParameter: Message" in report


async def test_an_unreadable_payload_blocks_nothing() -> None:
    """An alert no text can be made of is refused; the others are sent."""
    scene = Scene([alert(1), alert(2, "summary", changes="many"), alert(3, crawl="other")])
    result = await scene.drain().run()
    assert (result.sent, list(scene.outbox.refused)) == (2, [2])


async def test_what_fails_for_now_is_raised_at_the_end_and_repeated_as_it_was() -> None:
    """The message that can't be sent for now is due again later, the others go out, and the platform retries."""
    scene = Scene(
        [alert(1, crawl="a"), alert(2, crawl="b"), alert(3, crawl="c")], _with_alert(2, TransientError("throttled"))
    )
    with pytest.raises(TransientError, match="throttled"):
        await scene.drain().run()
    assert set(scene.outbox.sent) == {1, 3}
    assert scene.outbox.put_offs == {2: 15.0}
    name = scene.outbox.message_of[AlertId(2)]
    scene.out.rule = lambda _: None
    scene.outbox.rows |= {row.id: row for row in [alert(4, crawl="b")]}
    await scene.clock.sleep(15.0)
    await scene.drain().run()
    assert set(scene.outbox.sent) == {1, 2, 3, 4}
    assert [message.alert_ids for message in scene.out.messages if message.id == name] == [(2,)]


async def test_a_dead_channel_is_not_tried_for_every_message() -> None:
    """After three messages in a row the channel is left alone; then one message at a time finds out whether it is back.

    The pause doubles, and is the channel's: whoever drains keeps it.
    """
    scene = Scene([alert(n, crawl=f"crawl-{n}") for n in range(1, 11)], lambda _: TransientError("down"))
    tried = []
    for pause in (15.0, 30.0, 60.0):
        with pytest.raises(TransientError):
            await scene.drain().run()
        tried.append(len(scene.out.times))
        assert scene.outbox.not_before == scene.clock() + pause
        assert (await scene.drain().run()).sent == 0, "nobody tries it during its back-off"
        await scene.clock.sleep(pause)
    assert tried == [3, 4, 5]
    scene.out.rule = lambda _: None
    assert (await scene.drain().run()).sent + 5 >= 10


async def test_messages_that_always_fail_keep_no_other_from_being_tried() -> None:
    """Five groups that the channel never takes stand first in line: the sixth goes out all the same."""
    scene = Scene(
        [alert(n, crawl=f"crawl-{n}") for n in range(1, 7)],
        lambda message: TransientError("500") if message.alert_ids[0] < 6 else None,
    )
    for _ in range(4):
        with pytest.raises(TransientError):
            await scene.drain().run()
        await scene.clock.sleep(61.0)
    assert list(scene.outbox.sent) == [6]


async def test_what_another_serves_is_left_to_it() -> None:
    """While another notifier serves the channel this one sends nothing there."""
    scene = Scene([alert(1)])
    scene.outbox.held_by_another = True
    assert (await scene.drain().run()).sent == 0
    assert scene.out.times == []


async def test_a_report_that_fails_for_now_leaves_the_alert_due() -> None:
    """Nothing is refused that operations have not heard of."""
    scene = Scene([alert(1)], lambda _: RefusedError("no"))
    scene.out.report_error = TransientError("operations topic is down")
    with pytest.raises(TransientError, match="operations topic"):
        await scene.drain().run()
    assert scene.outbox.refused == {}
    assert [row.id for row in scene.outbox.due] == [1]


async def test_what_comes_as_the_channel_is_let_go_is_sent() -> None:
    """A notifier that was nudged for it found the channel held and went home: the holder looks once more."""
    scene = Scene([alert(1)])

    async def let_go(_channel: str) -> None:
        scene.outbox.rows.setdefault(AlertId(2), alert(2))
        scene.outbox.next_try.setdefault(AlertId(2), scene.clock())

    scene.outbox.let_go = let_go  # type: ignore[method-assign]
    assert (await scene.drain().run()).sent == 2


async def test_it_stops_before_its_deadline() -> None:
    """With time for few messages it sends those; the others were not attempted, and are due for the next drain."""
    scene = Scene([alert(n, crawl=f"crawl-{n}") for n in range(1, 31)])
    result = await scene.drain(DrainLimits().reserve + 5.0).run()
    assert 4 <= result.sent - BURST <= 6
    assert len(scene.outbox.attempts) == result.sent
    assert scene.clock() <= 1_000.0 + 5.0 + 1.0
    assert (await scene.drain().run()).sent == 30 - result.sent


async def test_it_never_publishes_what_another_may_have_by_now() -> None:
    """A notifier that was stopped for longer than its hold, after it noted the attempt, does not publish it."""
    scene = Scene([alert(1)])
    noted = scene.outbox.attempt

    async def attempt(*arguments: Any) -> Sequence[AlertRow]:
        rows = await noted(*arguments)
        await scene.clock.sleep(DrainLimits().hold)
        return rows

    scene.outbox.attempt = attempt  # type: ignore[method-assign]
    await scene.drain().run()
    assert scene.out.times == []
    scene.outbox.attempt = noted  # type: ignore[method-assign]
    assert (await scene.drain().run()).sent == 1


async def test_no_time_left_does_nothing() -> None:
    """A drain that starts within its reserve leaves the outbox alone."""
    scene = Scene([alert(1)])
    assert (await scene.drain(DrainLimits().reserve).run()).sent == 0
    assert scene.outbox.attempts == {}


async def test_a_cancelled_drain_leaves_nothing_hidden() -> None:
    """Cancelled while it publishes, a drain leaves that message to be repeated at once, and the rest untold."""
    scene = Scene([alert(1, crawl="one"), alert(2, crawl="two")])
    publishing = asyncio.Event()

    async def publish(_message: AlertMessage) -> str:
        publishing.set()
        await asyncio.Event().wait()
        raise AssertionError

    scene.out.publish = publish  # type: ignore[method-assign]
    draining = asyncio.create_task(scene.drain().run())
    await publishing.wait()
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
    again = await scene.outbox.again(CHANNEL)
    assert again is not None
    assert again.alerts == (1,)
    assert [row.id for row in await scene.outbox.untold(CHANNEL, 10)] == [2]


async def test_an_unreadable_alert_takes_the_last_word_of_its_page_along_for_a_moment_only() -> None:
    """Told as one with an alert no text can be made of, the page's last word still goes out, alone."""
    scene = Scene([alert(1, page=7, failures=[]), alert(2, "recovery", page=7, failures=1, failing_for=1.0)])
    scene.out.rule = _with_alert(1, RefusedError("InvalidParameter"))
    result = await scene.drain().run()
    assert (result.sent, list(scene.outbox.refused)) == (1, [1])
    assert [message.kind for message in scene.out.messages] == ["recovery"]
