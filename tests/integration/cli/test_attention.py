"""``status --check`` is a monitor to trust: red while there is a cause, and green when it is gone."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support.ledger import open_run
from trapline_common.config.models import CrawlConfig, LaneConfig
from trapline_common.ledger import known_crawls, runs, schedules, serving
from trapline_common.ledger.connection import Database
from trapline_common.ledger.outbox import PostgresOutbox
from trapline_common.ledger.views.health import problems
from trapline_common.ledger.views.status import read_status

from .conftest import Stage, Trapline, environment, execute

HOURLY = CrawlConfig(name="shop", urls=("https://a.example/",), schedule="rate(1 hour)")


async def wrong(database: Database) -> str:
    """Return what needs attention."""
    return "\n".join(problems(await read_status(database, failing=10)))


async def older(database: Database, hours: float) -> None:
    """Let everything have happened some hours earlier."""
    for column in ("run.opened_at", "run.ended_at", "run.created_at", "known_crawl.known_at", "known_crawl.changed_at"):
        table, name = column.split(".")
        await database.connection.execute(
            f"UPDATE trapline.{table} SET {name} = {name} - make_interval(secs => {hours * 3600})"
        )


async def finished(database: Database, crawl: CrawlConfig) -> None:
    """Open a run of a crawl, and end it."""
    run = await open_run(database, ["https://a.example/"], crawl=crawl)
    await runs.cancel(database, run)


async def test_a_scheduled_crawl_that_does_not_run_is_red(database: Database) -> None:
    """Overdue, by its newest run or since it is known; not while one is open, off, at another schedule, or gone."""
    await known_crawls.take(database, [HOURLY], source="a.yaml")
    assert await wrong(database) == ""
    await older(database, 2)
    assert "crawl shop is overdue" in await wrong(database), "it never ran"
    await finished(database, HOURLY)
    assert await wrong(database) == ""
    await older(database, 1.2)
    assert await wrong(database) == "", "it may be late by a quarter of its interval"
    await older(database, 0.2)
    assert "crawl shop is overdue" in await wrong(database)
    under_way = await open_run(database, ["https://a.example/"], crawl=HOURLY)
    await older(database, 3)
    assert "overdue" not in await wrong(database)
    await runs.cancel(database, under_way)
    assert "overdue" in await wrong(database)
    for change in (
        HOURLY.model_copy(update={"enabled": False}),
        HOURLY.model_copy(update={"schedule": None}),
        HOURLY.model_copy(update={"schedule": "cron(0 8 1 1 ? 2099)"}),
    ):
        await known_crawls.take(database, [change], source="a.yaml")
        assert await wrong(database) == ""
    await known_crawls.take(database, [HOURLY], source="a.yaml")
    assert await wrong(database) == "", "its schedule is this one since now"
    await older(database, 3)
    await known_crawls.take(database, [], source="b.yaml")
    assert "overdue" in await wrong(database), "another file's crawls say nothing of this one's"
    await known_crawls.take(database, [], source="a.yaml")
    assert await wrong(database) == ""


async def test_a_server_that_is_silent_or_refuses_its_file_is_red(database: Database) -> None:
    """Killed, it is silent; a broken file is told in its own words. Ended in order, or well again, it is green."""
    assert await wrong(database) == ""
    await serving.begin(database, file="/etc/crawls.yaml", place="attic:boot:17:99")
    assert await wrong(database) == ""
    await serving.note_refused(database, "crawls.yaml:3: crawls.docs.url: unknown key\ncrawls.yaml:9: lanes: no")
    assert "crawls.yaml:3: crawls.docs.url: unknown key (and 1 further line); it is refused" in await wrong(database)
    await serving.note_refused(database, None)
    assert await wrong(database) == ""
    await database.connection.execute("UPDATE trapline.serving SET seen_at = now() - interval '10 minutes'")
    assert "`trapline serve` (attic, process 17) has not been heard of for 10m" in await wrong(database)
    await serving.seen(database)
    assert await wrong(database) == ""
    await serving.stopped(database)
    await database.connection.execute("UPDATE trapline.serving SET seen_at = now() - interval '10 minutes'")
    assert await wrong(database) == ""


async def test_missed_ticks_are_counted_for_a_day(database: Database, trapline: Trapline) -> None:
    """A status has them by crawl, and shows them beside the crawl's last run; the runs say `missed`."""
    await finished(database, HOURLY)
    ticks = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(3)]
    for _ in range(2):
        await schedules.skip(database, HOURLY, LaneConfig(), ticks, reason=schedules.MISSED)
    found = await read_status(database, failing=10)
    assert [(missed.crawl, missed.ticks, missed.last) for missed in found.missed] == [("shop", 3, ticks[-1])]
    assert "3 ticks missed in the last 24 h" in (await trapline("status")).out
    listed = (await trapline("runs", "--crawl", "shop", "--json")).json["runs"]
    assert [run["reason"] for run in listed[:3]] == ["missed"] * 3
    await older(database, 25)
    assert (await read_status(database, failing=10)).missed == ()


async def test_a_crawl_that_is_gone_needs_no_attention(trapline: Trapline, stage: Stage, database: Database) -> None:
    """Its failing pages are red until it is taken out of the file, switched off, or forgotten; a run brings it back."""
    shop = CrawlConfig(name="shop", urls=("https://a.example/",))
    await database.connection.execute("DELETE FROM trapline.alert")
    await database.connection.execute("UPDATE trapline.invocation SET reason = 'Stopped' WHERE status = 'failed'")
    red = await wrong(database)
    assert "fail" in red
    await known_crawls.take(database, [shop], source="a.yaml")
    assert await wrong(database) == red
    for gone in ([], [shop.model_copy(update={"name": "renamed"})], [shop.model_copy(update={"enabled": False})]):
        await known_crawls.take(database, gone, source="a.yaml")
        assert "fail" not in await wrong(database)
        await known_crawls.take(database, [shop], source="a.yaml")
        assert await wrong(database) == red
    refused = await trapline("forget", "shop", "shpo")
    assert (refused.code, refused.err) == (2, "no crawl shpo; did you mean shop?\n")
    assert await wrong(database) == red, "nothing is forgotten where one name is wrong"
    assert (await trapline("forget", "shop", "--json")).json == {"forgotten": ["shop"]}
    assert "fail" not in await wrong(database)


async def test_what_ended_badly_is_over_with_the_next_success(database: Database) -> None:
    """An invocation that failed is red until one of its lane succeeds; what a person stopped never is."""
    write = (
        "INSERT INTO trapline.invocation (lane, slot, owner, status, ended_at, reason) "
        "VALUES ('default', 1, gen_random_uuid(), $1::trapline.invocation_status, now() - $2 * interval '1 s', $3)"
    )
    await open_run(database, ["https://a.example/"])
    await database.connection.execute("SET session_replication_role = replica")  # past the guard of first statuses
    before = await wrong(database)
    await database.connection.execute(write, "failed", 30.0, "Stopped")
    assert await wrong(database) == before
    await database.connection.execute(write, "failed", 20.0, "killed by SIGKILL")
    assert "ended badly" in await wrong(database)
    await database.connection.execute(write, "succeeded", 10.0, None)
    assert await wrong(database) == before


async def test_an_alert_that_was_refused_is_over_when_a_later_one_arrives(database: Database) -> None:
    """A channel that refused an alert for good is red until it takes one, or for a day."""
    alert = "INSERT INTO trapline.alert (kind, crawl, payload) VALUES ('change', 'shop', '{}') RETURNING id"
    delivery = (
        "INSERT INTO trapline.delivery (alert_id, channel, thread, status, ended_at) "
        "VALUES ($1, 'chat', 'x', $2::trapline.delivery_status, now())"
    )
    for status, red in (("refused", True), ("sent", False), ("refused", True)):
        number = await database.connection.fetchval(alert)
        await database.connection.execute("UPDATE trapline.alert SET status = 'sent', sent_at = now()")
        await database.connection.execute(delivery, number, status)
        assert ("refused" in await wrong(database)) is red
    await database.connection.execute("UPDATE trapline.delivery SET ended_at = now() - interval '25 hours'")
    assert await wrong(database) == ""


async def test_a_channel_that_takes_nothing_is_red_until_it_takes_a_message(database: Database) -> None:
    """A hiccup is not; three messages in a row are, or three minutes. So is an alert that nobody sends."""
    number = await database.connection.fetchval(
        "INSERT INTO trapline.alert (kind, crawl, payload) VALUES ('change', 'shop', '{}') RETURNING id"
    )
    await database.connection.execute("UPDATE trapline.alert SET created_at = now() - interval '4 minutes'")
    assert "1 alert waits, the oldest for 4m" in await wrong(database)
    await database.connection.execute("UPDATE trapline.alert SET created_at = now()")
    outbox = PostgresOutbox(database)
    await outbox.spread(["chat"], everything=["chat"], closed=True, hold_seconds=60.0)
    for _ in range(2):
        await outbox.back_off("chat", "HTTP 503", 0.0)
        assert await wrong(database) == ""
    red = "channel chat takes no message: HTTP 503; 1 alert waits for it"
    await outbox.back_off("chat", "HTTP 503", 0.0)
    assert red in await wrong(database)
    await database.connection.execute(
        "UPDATE trapline.channel SET failures = 1, failing_since = now() - interval '4 minutes'"
    )
    assert red in await wrong(database)
    await outbox.mark_sent("chat", [number], "receipt")
    assert await wrong(database) == ""


@pytest.mark.parametrize("options", [(), ("--json",)])
async def test_without_a_ledger_the_check_is_red(options: tuple[str, ...], tmp_path: Path) -> None:
    """A monitor that looks at the wrong folder must not be green; the status by itself is done."""
    check, plain = await asyncio.gather(
        *(execute("status", *more, *options, cwd=tmp_path, env=environment()) for more in (("--check",), ()))
    )
    assert (check.code, plain.code) == (1, 0)
