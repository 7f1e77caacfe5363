"""One message for one cause: what fails alike in a run joins the first message of a host, and is told as a sum."""

from collections.abc import Sequence

import pytest

from support.alerts import Clock
from support.ledger import open_run
from trapline_common.config.models import CrawlConfig
from trapline_common.domain.ids import AlertId, RunId
from trapline_common.ledger import runs
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox, any_due
from trapline_common.platform.lambda_runtime import Deadline
from trapline_notifier.drain import OutboxDrain
from trapline_notifier.message import AlertMessage
from trapline_notifier.pace import Pacer
from trapline_notifier.ports import Channel
from trapline_notifier.publishers.console import LogOperations

CHAT = "chat"
DOCS, OTHER = (CrawlConfig(name=name, urls=("https://a.example/",)) for name in ("docs", "other"))


class Chat:
    """A channel that keeps what it took."""

    def __init__(self) -> None:
        self.messages: list[AlertMessage] = []

    async def publish(self, message: AlertMessage) -> str:
        self.messages.append(message)
        return message.id

    @property
    def told(self) -> list[tuple[str, int]]:
        """Each message's kind, and how many alerts it told."""
        return [(message.kind, len(message.alert_ids)) for message in self.messages]


class Scene:
    """One run, and a notifier with one channel."""

    def __init__(self, database: Database, run: RunId) -> None:
        self.database, self.run, self.chat, self.pages = database, run, Chat(), 0

    async def alert(
        self, *hosts: str, kind: str = "failure", reason: str | None = "connect", pages: Sequence[int] = ()
    ) -> list[AlertId]:
        """Write an alert for a page of each host, or about ``pages``, each in a transaction of its own."""
        write = (
            "INSERT INTO trapline.alert (kind, crawl, run_id, page_id, payload) VALUES ($1, 'docs', $2, $3, "
            "jsonb_build_object('url', $4::text, 'reason', $5::text)) RETURNING id"
        )
        found = []
        for number, host in enumerate(hosts):
            self.pages += 1
            page = pages[number] if pages else self.pages
            url = f"https://{host}/{page}"
            found.append(await self.database.connection.fetchval(write, kind, self.run, page, url, reason))
        return [AlertId(each) for each in found]

    async def drain(self) -> None:
        clock = Clock()
        await OutboxDrain(
            outbox=PostgresOutbox(self.database),
            channels=[Channel(name=CHAT, publisher=self.chat)],
            operations=LogOperations(),
            pacer=Pacer(sleep=clock.sleep, interval=0),
            deadline=Deadline.after(900.0, clock=clock),
        ).run()

    async def end(self) -> None:
        assert await runs.cancel(self.database, self.run) is not None


@pytest.fixture
async def scene(database: Database) -> Scene:
    return Scene(database, await open_run(database, ["https://a.example/"], crawl=DOCS))


async def test_three_hundred_pages_of_one_host_are_two_messages(scene: Scene) -> None:
    """The first failure is told at once; all others join it and are one sum, when the run has ended."""
    await scene.alert("a.example")
    await scene.drain()
    assert scene.chat.told == [("failure", 1)], "at once"
    for _ in range(10):
        await scene.alert(*["a.example"] * 29)
        await scene.alert("a.example", reason="connect")
        await scene.drain()
    assert scene.chat.told == [("failure", 1)]
    assert not await any_due(scene.database), "nothing is to be done before the run has ended"
    await scene.end()
    assert await any_due(scene.database)
    await scene.drain()
    assert scene.chat.told == [("failure", 1), ("failure", 300)]
    assert "300 more pages failed" in scene.chat.messages[1].subject
    assert len(scene.chat.messages[1].body.splitlines()) < 40, "what says the same is a line each"
    assert not await any_due(scene.database)


async def test_hosts_that_fail_together_are_one_cause(scene: Scene) -> None:
    """Many hosts fail for one reason: the crawl is the cause, so their failures join; a lone second host is told."""
    await scene.alert("a.example")
    await scene.drain()
    await scene.alert(*(f"h{number}.example" for number in range(50)))
    await scene.drain()
    assert scene.chat.told == [("failure", 1)]
    await scene.alert("late.example")
    await scene.drain()
    assert scene.chat.told == [("failure", 1)]
    await scene.end()
    await scene.drain()
    assert scene.chat.told == [("failure", 1), ("failure", 51)]


async def test_each_cause_is_told_at_once(scene: Scene) -> None:
    """Another reason, another kind, a second host and another run are causes of their own; changes always are."""
    for wanted, arguments in (
        (("failure", 1), {"reason": "connect"}),
        (("failure", 1), {"reason": "tls"}),
        (("expectation", 1), {"kind": "expectation", "reason": "expectation"}),
        (("recovery", 1), {"kind": "recovery", "reason": None}),
        (("change", 1), {"kind": "change", "reason": None}),
        (("change", 1), {"kind": "change", "reason": None}),
    ):
        await scene.alert("a.example", **arguments)  # type: ignore[arg-type]
        await scene.drain()
        assert scene.chat.told[-1] == wanted
    before = len(scene.chat.messages)
    await scene.alert("b.example")
    await scene.drain()
    assert len(scene.chat.messages) == before + 1
    scene.run = await open_run(scene.database, ["https://a.example/"], crawl=OTHER)
    await scene.alert("a.example")
    await scene.drain()
    assert len(scene.chat.messages) == before + 2


async def test_after_fifteen_minutes_the_sum_does_not_wait_for_the_end(scene: Scene) -> None:
    """A run of many hours tells what joined every 15 minutes."""
    await scene.alert("a.example")
    await scene.drain()
    for told in (3, 2):
        await scene.alert(*["a.example"] * told)
        await scene.drain()
        await scene.database.connection.execute(
            "UPDATE trapline.told_cause SET told_at = now() - interval '16 minutes'"
        )
        assert await any_due(scene.database)
        await scene.drain()
        assert scene.chat.told[-1] == ("failure", told)


async def test_what_is_told_of_a_page_takes_along_what_waits(scene: Scene) -> None:
    """A page whose failure joined is good again: both are told, in order and as one, and never the recovery alone."""
    await scene.alert("a.example")
    await scene.drain()
    await scene.alert("a.example", pages=[77])
    await scene.drain()
    await scene.alert("a.example", kind="recovery", reason=None, pages=[77])
    await scene.drain()
    assert scene.chat.told == [("failure", 1), ("recovery", 2)]
    assert "failed and is good again" in scene.chat.messages[1].subject
