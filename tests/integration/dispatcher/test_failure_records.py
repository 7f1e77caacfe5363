"""Records of the crawler's failure queue, in the shape that Lambda's on-failure destination documents."""

import asyncio
import json
import time
from typing import Any
from uuid import uuid4

import pytest

from support.dispatcher_stage import Stage
from support.failure_records import crashed, record, report
from support.ledger import make_old, make_ready
from trapline_common.domain.answers import FailuresRecorded
from trapline_common.domain.ids import InvocationId
from trapline_common.ledger import invocations, tasks
from trapline_common.ledger.rescue import BELIEVED_AFTER
from trapline_dispatcher.settings import Timeouts

FIRST = "SELECT status::text, reason, detail FROM trapline.invocation ORDER BY created_at LIMIT 1"


async def test_a_crash_fails_the_row_gives_its_tasks_back_and_asks_anew(stage: Stage) -> None:
    """The record's request id is the one stored at ``ready``: the row is ``failed`` with Lambda's words."""
    await stage.open("other")
    invocation_id = stage.invoker.ids[0]
    held = await make_ready(stage.database, InvocationId(invocation_id), request_id="the-one")
    (task,) = await tasks.lease_share(stage.database, held, share=1, another=False)
    await tasks.start(stage.database, task.lease)
    await make_old(stage.database, "invocation", "heartbeat_at", BELIEVED_AFTER)
    done = await report(stage, record(invocation_id, request_id="the-one", **crashed()))
    assert done == FailuresRecorded(failed=1, ended=0)
    assert await stage.rows(FIRST) == [("failed", "RetriesExhausted", "Task timed out after 900.00 seconds")]
    assert await stage.rows("SELECT status::text, rescues FROM trapline.task") == [("created", 1)]
    assert len(stage.invoker.asked) == 2


async def test_a_duplicates_record_leaves_its_running_twin_alone(stage: Stage) -> None:
    """The event was delivered twice and one delivery failed: the other, which works, keeps its tasks."""
    await stage.open("other")
    held = await make_ready(stage.database, InvocationId(stage.invoker.ids[0]), request_id="the-twin")
    await tasks.lease_share(stage.database, held, share=1, another=False)
    assert (await report(stage, record(stage.invoker.ids[0], request_id="another", **crashed()))).failed == 0
    assert await stage.invocations() == ["running"]
    assert await stage.rows("SELECT status::text FROM trapline.task") == [("leased",)]


async def test_a_crash_right_after_a_heartbeat_is_believed_when_no_other_came(stage: Stage) -> None:
    """The record waits for the next sign of life, no longer than one may be on its way, and then does its work."""
    await stage.open("other")
    stage.timeouts = Timeouts(believed_after=0.7)
    held = await make_ready(stage.database, InvocationId(stage.invoker.ids[0]), request_id="the-one")
    began = time.monotonic()
    assert (await report(stage, record(held.invocation_id, request_id="the-one", **crashed()))).failed == 1
    assert 0.6 < time.monotonic() - began < 5
    assert await stage.invocations() == ["failed", "pending"]


async def test_a_record_of_an_event_that_came_twice_under_one_id_spares_the_one_that_lives(stage: Stage) -> None:
    """Lambda repeats an event under its request id, and the repeat dies: the next heartbeat tells who lives."""
    await stage.open("other")
    stage.timeouts = Timeouts(believed_after=20.0)
    held = await make_ready(stage.database, InvocationId(stage.invoker.ids[0]), request_id="the-one")
    (task,) = await tasks.lease_share(stage.database, held, share=1, another=False)
    reporting = asyncio.create_task(report(stage, record(held.invocation_id, request_id="the-one", **crashed())))
    await asyncio.sleep(0.3)
    await invocations.heartbeat(stage.database, held)
    assert (await asyncio.wait_for(reporting, 10)).failed == 0
    assert await stage.invocations() == ["running"]
    await tasks.start(stage.database, task.lease)  # and its lease is still its own


async def test_an_event_too_old_fails_the_pending_row(stage: Stage) -> None:
    """Lambda gave the event up after 300 s in its queue: the row fails without a wait for ``pending_ttl``."""
    await stage.open("other")
    expired = record(stage.invoker.ids[0], request_id="never-ran", condition="EventAgeExceeded")
    assert (await report(stage, expired)).failed == 1
    assert await stage.rows(FIRST) == [("failed", "EventAgeExceeded", None)]
    assert len(set(stage.invoker.ids)) == 2


async def test_a_record_delivered_twice_does_its_work_once(stage: Stage) -> None:
    """SQS delivers at least once: the second time the row has ended, and the dispatcher asks for no invocation more."""
    await stage.open("other")
    expired = record(stage.invoker.ids[0], request_id="never-ran", condition="EventAgeExceeded")
    assert (await report(stage, expired, expired)).failed == 1
    assert (await report(stage, expired)).failed == 0
    assert len(stage.invoker.asked) == 2


@pytest.mark.parametrize(
    "malformed",
    [
        {"body": "not JSON"},
        {"body": "{}"},
        {"body": "[1]"},
        {"body": None},
        {},
        "a string",
        {"body": json.dumps({"requestContext": {"requestId": "r", "condition": "c"}, "requestPayload": {"type": "x"}})},
    ],
    ids=str,
)
async def test_a_malformed_record_is_dropped_and_the_others_are_taken(stage: Stage, malformed: Any) -> None:
    """It is logged and dropped, for it would only come again; the good record beside it counts."""
    await stage.open("other")
    good = record(stage.invoker.ids[0], request_id="r", condition="EventAgeExceeded")
    assert (await report(stage, malformed, good)).failed == 1


async def test_a_record_of_an_unknown_invocation_does_nothing(stage: Stage) -> None:
    """One of another ledger, or long gone: no error, nothing asked for."""
    assert await report(stage, record(uuid4(), request_id="r")) == FailuresRecorded(failed=0, ended=0)


async def test_a_hostile_error_message_is_kept_short_and_storable(stage: Stage) -> None:
    """The function's error may hold a page's text: NUL and length do not break the record."""
    await stage.open("other")
    error = crashed("x\x00y" + "z" * 5000)
    assert (await report(stage, record(stage.invoker.ids[0], request_id="r", **error))).failed == 1
    ((reason, detail),) = await stage.rows("SELECT reason, detail FROM trapline.invocation ORDER BY created_at LIMIT 1")
    assert (reason, len(detail)) == ("RetriesExhausted", 1000)


async def test_the_last_failure_of_a_run_ends_it_at_once(stage: Stage) -> None:
    """The third invocation that died with a page: its record fails the page, ends the run and wakes the notifier."""
    await stage.open("other")
    held = await make_ready(stage.database, InvocationId(stage.invoker.ids[0]), request_id="r")
    await stage.rows("UPDATE trapline.task SET rescues = 2")
    (task,) = await tasks.lease_share(stage.database, held, share=1, another=False)
    await tasks.start(stage.database, task.lease)
    await make_old(stage.database, "invocation", "heartbeat_at", BELIEVED_AFTER)
    assert await report(stage, record(held.invocation_id, request_id="r", **crashed())) == FailuresRecorded(
        failed=1, ended=1
    )
    assert stage.nudger.to("notifier") == [{"v": 1, "type": "drain"}]
    assert await stage.runs() == [("other", "ended", "completed")]
