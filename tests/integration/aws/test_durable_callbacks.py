"""Answers to callbacks of durable functions, against Lambda's API as it answers over HTTP."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import boto3
import pytest
from botocore.config import Config

from support.adapters import MemoryWaiters
from support.raw_http import listening, read_request, response
from trapline_common.aws.durable_callbacks import PREFIX, CallbackWaiters
from trapline_common.domain.errors import TransientError


class Callbacks:
    """The endpoint: what it was asked, and what it answers next."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.errors: list[str] = []

    async def answer(self, reader: Any, writer: Any) -> None:
        request = await read_request(reader)
        self.asked.append((request.path, json.loads(request.body) if request.body else None))
        error = self.errors.pop(0) if self.errors else ""
        status = HTTPStatus.BAD_REQUEST if error else HTTPStatus.OK
        writer.write(response(status, b"{}", {"x-amzn-ErrorType": error} if error else {}))
        writer.close()


@pytest.fixture
async def callbacks() -> AsyncIterator[tuple[Callbacks, CallbackWaiters, MemoryWaiters]]:
    """Run the endpoint, and what answers callbacks by it and other tokens elsewhere."""
    endpoint, others = Callbacks(), MemoryWaiters()
    async with listening(endpoint.answer) as url:
        client = boto3.client(
            "lambda",
            endpoint_url=url,
            region_name="eu-west-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(retries={"total_max_attempts": 1}),
        )
        yield endpoint, CallbackWaiters(client, others=others), others
        client.close()


async def test_a_callback_is_answered_by_its_id(callbacks: Any) -> None:
    """Success has the output, failure its name and the output; a token of Step Functions goes where it belongs."""
    endpoint, waiters, others = callbacks
    await waiters.answer(f"{PREFIX}Y2Fs", {"done": 1})
    await waiters.answer(f"{PREFIX}Y2Fs", {"reason": "why"}, error="orphaned")
    await waiters.heartbeat(f"{PREFIX}Y2Fs")
    await waiters.answer("AQCEAAAAKgAAAAMA", {"done": 2})
    await waiters.heartbeat("AQCEAAAAKgAAAAMA")
    (succeeded, output), (failed, failure), (beat, _) = endpoint.asked
    assert [path.rpartition("/")[2] for path in (succeeded, failed, beat)] == ["succeed", "fail", "heartbeat"]
    assert all("/Y2Fs/" in path for path in (succeeded, failed, beat))
    assert (output, failure["ErrorType"], json.loads(failure["ErrorMessage"])) == (
        {"done": 1},
        "orphaned",
        {"reason": "why"},
    )
    assert (others.told, others.beats) == ([("AQCEAAAAKgAAAAMA", {"done": 2}, None)], ["AQCEAAAAKgAAAAMA"])


async def test_that_nobody_waits_any_more_is_no_error(callbacks: Any) -> None:
    """Answered before, over, unknown: done. Anything else is told to the caller, who tries again."""
    endpoint, waiters, _ = callbacks
    gone = ["CallbackTimeoutException", "ResourceNotFoundException", "InvalidParameterValueException"]
    endpoint.errors = [*gone, "TooManyRequestsException"]
    for _ in gone:
        await waiters.answer(f"{PREFIX}Y2Fs", {})
    with pytest.raises(TransientError, match="TooManyRequests"):
        await waiters.answer(f"{PREFIX}Y2Fs", {})
