"""Somebody's own durable function waits for an end of ours: its callback's id is the token that we answer."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aws_durable_execution_sdk_python import CallbackError, DurableContext, durable_execution
from aws_durable_execution_sdk_python.lambda_service import ErrorObject

from support.adapters import MemoryWaiters
from support.crawler_stage import Stage
from support.durable_function import local_runner
from support.ledger import urls
from trapline_common.aws.durable_callbacks import PREFIX, CallbackWaiters
from trapline_common.platform.lambda_runtime import Deadline
from trapline_crawler.work.invocation import live

PAGES = urls(2)


@dataclass(slots=True)
class RunnersLambda:
    """Lambda's API for callbacks, in front of the local runner."""

    runner: Any
    """The runner."""
    heartbeats: int = field(default=0)
    """How many it got."""

    def send_durable_execution_callback_success(self, **given: Any) -> None:
        self.runner.send_callback_success(given["CallbackId"], given["Result"])

    def send_durable_execution_callback_failure(self, **given: Any) -> None:
        self.runner.send_callback_failure(given["CallbackId"], ErrorObject.from_dict(given["Error"]))

    def send_durable_execution_callback_heartbeat(self, **given: Any) -> None:
        self.heartbeats += 1
        self.runner.send_callback_heartbeat(given["CallbackId"])


@durable_execution
def waiting(event: Mapping[str, Any], context: DurableContext) -> dict[str, Any]:
    """Wait for a crawler's end, as a user's function would."""
    try:
        told = context.wait_for_callback(lambda _callback, _context: None, name="crawl")
    except CallbackError as error:
        return {"failed": error.message}
    return {"told": json.loads(str(told))}


async def _answered(stage: Stage) -> tuple[dict[str, Any], RunnersLambda]:
    """Let an invocation live for which a durable function waits; return what that heard, and the API in between."""
    await stage.open(PAGES)
    (message,) = await stage.asked()
    with local_runner(waiting) as runner:
        arn = await asyncio.to_thread(runner.run_async, input="{}")
        callback = await asyncio.to_thread(runner.wait_for_callback, arn)
        functions = RunnersLambda(runner)
        services = replace(stage.services(), waiters=CallbackWaiters(functions, others=MemoryWaiters()))
        asked = message.model_copy(update={"task_token": f"{PREFIX}{callback}"})
        living = live(services, asked, request_id="r", deadline=Deadline.after(60), stop=asyncio.Event())
        if stage.no_visitor is None:
            await living
        else:
            with pytest.raises(type(stage.no_visitor)):
                await living
        result = await asyncio.to_thread(runner.wait_for_result, arn, 20)
    assert result.status.value == "SUCCEEDED"
    return json.loads(str(result.result)), functions


async def test_the_function_goes_on_when_the_crawler_has_ended(stage: Stage) -> None:
    """Heartbeats while it works, then its status, once; a second answer finds nobody who waits."""
    said, functions = await _answered(stage)
    assert (said["told"]["status"], said["told"]["due"], functions.heartbeats) == ("succeeded", False, 1)
    assert await stage.rows("SELECT answered_at IS NOT NULL FROM trapline.invocation") == [(True,)]


async def test_the_function_hears_of_a_failure(stage: Stage) -> None:
    """An invocation that failed is a failed callback, with the reason."""
    stage.no_visitor = RuntimeError("no browser")
    said, _ = await _answered(stage)
    assert json.loads(said["failed"])["reason"] == "RuntimeError"
