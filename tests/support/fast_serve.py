"""``trapline serve`` under a clock that runs faster: ``fast_serve.py FILE BEGAN SPEED``.

BEGAN: the moment, in seconds of the machine's clock, at which both clocks showed the same; SPEED: how much faster.
"""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from trapline_machine.serve.clock import Clock
from trapline_machine.serve.serve_file import ServeRequest, serve_file
from trapline_machine.settings import RuntimeSettings


def fast(began: float, speed: float) -> datetime:
    """Return what the fast clock shows now."""
    return datetime.fromtimestamp(began + (time.time() - began) * speed, UTC)


def main(file: str, began: str, speed: str) -> int:
    """Serve until a signal comes."""
    settings = RuntimeSettings.read(os.environ, data_dir=Path(os.environ["TRAPLINE_DATA_DIR"]), max_invocations=1)
    clock = Clock(now=lambda: fast(float(began), float(speed)), look_every=0.1)
    return asyncio.run(serve_file(ServeRequest(file=Path(file), settings=settings, clock=clock), os.environ))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
