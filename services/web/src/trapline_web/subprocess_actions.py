"""Actions as processes of their own: what a form does is what a person would type."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from trapline_common.domain.errors import TransientError
from trapline_web.ports import Outcome

_PATIENCE = 60.0
"""Seconds for a command: one that waits longer has lost its ledger."""
_MOST = 200_000
"""Bytes of output that are kept."""


class SubprocessActions:
    """Keeps the ``Actions`` port: each command is ``python -m trapline`` on a ledger of this machine.

    ``database_url``: where the ledger is; ``None``: in the data directory. It goes into the commands' environment in
    place of what ``environ`` says, and never on a command line.
    """

    def __init__(self, *, data_dir: Path, database_url: str | None, environ: Mapping[str, str]) -> None:
        self._data_dir = data_dir
        self._environ = {name: text for name, text in environ.items() if name != "DATABASE_URL"}
        if database_url is not None:
            self._environ["DATABASE_URL"] = database_url

    async def perform(self, arguments: Sequence[str]) -> Outcome:
        """Perform one command line. Raises ``TransientError`` when it does not end in time; it is killed then."""
        name, *rest = arguments
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "trapline",
            name,
            "--data-dir",
            str(self._data_dir),
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
