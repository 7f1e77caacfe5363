"""Lambda's Invoke over real HTTP on loopback, with the answers a test has scripted: what moto can't be made to say."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """One request as it came."""

    path: str
    kind: str
    payload: Any


@dataclass(slots=True, kw_only=True)
class LambdaEndpoint:
    """``answers`` are statuses with Lambda's error type, ``0`` for a connection that breaks; when used up: 202."""

    url: str = ""
    answers: deque[tuple[int, str]] = field(default_factory=deque)
    invoked: list[Invoked] = field(default_factory=list)

    def always(self, status: int, error: str) -> None:
        """Give the same answer to every attempt that the client makes."""
        self.answers.extend([(status, error)] * 10)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.splitlines()[1:])
        }
        body = await reader.readexactly(int(headers["content-length"]))
        path = head.split(" ", 2)[1]
        self.invoked.append(Invoked(path=path, kind=headers.get("x-amz-invocation-type", ""), payload=json.loads(body)))
        status, error = self.answers.popleft() if self.answers else (202, "")
        if status:
            text = b"" if status == HTTPStatus.ACCEPTED else json.dumps({"Message": "as scripted"}).encode()
            lines = [
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
                f"Content-Length: {len(text)}",
                "Connection: close",
            ]
            lines += [f"x-amzn-ErrorType: {error}"] if error else []
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
        writer.close()


@asynccontextmanager
async def lambda_endpoint() -> AsyncIterator[LambdaEndpoint]:
    """Run the endpoint for as long as the block lasts."""
    endpoint = LambdaEndpoint()
    server = await asyncio.start_server(endpoint.answer, "127.0.0.1", 0)
    endpoint.url = "http://{}:{}".format(*server.sockets[0].getsockname()[:2])
    try:
        yield endpoint
    finally:
        server.close()
        await server.wait_closed()
