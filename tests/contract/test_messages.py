"""The wire between services: what was ever sent is still read, and what is sent is what was agreed.

The golden files are the contract. A release may add a file, or an optional key; it never edits one that was released.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from trapline_common.domain.errors import MessageRefusedError
from trapline_common.domain.ids import RunId
from trapline_common.domain.lifecycle import RunOutcome
from trapline_common.domain.messages import (
    VERSION,
    Asleep,
    Await,
    Check,
    Count,
    Crawl,
    Deliver,
    Drain,
    Enqueue,
    ListChannels,
    Lost,
    Message,
    Next,
    OpenRun,
    Reap,
    Tick,
    VisitPage,
    WaveEnded,
    WaveItem,
    parse_crawl,
    parse_crawler,
    parse_dispatcher,
    parse_drain,
    parse_relay,
)
from trapline_common.domain.run_ended import RunEnded
from trapline_common.domain.via import Via

GOLDEN = Path(__file__).parent / "golden"
ID = UUID("5b1f3f0e-6c1d-4f7e-9d61-2f4f5c7b8a90")
WAVE = UUID("0f6a1f9c-2f0e-4a43-8a51-8c0a6f7d2b11")
TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAb"
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:prod-run:nightly"
PARSERS: dict[str, Callable[[object], Message]] = {
    "crawl": parse_crawl,
    "crawl-delivered": parse_crawl,
    "crawl-queued": parse_crawl,
    "check": parse_crawler,
    "drain": parse_drain,
    "list-channels": parse_relay,
    "deliver": parse_relay,
}

MESSAGES: dict[str, Message] = {
    "tick": Tick(crawl="pricing", scheduled_for=datetime(2026, 3, 1, 8, tzinfo=UTC)),
    "open": OpenRun(crawl="pricing", request=ID),
    "open-retry": OpenRun(crawl="pricing", request=ID, retry_of=41),
    "open-by": OpenRun(crawl="pricing", request=ID, acted_by="arn:aws:iam::123456789012:user/ann"),
    "visit": VisitPage(page_id=12, request=ID, acted_by="arn:aws:iam::123456789012:user/ann"),
    "enqueue": Enqueue(run_id=41, urls=("https://example.com/a", "https://example.com/b")),
    "count": Count(lane="polite", hop=3),
    "count-all": Count(),
    "reap": Reap(),
    "reap-asleep": Reap(
        asleep=Asleep(
            until=datetime(2026, 3, 2, 8, tzinfo=UTC),
            since=datetime(2026, 3, 1, 7, 12, 30, tzinfo=UTC),
            crawls="0bb2f7d7c9d31ebd1b8bb1ba0d1d5e4fb0ae30a3b8d6a4dd3fbf0f4d3e7ae915",
        )
    ),
    "crawl": Crawl(invocation_id=ID, lane="default"),
    "tick-awaited": Tick(
        crawl="pricing", scheduled_for=datetime(2026, 3, 1, 8, tzinfo=UTC), task_token=TOKEN, execution=EXECUTION
    ),
    "open-awaited": OpenRun(crawl="pricing", request=ID, task_token=TOKEN, execution=EXECUTION),
    "await": Await(run_id=41, task_token=TOKEN),
    "await-request": Await(request=ID, task_token=TOKEN),
    "crawl-delivered": Crawl(invocation_id=ID, lane="bulk", delivery="child-7"),
    "crawl-queued": Crawl(invocation_id=ID, lane="bulk", task_token=TOKEN, delivery="child-7"),
    "lost": Lost(
        invocation_id=ID,
        error="Runtime.ExitError",
        cause='{"errorMessage": "RequestId: 8f507cfc-8bd0-4d6b-9d0c-2d5bd3e1c3f0 Error: Runtime exited"}',
        delivery="child-7",
    ),
    "wave-ended": WaveEnded(wave=WAVE, status="ABORTED"),
    "check": Check(),
    "next": Next(lane="bulk", wave=WAVE, delivery="child-7"),
    "drain": Drain(),
    "list-channels": ListChannels(),
    "deliver": Deliver(
        channel="team",
        id="5f2d1c",
        subject="[trapline] pricing: 1 page failed",
        text="🔴 **pricing: 1 page failed**",
    ),
}


def golden(version: int, name: str) -> dict[str, Any]:
    """Return one golden message."""
    found: dict[str, Any] = json.loads((GOLDEN / f"v{version}" / f"{name}.json").read_text())
    return found


def golden_of(name: str) -> dict[str, Any]:
    """Return what is read outside our services."""
    found: dict[str, Any] = json.loads((GOLDEN / "orchestration" / f"{name}.json").read_text())
    return found


def parse(name: str, event: object) -> Message:
    """Read ``event`` with the consumer of the message ``name``."""
    return PARSERS.get(name, parse_dispatcher)(event)


def test_every_message_has_its_golden_files() -> None:
    """A message without a golden file, of this version and the one before, is under no contract."""
    for version in (VERSION - 1, VERSION):
        assert {file.stem for file in (GOLDEN / f"v{version}").glob("*.json")} == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_what_is_sent_is_what_was_agreed(name: str) -> None:
    """The bytes of a message are those of its golden file: key by key, nothing more, nothing less."""
    assert json.loads(json.dumps(MESSAGES[name].event())) == golden(VERSION, name)


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("version", [VERSION - 1, VERSION])
def test_this_version_and_the_one_before_are_read(name: str, version: int) -> None:
    """Services deploy one at a time, in any order: both versions mean the same."""
    assert parse(name, golden(version, name)).model_copy(update={"v": VERSION}) == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
def test_keys_of_a_newer_sender_are_ignored(name: str) -> None:
    """A sender of the next release may add keys within a version."""
    assert parse(name, golden(VERSION, name) | {"from_the_future": {"deep": [1]}}) == MESSAGES[name]


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("version", [VERSION + 1, VERSION - 2, "1", None, 1.5])
def test_any_other_version_is_refused_by_name(name: str, version: object) -> None:
    """Two releases ahead or behind, or no version at all that we know: refused, naming ``v``."""
    with pytest.raises(MessageRefusedError, match=r"(^|\.)v: "):
        parse(name, golden(VERSION, name) | {"v": version})


@pytest.mark.parametrize("name", MESSAGES)
def test_what_may_be_left_out_is(name: str) -> None:
    """Only the keys that have no default are needed; a schedule's own JSON holds no more."""
    wanted = MESSAGES[name].model_dump(mode="json", exclude_defaults=True) | {"type": MESSAGES[name].event()["type"]}
    assert parse(name, wanted) == MESSAGES[name]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("tick", "crawl"),
        ("tick", "scheduled_for"),
        ("open", "crawl"),
        ("open", "request"),
        ("enqueue", "run_id"),
        ("enqueue", "urls"),
        ("crawl", "invocation_id"),
        ("crawl", "lane"),
        ("await", "task_token"),
        ("lost", "invocation_id"),
        ("wave-ended", "wave"),
        ("visit", "page_id"),
        ("visit", "request"),
        ("next", "lane"),
        ("next", "wave"),
        ("next", "delivery"),
    ],
)
def test_what_is_missing_is_named(name: str, key: str) -> None:
    """The refusal names the field."""
    event = golden(VERSION, name)
    del event[key]
    with pytest.raises(MessageRefusedError, match=rf"{key}: Field required"):
        parse(name, event)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("tick", {"scheduled_for": "<aws.scheduler.scheduled-time>"}),
        ("tick", {"scheduled_for": "2026-03-01T08:00:00"}),
        ("open", {"request": "not a uuid"}),
        ("open", {"retry_of": 0}),
        ("visit", {"page_id": 0}),
        ("visit", {"acted_by": "a" * 301}),
        ("enqueue", {"run_id": 2**63}),
        ("enqueue", {"run_id": "many"}),
        ("enqueue", {"urls": []}),
        ("enqueue", {"urls": ["https://example.com/"] * 10_001}),
        ("count", {"hop": -1}),
        ("crawl", {"hop": 2**31}),
        ("crawl", {"invocation_id": 7}),
        ("crawl-queued", {"task_token": "t" * 2049}),
        ("open-awaited", {"task_token": ""}),
        ("await", {"run_id": 0}),
        ("lost", {"delivery": "d" * 81}),
        ("wave-ended", {"wave": "not a uuid"}),
    ],
)
def test_what_the_ledger_could_not_hold_is_refused(name: str, change: dict[str, object]) -> None:
    """A time without its zone, a number beyond the column, an empty list: refused here, not by Postgres."""
    (key,) = change
    with pytest.raises(MessageRefusedError, match=rf"{key}"):
        parse(name, golden(VERSION, name) | change)


@pytest.mark.parametrize("event", [None, [], "drain", 7, {"type": None}, {"type": "unknown"}, {"type": ["drain"]}])
@pytest.mark.parametrize("parser", [parse_dispatcher, parse_crawl, parse_drain])
def test_what_is_no_message_is_refused(parser: Callable[[object], Message], event: object) -> None:
    """Any other JSON is refused with a reason; the platform would only deliver it again."""
    with pytest.raises(MessageRefusedError):
        parser(event)


@pytest.mark.parametrize("name", ["crawl", "crawl-delivered", "check"])
@pytest.mark.parametrize("version", [VERSION - 1, VERSION])
def test_the_crawler_reads_both_of_its_messages(name: str, version: int) -> None:
    """The function takes crawls and checks; what a durable one takes is crawls alone."""
    assert parse_crawler(golden(version, name)).model_copy(update={"v": VERSION}) == MESSAGES[name]


def test_an_empty_event_drains_and_does_nothing_else() -> None:
    """A drain needs no key; the other two parsers refuse an empty event."""
    assert parse_drain({}) == Drain()
    for parser in (parse_dispatcher, parse_crawl):
        with pytest.raises(MessageRefusedError):
            parser({})


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_for_another_service_is_refused(name: str) -> None:
    """A consumer reads its own messages only."""
    mine = PARSERS.get(name, parse_dispatcher)
    for parser in (parse_dispatcher, parse_crawl, parse_drain):
        if parser is not mine:
            with pytest.raises(MessageRefusedError):
                parser(golden(VERSION, name))


def test_who_waits_names_one_run() -> None:
    """By its number or by its request; neither, and both, are refused."""
    for run in ({}, {"run_id": 41, "request": str(ID)}):
        with pytest.raises(MessageRefusedError, match="either `run_id` or `request`"):
            parse_dispatcher({"type": "await", "task_token": TOKEN, **run})


def test_a_task_token_is_in_no_log() -> None:
    """A token is the right to answer: what prints a message shows none."""
    for name in ("tick-awaited", "open-awaited", "await", "crawl-queued"):
        assert TOKEN in str(golden(VERSION, name))
        assert TOKEN not in repr(MESSAGES[name])


def test_what_an_execution_reads_is_what_was_agreed() -> None:
    """A line of a wave's object: its keys are those that the state machine's file names, and the crawler reads it."""
    found = golden_of("wave-item")
    assert WaveItem(invocation_id=ID, lane="bulk", via=Via.MAP, wave=WAVE).event() == found
    assert parse_crawl(found) == Crawl(invocation_id=ID, lane="bulk")


def test_what_the_world_hears_of_an_end_is_what_was_agreed() -> None:
    """The detail of ``Run ended``, and the output of a task token: people's rules and machines read these keys."""
    ended = RunEnded(
        run_id=RunId(41),
        crawl="pricing",
        outcome=RunOutcome.COMPLETED,
        done=10,
        failed=1,
        changes=2,
        seconds=12.5,
        archive="pricing/2026-03-01/41.ndjson.gz",
    )
    assert ended.body() == golden_of("run-ended")
    assert (
        RunEnded(run_id=RunId(1), crawl="a", outcome=RunOutcome.SKIPPED, done=0, failed=0, seconds=0.0).percent == 0.0
    )
