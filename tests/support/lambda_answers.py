"""Lambda's Invoke over real HTTP on loopback for a caller who waits: the answers are the test's."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    path: str
    authorization: str
    body: Any


@dataclass(slots=True, kw_only=True)
class LambdaAnswers:
    """``calls`` holds what was asked, in order."""

    url: str = ""
    calls: list[Asked] = field(default_factory=list)
    _answers: deque[tuple[int, dict[str, str], Any]] = field(default_factory=deque)

    def answer(self, value: Mapping[str, Any], *, failed: bool = False) -> None:
        """Answer the next call with what the function returned, or with its error."""
        self._answers.append((200, {"X-Amz-Function-Error": "Unhandled"} if failed else {}, value))

    def refuse(self, status: int, error: str) -> None:
        """Refuse the next call, as Lambda itself does."""
        self._answers.append((status, {"x-amzn-ErrorType": error}, {"Message": "as scripted"}))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        asked = Asked(path=first.split(" ")[1], authorization=headers["authorization"], body=json.loads(body))
        self.calls.append(asked)
        status, more, value = self._answers.popleft()
        text = json.dumps(value).encode()
        head = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(text)}", "Connection: close"]
        head += [f"{name}: {one}" for name, one in more.items()]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + text)
        writer.close()


@asynccontextmanager
async def lambda_answers() -> AsyncIterator[LambdaAnswers]:
    """Run it for as long as the block lasts."""
    found = LambdaAnswers()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = "http://{}:{}".format(*server.sockets[0].getsockname()[:2])
    try:
        yield found
    finally:
        server.close()
        await server.wait_closed()
