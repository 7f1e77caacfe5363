"""Structured logs: one JSON object a line on stderr, coloured lines on a terminal, and never a secret in either."""

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

from trapline_common.platform.structlog_without_rich import structlog

HIDDEN = "[hidden]"
_SECRET_KEY = re.compile(
    r"password|passwd|secret|token|authorization|credential|cookie|api_?key|database_url|dsn|private_key", re.IGNORECASE
)
_USERINFO = re.compile(r"(?<=://)[^/\s@]+(?=@)")
"""``user:password`` in a URL, wherever one turns up in a value."""

_EVENT = re.compile(r"[a-z]+(_[a-z0-9]+)*")
"""What our own code calls its events."""
_OURS = frozenset({"service", "level", "logger", "timestamp"})
"""What the processors below put into every line, whoever wrote it."""
_scrubbers: list[Callable[[str], str]] = []


def keep_out(scrub: Callable[[str], str]) -> None:
    """Pass every text of every later line of this process through ``scrub``, in place of what was said before.

    It takes out all secrets that the process knows, at once: one after the other, a short one could tear a longer one
    apart, whose rest would then stand in the line.
    """
    _scrubbers[:] = [scrub]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        for scrub in _scrubbers:
            value = scrub(value)
        return _USERINFO.sub(HIDDEN, value) if "://" in value else value
    if isinstance(value, dict):
        return {_clean(key): HIDDEN if _is_secret(key) else _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    # The renderer writes any other object as its text, which an error's is for example.
    return value if value is None or isinstance(value, int | float) else _clean(str(value))


def _is_secret(key: object) -> bool:
    return isinstance(key, str) and _SECRET_KEY.search(key) is not None


def hide_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide values whose key names a secret, the user and password of every URL, and what ``keep_out`` was told of.

    At any depth. A second line of defence: no code logs a secret on purpose. What is a constant of the code stays as it
    is, the name of an event of ours among it: alarms count it, and a secret of two letters may happen to be in it.
    """
    is_ours = str(event.get("logger")).startswith("trapline.") and _EVENT.fullmatch(str(event.get("event")))
    for key, value in event.items():
        if key in _OURS or (key == "event" and is_ours):
            continue
        event[key] = HIDDEN if _is_secret(key) and value is not None else _clean(value)
    return event


def configure(*, service: str, level: str = "INFO", stream: TextIO | None = None, console: bool | None = None) -> None:
    """Send every log of this process, the libraries' too (from warnings up), to ``stream`` (stderr), as JSON.

    ``console`` chooses lines for a person instead; by default it is whether ``stream`` is a terminal. Call it in
    ``wiring.py`` or the command line, once per process; calling it again replaces what the first call set. Bind what
    every line of an invocation shares with ``structlog.contextvars.bound_contextvars(run_id=..., invocation_id=...)``.
    """
    out = stream if stream is not None else sys.stderr
    for_person = out.isatty() if console is None else console

    def add_service(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
    ]
    ending: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if for_person:
        # Its own way with a traceback prints every local variable: a resolved secret may be one.
        plain = structlog.dev.plain_traceback
        ending += [
            structlog.processors.format_exc_info,  # before what hides: an error's text may hold a secret
            hide_secrets,
            structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain),
        ]
    else:
        ending += [
            structlog.processors.format_exc_info,
            hide_secrets,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ]
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=ending))
    root = logging.getLogger()
    root.handlers[:] = [handler]  # Lambda's own handler would write every line a second time, as text
    root.setLevel(logging.WARNING)
    logging.getLogger("trapline").setLevel(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of one part, for example ``get_logger("crawler")``; lines carry it as ``trapline.crawler``."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(f"trapline.{name}")
    return logger
