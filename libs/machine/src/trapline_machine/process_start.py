"""Starts a crawler's process, and gives it its invocation.

This module imports little: `trapline crawl` starts its first crawler before it loads anything else, the libraries of
its command line too, so that the crawler's imports, which take as long as the command's own, run beside them.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

MODULE = "trapline_machine.crawler_process"


async def start(environ: Mapping[str, str], *, stderr: BinaryIO | int = DEVNULL) -> Process:
    """Start a process that waits for its invocation. Raises ``OSError``.

    It is the leader of a group of its own, and ends when its standard input does: when this process ends, however.
    """
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULE),
        stdin=PIPE,
        stdout=DEVNULL,
        stderr=stderr,
        env=dict(environ),
        start_new_session=True,  # Ctrl-C on the terminal reaches the command alone
    )


def hand_over(process: Process, job: Mapping[str, Any]) -> None:
    """Give a process its invocation: one line of JSON on its standard input, which stays open."""
    assert process.stdin is not None
    process.stdin.write(json.dumps(job).encode() + b"\n")


class EarlyCrawler:
    """At most one process that was started before there was an invocation for it. No invocation's row knows of it."""

    def __init__(self, process: Process | None = None) -> None:
        self._process = process

    @classmethod
    async def begin(cls, environ: Mapping[str, str]) -> "EarlyCrawler":
        """Start it. Where that fails there is none, and the invocation's own start says why."""
        with suppress(OSError):
            return cls(await start(environ))
        return cls()

    def taken(self) -> Process | None:
        """Return the process, once, if it lives: from then on it is the caller's."""
        process, self._process = self._process, None
        return process if process is not None and process.returncode is None else None

    async def close(self) -> None:
        """End it, if nobody took it: it holds nothing."""
        process = self.taken()
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@dataclass(slots=True, kw_only=True)
class _Begun:
    """What was begun before the command was known, for the command to go on with."""

    loop: asyncio.Runner | None = None
    """The event loop on which the process was started."""
    crawler: EarlyCrawler | None = None
    """The process."""


_BEGUN = _Begun()


def begin() -> None:
    """Start the first crawler of this process's command. It gets the command's environment with its invocation."""
    _BEGUN.loop = asyncio.Runner()
    _BEGUN.crawler = _BEGUN.loop.run(EarlyCrawler.begin(os.environ))


def begun() -> tuple[asyncio.Runner, EarlyCrawler | None]:
    """Return, once, the event loop and the crawler that ``begin`` began; a new loop and ``None`` if it did not."""
    loop, crawler = _BEGUN.loop or asyncio.Runner(), _BEGUN.crawler
    _BEGUN.loop = _BEGUN.crawler = None
    return loop, crawler
