"""Lambda's Invoke over real HTTP on loopback for a caller who waits: the answers are the test's."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from support.raw_http import listening, read_request, response


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    path: str
    """With the function's name and its qualifier."""
    authorization: str
    """The header's value: the signature, with the region and the service in it."""
    body: Any
    """The payload, parsed."""


@dataclass(slots=True, kw_only=True)
class LambdaAnswers:
    """The endpoint and its script."""

    url: str = ""
    """Its origin; ``lambda_answers`` sets it."""
    calls: list[Asked] = field(default_factory=list)
    """The requests, in the order in which they came."""
    identity: str | None = "arn:aws:iam::123456789012:user/ann"
    """What STS names for the caller's credentials; ``None``: it can't be asked."""
    _answers: deque[bytes] = field(default_factory=deque)
    """The responses that are left, whole; a call without one is a mistake of the test."""

    def answer(self, value: Mapping[str, Any], *, failed: bool = False) -> None:
        """Answer the next call with what the function returned, or with its error."""
        headers = {"X-Amz-Function-Error": "Unhandled"} if failed else {}
        self._answers.append(response(200, json.dumps(value).encode(), headers))

    def refuse(self, status: int, error: str) -> None:
        """Refuse the next call, as Lambda itself does."""
        self._answers.append(response(status, b'{"Message": "as scripted"}', {"x-amzn-ErrorType": error}))

    def _who(self) -> bytes:
        if self.identity is None:
            return response(403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
        found = f"<GetCallerIdentityResult><Arn>{self.identity}</Arn></GetCallerIdentityResult>"
        return response(200, f"<GetCallerIdentityResponse>{found}</GetCallerIdentityResponse>".encode())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close."""
        request = await read_request(reader)
        if request.body.startswith(b"Action=GetCallerIdentity"):
            writer.write(self._who())
            writer.close()
            return
        authorization = request.headers["authorization"]
        self.calls.append(Asked(path=request.path, authorization=authorization, body=json.loads(request.body)))
        writer.write(self._answers.popleft())
        writer.close()


@asynccontextmanager
async def lambda_answers() -> AsyncIterator[LambdaAnswers]:
    """Run it for as long as the block lasts."""
    found = LambdaAnswers()
    async with listening(found.serve) as found.url:
        yield found
