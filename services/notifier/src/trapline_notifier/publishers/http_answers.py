"""What a service answered Apprise over HTTP. Apprise itself says only whether the service took the message.

Two things end here that ``requests`` would let through. A redirect is not followed: of a POST it would make a GET
without the message, which any page answers with 200. And an answer is read no further than anybody looks, nor for
longer than ``WITHIN``.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import wraps
from typing import Any

import requests
import urllib3

WITHIN = 10.0
"""Seconds for one answer's body: less than ``channels.TIMEOUT``. The socket's own time-out begins anew at each byte."""
LONGEST = 1_048_576
"""Bytes of an answer's body. Services say in some hundred whether they took a message."""
_PIECE = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """One answer."""

    status: int
    """The HTTP status."""
    again_after: float | None
    """Seconds that its ``Retry-After`` names; ``None`` when it names none."""


_ANSWERS: ContextVar[list[HttpAnswer] | None] = ContextVar("http_answers", default=None)


@contextmanager
def http_answers() -> Iterator[list[HttpAnswer]]:
    """Yield the answers to what ``requests`` sends in this block, in threads with a copy of its context too."""
    found: list[HttpAnswer] = []
    token = _ANSWERS.set(found)
    try:
        yield found
    finally:
        _ANSWERS.reset(token)


def seconds_until(wish: str | None, *, now: datetime) -> float | None:
    """Read a ``Retry-After``, seconds or a date (RFC 9110, 10.2.3); ``None`` for none, or for one that is neither."""
    text = (wish or "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def _watched(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    @wraps(send)
    def sent(*args: Any, **options: Any) -> requests.Response:
        found = _ANSWERS.get()
        if found is None:
            return send(*args, **options)
        response = send(*args, **{**options, "allow_redirects": False, "stream": True})
        _read(response)
        wish = seconds_until(response.headers.get("Retry-After"), now=datetime.now(UTC))
        found.append(HttpAnswer(status=response.status_code, again_after=wish))
        return response

    return sent


def _read(response: requests.Response) -> None:
    """Read the body, which Apprise then finds read. Raises ``requests.Timeout`` and what reading raises."""
    limit = time.monotonic() + WITHIN
    body = bytearray()
    try:
        while len(body) < LONGEST:
            piece = response.raw.read1(_PIECE, decode_content=True)
            if not piece:
                break
            body += piece
            if time.monotonic() > limit:
                raise requests.Timeout(f"the answer did not end in {WITHIN:.0f} s")
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error
    finally:
        response.close()
    response._content = bytes(body)  # noqa: SLF001  (what `content` would fill, without a limit)


# Apprise's plugins call `requests.post` and the like; each of these ends here, and Apprise has no hook of its own.
setattr(requests.Session, "send", _watched(requests.Session.send))  # noqa: B010  (a method may not be assigned to)
