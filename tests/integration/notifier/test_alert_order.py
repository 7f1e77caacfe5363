"""The order told is the order that happened, for each page and channel, whoever is away and for however long."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import Random

import pytest

from support.alerts import Clock
from support.ledger import complete, fail_page, one_ready, open_run, value
from support.postgres import as_role
from trapline_common.config.models import AlertConfig, CrawlConfig, LaneConfig
from trapline_common.domain.errors import RefusedError, TransientError
from trapline_common.ledger import invocations, runs, tasks
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox
from trapline_common.platform.lambda_runtime import Deadline
from trapline_notifier.drain import OutboxDrain
from trapline_notifier.message import AlertMessage
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Channel

ONE, TWO = "https://site.example/1", "https://site.example/2"
PASS = """
UPDATE trapline.channel SET not_before = now(), held_until = CASE WHEN holder IS NOT NULL THEN now() END;
UPDATE trapline.delivery SET next_try_at = now() WHERE status = 'due' AND message_id IS NOT NULL
"""
"""Every back-off and every hold is over."""


class Receiver:
    """A channel that keeps what arrives; ``plan`` says of each publish in turn what becomes of it."""

    def __init__(self, *plan: str) -> None:
        self.plan = list(plan)
        self.got: list[AlertMessage] = []

    async def publish(self, message: AlertMessage) -> str:
        await asyncio.sleep(0)
        fate = self.plan.pop(0) if self.plan else "taken"
        if fate in {"taken", "unanswered"}:
            self.got.append(message)
        if fate == "refused":
            raise RefusedError("InvalidParameter")
        if fate != "taken":
            raise TransientError(fate)
        return f"receipt {len(self.got)}"

    async def report(self, *, subject: str, text: str) -> None:
        """Operations take any report."""

    @property
    def kinds(self) -> list[str]:
        """The messages' kinds in the order in which they arrived, repeats left out by their id."""
        return [message.kind for message in {message.id: message for message in self.got}.values()]


class Scene:
    """A crawl of some pages, and the drains of its notifiers, each on a connection of its own."""

    def __init__(self, database: Database, dsn: str, *, pages: Sequence[str] = (ONE,), remind: bool = False) -> None:
        self.database = database
        self.dsn = dsn
        self.pages = tuple(pages)
        alerts = AlertConfig(
            after_failures=1, on=("failure", "recovery", "change"), remind_every=0.001 if remind else None
        )
        self.crawl = CrawlConfig(name="docs", urls=self.pages, alert=alerts)
        self.operations = Receiver()

    async def runs(self, *good: bool | str | Mapping[str, bool | str]) -> None:
        """Crawl once for each: all pages good or failing, or by page; a text is good and shows it."""
        for each in good:
            run = await open_run(self.database, self.pages, lane=LaneConfig(max_invocations=1), crawl=self.crawl)
            held = await one_ready(self.database)
            for task in await tasks.lease_share(self.database, held, share=len(self.pages), another=False):
                what = each[task.url] if isinstance(each, Mapping) else each
                if what is False:
                    await fail_page(self.database, task)
                else:
                    text = what if isinstance(what, str) else "hello"
                    await complete(self.database, task, text=text, content_hash=f"hash of {text}")
            assert await runs.end_if_done(self.database, run)
            assert await invocations.succeed(self.database, held)

    async def drain(self, *, seconds: float = 300.0, **channels: Receiver) -> None:
        """Drain once; what could not be sent for now is no error here."""
        clock = Clock()
        async with await Database.connect(as_role(self.dsn, "trapline_notifier")) as database:
            drain = OutboxDrain(
                outbox=PostgresOutbox(database),
                channels=[Channel(name=name, publisher=each) for name, each in channels.items()],
                operations=self.operations,
                pacer=Pacer(sleep=clock.sleep),
                deadline=Deadline.after(seconds, clock=clock),
            )
            try:
                await drain.run()
            except TransientError:
                return

    async def pass_time(self) -> None:
        """Let every back-off end."""
        await self.database.connection.execute(PASS)


@pytest.fixture
def scene(database: Database, dsn: str) -> Scene:
    """A crawl of one page."""
    return Scene(database, dsn)


async def test_failure_recovery_failure_with_the_notifier_away_ends_with_the_failure(scene: Scene) -> None:
    """What is over before it was told is told as one: one message, one page, and the page is failing."""
    await scene.runs(True, False, True, False)
    chat = Receiver()
    await scene.drain(chat=chat)
    (message,) = chat.got
    assert message.subject == f"[trapline] docs: 1 page failed: {ONE}"
    assert len(message.alert_ids) == 3
    assert await value(scene.database, "SELECT alerted FROM trapline.page")
    assert await value(scene.database, "SELECT count(*) FROM trapline.alert WHERE status = 'due'") == 0


async def test_one_throttled_publish_turns_nothing_round(scene: Scene) -> None:
    """The page recovers while its failure waits for another attempt: the failure still comes first, and alone."""
    await scene.runs(True, False)
    chat = Receiver("throttled")
    await scene.drain(chat=chat)
    await scene.runs(True)
    await scene.drain(chat=chat)
    assert chat.got == []
    await scene.pass_time()
    await scene.drain(chat=chat)
    assert chat.kinds == ["failure", "recovery"]


async def test_a_repeat_keeps_its_id_and_its_alerts(scene: Scene) -> None:
    """A message that arrived without an answer is sent again as it was, whatever happened meanwhile."""
    await scene.runs(True, False)
    chat = Receiver("unanswered", "unanswered")
    await scene.drain(chat=chat)
    await scene.runs(True, False)
    for _ in range(3):
        await scene.pass_time()
        await scene.drain(chat=chat)
    first, second, third, last = chat.got
    assert first == second == third, "word for word"
    assert last.id != first.id
    assert (first.kind, last.kind) == ("failure", "failure")
    assert "was good again, and fails again" in last.body
    assert (first.alert_ids, last.alert_ids) == ((2,), (4, 6))


async def test_channels_go_their_own_ways(scene: Scene) -> None:
    """While one channel is away the other gets each word in time; the first gets the last word when it is back."""
    await scene.runs(True)
    away, here = Receiver(*("away",) * 20), Receiver()
    for good in (False, True, False, True):
        await scene.runs(good)
        await scene.pass_time()
        await scene.drain(away=away, here=here)
    assert here.kinds == ["failure", "recovery", "failure", "recovery"]
    assert away.got == []
    away.plan.clear()
    await scene.pass_time()
    await scene.drain(away=away, here=here)
    assert away.kinds == ["failure", "recovery"], "the attempted failure as it was, and the rest as one"
    assert len(here.got) == 4
    assert await value(scene.database, "SELECT count(*) FROM trapline.delivery WHERE status = 'due'") == 0


async def test_a_channel_that_hangs_keeps_no_other_waiting(scene: Scene) -> None:
    """The good channel has its message while the other one's publish has not come back."""
    await scene.runs(True, False)
    hangs, good, came = asyncio.Event(), Receiver(), asyncio.Event()

    class Hanging(Receiver):
        async def publish(self, message: AlertMessage) -> str:
            await hangs.wait()
            return await super().publish(message)

    class Good(Receiver):
        async def publish(self, message: AlertMessage) -> str:
            came.set()
            return await good.publish(message)

    async with asyncio.timeout(30):
        draining = asyncio.create_task(scene.drain(hanging=Hanging(), good=Good()))
        await came.wait()
        hangs.set()
        await draining
    assert good.kinds == ["failure"]


async def test_a_change_between_two_failures_is_told_between_them(scene: Scene) -> None:
    """Failure, recovery with a change, failure, told late: the change is told, and the failure has the last word."""
    await scene.runs("first", False)
    chat = Receiver()
    await scene.drain(chat=chat)
    await scene.runs("second", "second", False)
    await scene.drain(chat=chat)
    assert chat.kinds == ["failure", "change", "failure"]
    assert chat.got[-1].data["alerts"][0]["before"][0]["kind"] == "recovery"


async def test_a_group_lifts_no_alert_above_an_earlier_one_of_its_page(database: Database, dsn: str) -> None:
    """Two pages fail a run apart, and the first is good again between: the second failure tells of two pages truly."""
    scene = Scene(database, dsn, pages=(ONE, TWO))
    chat = Receiver()
    await scene.runs(True, {ONE: False, TWO: True}, {ONE: True, TWO: False}, {ONE: False, TWO: False})
    await scene.drain(chat=chat)
    (message,) = chat.got
    assert message.subject == "[trapline] docs: 2 pages failed"
    assert len(message.alert_ids) == 4


async def test_a_reminder_of_a_failure_nobody_was_told_of_is_the_failure(database: Database, dsn: str) -> None:
    """Failure and reminders, all late: one failed page, with the facts of the last run."""
    scene = Scene(database, dsn, remind=True)
    await scene.runs(True, False, False, False)
    chat = Receiver()
    await scene.drain(chat=chat)
    (message,) = chat.got
    assert message.kind == "failure"
    assert message.data["count"] == 1
    assert "Failing for: 3 runs in a row" in message.body


async def test_refused_content_is_told_of_and_blocks_its_page_no_longer(scene: Scene) -> None:
    """The failure can't be sent: operations hear of it, and the recovery goes out."""
    await scene.runs(True, False)
    chat = Receiver("refused")
    await scene.drain(chat=chat)
    await scene.runs(True)
    await scene.drain(chat=chat)
    assert chat.kinds == ["recovery"]
    assert await value(scene.database, "SELECT array_agg(status::text ORDER BY id) FROM trapline.alert") == [
        "muted",
        "refused",
        "muted",
        "sent",
        "muted",
    ]


async def test_two_notifiers_at_once_keep_the_order(scene: Scene, database: Database) -> None:
    """Both are nudged for every alert, and each publish hands over to the other: no recovery overtakes its failure."""
    await scene.runs(True)
    chat = Receiver(*("taken", "throttled", "unanswered") * 4)
    for good in (False, True) * 3:
        await scene.runs(good)
        await scene.pass_time()
        await asyncio.gather(scene.drain(chat=chat), scene.drain(chat=chat))
    for _ in range(6):
        await scene.pass_time()
        await asyncio.gather(scene.drain(chat=chat), scene.drain(chat=chat))
    assert await value(database, "SELECT count(*) FROM trapline.alert WHERE status = 'due'") == 0
    _in_order([chat])


async def test_an_alert_that_comes_while_a_channel_is_served_is_not_forgotten(scene: Scene) -> None:
    """A second notifier that finds the channel held goes home; the first one looks once more before it does."""
    await scene.runs(True, False)
    chat = Receiver()

    class Slow(Receiver):
        async def publish(self, message: AlertMessage) -> str:
            if not chat.got:
                await scene.runs(True)
                await scene.drain(chat=self)  # the nudge for the recovery
            return await chat.publish(message)

    await scene.drain(chat=Slow())
    assert chat.kinds == ["failure", "recovery"]


@pytest.mark.parametrize("seed", range(4))
async def test_any_history_with_any_trouble_ends_in_the_last_word_of_each_page(
    database: Database, dsn: str, seed: int
) -> None:
    """Pages fail, change and recover at random while two channels throttle, answer not, and notifiers stay away."""
    random = Random(seed)
    scene = Scene(database, dsn, pages=(ONE, TWO, "https://site.example/3"))
    fates = ("taken",) * 3 + ("throttled", "unanswered")
    chats = [Receiver(*(random.choice(fates) for _ in range(60))) for _ in range(2)]
    steps: list[Callable[[], Awaitable[None]]] = [
        lambda: scene.drain(one=chats[0], two=chats[1]),
        scene.pass_time,
    ]
    await scene.runs(True)
    for number in range(8):
        await scene.runs({page: random.choice((False, True, f"text {number}")) for page in scene.pages})
        for _ in range(random.randint(0, 3)):
            await random.choice(steps)()
    for chat in chats:
        chat.plan.clear()
    for _ in range(4):
        await scene.pass_time()
        await scene.drain(one=chats[0], two=chats[1])
    assert await value(database, "SELECT count(*) FROM trapline.delivery WHERE status = 'due'") == 0
    _in_order(chats)
    failing = {row["id"] for row in await database.connection.fetch("SELECT id FROM trapline.page WHERE alerted")}
    for chat in chats:
        assert _failing(chat) == failing


def _in_order(chats: Sequence[Receiver]) -> None:
    """Each alert arrives under one id, and of each page in the order of the alerts."""
    for chat in chats:
        first: dict[int, str] = {}
        newest: dict[int, int] = {}
        for message in chat.got:
            if all(first.get(alert) == message.id for alert in message.alert_ids):
                continue  # a repeat
            assert not first.keys() & set(message.alert_ids), "told before, under another id"
            first |= dict.fromkeys(message.alert_ids, message.id)
            for item in message.data["alerts"]:
                assert item["id"] > newest.get(item["page_id"], 0)
                newest[item["page_id"]] = item["id"]


def _failing(chat: Receiver) -> set[int]:
    """Return the pages that fail, as a person who reads the channel believes."""
    found: set[int] = set()
    for message in chat.got:
        pages = {item["page_id"] for item in message.data["alerts"]}
        found = found - pages if message.kind == "recovery" else found if message.kind == "change" else found | pages
    return found
