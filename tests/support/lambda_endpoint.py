"""Lambda's Invoke over real HTTP on loopback, with the answers a test has scripted: what moto can't be made to say."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from support.raw_http import listening, read_request, response


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """One request as it came."""

    path: str
    """With the function's name and its qualifier."""
    kind: str
    """Lambda's invocation type: ``Event``, ``RequestResponse``."""
    payload: Any
    """Parsed."""
    execution: str | None
    """The name of the durable execution that it starts; ``None``: it names none."""


@dataclass(slots=True, kw_only=True)
class LambdaEndpoint:
    """The endpoint and its script."""

    url: str = ""
    """Its origin; ``lambda_endpoint`` sets it."""
    answers: deque[tuple[int, str]] = field(default_factory=deque)
    """Statuses with Lambda's error type, ``0`` for a connection that breaks; when used up: 202."""
    invoked: list[Invoked] = field(default_factory=list)
    """The requests, in the order in which they came."""

    def always(self, status: int, error: str) -> None:
        """Give the same answer to every attempt that the client makes."""
        self.answers.extend([(status, error)] * 10)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        request = await read_request(reader)
        kind = request.headers.get("x-amz-invocation-type", "")
        self.invoked.append(
            Invoked(
                path=request.path,
                kind=kind,
                payload=json.loads(request.body),
                execution=request.headers.get("x-amz-durable-execution-name"),
            )
        )
        status, error = self.answers.popleft() if self.answers else (202, "")
        if status:
            text = b"" if status == HTTPStatus.ACCEPTED else json.dumps({"Message": "as scripted"}).encode()
            writer.write(response(status, text, {"x-amzn-ErrorType": error} if error else {}))
        writer.close()


@asynccontextmanager
async def lambda_endpoint() -> AsyncIterator[LambdaEndpoint]:
    """Run the endpoint for as long as the block lasts."""
    endpoint = LambdaEndpoint()
    async with listening(endpoint.answer) as endpoint.url:
        yield endpoint
