"""Actions as processes of their own: what a form does is what a person would type."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from trapline_common.domain.errors import TransientError
from trapline_web.ports import Outcome

_PATIENCE = 60.0
"""Seconds for a command: one that waits longer has lost its ledger."""
_MOST = 200_000
"""Bytes of output that are kept."""


class SubprocessActions:
    """Keeps the ``Actions`` port: each command is ``python -m trapline`` with the options of this ledger."""

    def __init__(self, *, options: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        self._options = tuple(options)
        self._environ = dict(os.environ if environ is None else environ)

    async def perform(self, arguments: Sequence[str]) -> Outcome:
        """Perform one command line. Raises ``TransientError`` when it does not end in time; it is killed then."""
        name, *rest = arguments
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "trapline",
            name,
            *self._options,
            *rest,
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C ends the view, and lets a command that it began come to its end
        )
        try:
            async with asyncio.timeout(_PATIENCE):
                out, err = await process.communicate()
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise TransientError(f"`trapline {name}` did not end within {_PATIENCE:.0f} s") from error
        return Outcome(
            exit=process.returncode or 0,
            out=out[:_MOST].decode("utf-8", "replace"),
            err=err[:_MOST].decode("utf-8", "replace"),
        )
