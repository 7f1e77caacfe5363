"""Lambda's Runtime API, as far as a runtime client uses it, over real HTTP: next, response, error, init error.

The paths and headers are those of AWS's "Using the Lambda runtime API for custom runtimes".
"""

import json
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.site.serving import LoopbackServer, QuietHandler, Served

_PREFIX = "/2018-06-01/runtime/"
_FUNCTION = "arn:aws:lambda:eu-west-1:000000000000:function:crawler:live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one invocation came to: ``result`` or ``error`` is set."""

    request_id: str
    """Lambda's id of the invocation."""
    seconds: float
    """From the hand-over of the event to the answer."""
    result: dict[str, Any] | None = None
    """What the handler returned; ``None`` when it failed."""
    error: dict[str, Any] | None = None
    """What it raised, as the runtime reports it."""


@dataclass(slots=True, kw_only=True)
class _Event:
    request_id: str
    """Made for it."""
    body: bytes
    """JSON."""
    within: float
    """Seconds until its deadline."""
    handed_over: float = 0.0
    """The monotonic second at which the runtime took it."""
    answer: "queue.Queue[Answer]" = field(default_factory=queue.Queue)
    """Gets the one answer."""


class RuntimeApi(Served):
    """The server: ``with RuntimeApi() as api: api.invoke({...})``. It hands out one event at a time, as Lambda does."""

    def __init__(self) -> None:
        self._events: queue.Queue[_Event] = queue.Queue()
        self._under_way: dict[str, _Event] = {}
        self.init_errors: list[dict[str, Any]] = []
        self.asked = threading.Event()
        """Set while the runtime waits for an event: it has started, and ended what came before."""
        self.first_asked: float | None = None
        self._server = LoopbackServer(self._handler())

    @property
    def address(self) -> str:
        """The value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def invoke(self, message: Mapping[str, Any], *, within: float = 120.0) -> Answer:
        """Hand the message over as soon as the runtime asks, and return the answer; its deadline is ``within`` seconds.

        Raises ``queue.Empty`` when there is none by then.
        """
        event = _Event(request_id=str(uuid.uuid4()), body=json.dumps(message).encode(), within=within)
        self._events.put(event)
        return event.answer.get(timeout=within + 30)

    def _take(self) -> _Event:
        """Wait for the next event, on behalf of the runtime."""
        if self.first_asked is None:
            self.first_asked = time.monotonic()
        self.asked.set()
        event = self._events.get()
        self.asked.clear()
        event.handed_over = time.monotonic()
        self._under_way[event.request_id] = event
        return event

    def _settle(self, request_id: str, kind: str, body: Any) -> None:
        event = self._under_way.pop(request_id)
        seconds = time.monotonic() - event.handed_over
        result, error = (body, None) if kind == "response" else (None, body)
        event.answer.put(Answer(request_id=request_id, seconds=seconds, result=result, error=error))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(QuietHandler, BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path != _PREFIX + "invocation/next":
                    self._send(404, b"{}")
                    return
                event = api._take()
                headers = {
                    "Lambda-Runtime-Aws-Request-Id": event.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + event.within) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": _FUNCTION,
                    "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
                }
                self._send(200, event.body, headers)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                rest = self.path.removeprefix(_PREFIX).split("/")
                if rest == ["init", "error"]:
                    api.init_errors.append(body)
                else:
                    _, request_id, kind = rest
                    api._settle(request_id, kind, body)
                self._send(202, b'{"status":"OK"}')

            def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
                self.reply(status, body, {"Content-Type": "application/json"} | dict(headers or {}))

        return Handler
