"""One request is one run: the same id for something else is refused, and tells of no run that is not the sender's."""

import uuid

import pytest

from support.dispatcher_stage import Stage
from support.ledger import value
from trapline_common.domain.answers import Opened, Refused
from trapline_common.domain.messages import OpenRun

FAIL_ALL = (
    "SET session_replication_role = replica; "
    "UPDATE trapline.task SET status = 'failed', ended_at = now(), reason = 'timeout'; "
    "UPDATE trapline.run SET status = 'ended', outcome = 'completed', ended_at = now(); "
    "RESET session_replication_role"
)


async def test_a_request_used_for_another_crawl_is_refused(stage: Stage) -> None:
    """The id that opened a run of one crawl opens none of another; repeated as it was, it finds its run."""
    request = uuid.uuid4()
    opened = await stage.handle(OpenRun(crawl="docs", request=request))
    assert isinstance(opened, Opened)
    refused = await stage.handle(OpenRun(crawl="other", request=request))
    assert isinstance(refused, Refused)
    assert str(request) in refused.reason
    assert "'other'" in refused.reason
    again = await stage.handle(OpenRun(crawl="docs", request=request))
    assert isinstance(again, Opened)
    assert (again.run_id, again.repeated) == (opened.run_id, True)
    assert await value(stage.database, "SELECT count(*) FROM trapline.run") == 1


@pytest.mark.parametrize("first", ["all pages", "the failed ones"])
async def test_a_request_used_for_other_tasks_is_refused(stage: Stage, first: str) -> None:
    """A run of all pages is no retry of an earlier one, nor the other way round, nor a retry of another run."""
    source = await stage.handle(OpenRun(crawl="docs", request=uuid.uuid4()))
    assert isinstance(source, Opened)
    await stage.database.connection.execute(FAIL_ALL)
    request = uuid.uuid4()
    messages = [
        OpenRun(crawl="docs", request=request),
        OpenRun(crawl="docs", request=request, retry_of=source.run_id),
    ]
    if first == "the failed ones":
        messages.reverse()
    assert isinstance(await stage.handle(messages[0]), Opened)
    refused = await stage.handle(messages[1])
    assert isinstance(refused, Refused)
    assert "send a new id" in refused.reason
    assert await value(stage.database, "SELECT count(*) FROM trapline.run") == 2


async def test_a_refused_request_changes_no_lane(stage: Stage) -> None:
    """What is refused leaves the ledger as it was: the other crawl's lane keeps the limits that it has."""
    request = uuid.uuid4()
    await stage.handle(OpenRun(crawl="docs", request=request))
    await stage.database.connection.execute("UPDATE trapline.lane SET max_invocations = 77")
    assert isinstance(await stage.handle(OpenRun(crawl="other", request=request)), Refused)
    assert await value(stage.database, "SELECT max_invocations FROM trapline.lane") == 77
