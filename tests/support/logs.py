"""What this process logs, as a service writes it on Lambda."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from trapline_common.platform.logging import configure


@contextmanager
def logged(service: str) -> Iterator[io.StringIO]:
    """Yield the stream that gets every log line; the process's own logging is as before afterwards."""
    root, ours = logging.getLogger(), logging.getLogger("trapline")
    before = (root.handlers[:], root.level, ours.level)
    out = io.StringIO()
    configure(service=service, stream=out)
    try:
        yield out
    finally:
        structlog.reset_defaults()
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        ours.setLevel(before[2])
