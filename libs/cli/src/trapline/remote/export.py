"""``trapline export --env``: page by page, since one answer of Lambda holds a few megabytes only."""

import re
import sys
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from trapline.remote.caller import Caller, CallFailedError
from trapline.remote.protocol import PAGE
from trapline.remote.terminal import made_call, terminal
from trapline.render.export_file import Format, chosen_format, goes_to_file, whole_file
from trapline.render.printer import note

MORE = re.compile(r"^export: more after (\d+)$", re.MULTILINE)
"""What the command says on standard error when a page has ended before the run has."""


def export_from(caller: Caller, *, run: int, form: Format | None, output: Path | None, text: bool) -> int:
    """Write a run's observations here; return the exit code. Raises ``CallFailedError``.

    ``output`` appears only when it is whole.
    """
    command = ["export", str(run), "--format", chosen_format(form, output), "--at-most", str(PAGE)]
    command += [] if text else ["--no-text"]
    # A terminal obeys some characters beyond ASCII too, so the other side must know that there is one
    shown = None if goes_to_file(output) else terminal(Console())
    after: str | None = None
    with whole_file(output) if output is not None and goes_to_file(output) else nullcontext(sys.stdout) as out:
        while True:
            answer = caller.call(made_call([*command, *(["--after", after] if after else [])], terminal=shown))
            if answer.exit:
                raise CallFailedError(answer.stderr.strip().removeprefix("trapline: "))
            out.write(answer.stdout)
            more = MORE.search(answer.stderr)
            if more is None:
                break
            after = more[1]
    if output is not None and goes_to_file(output):
        note(f"run {run} written to {output}")
    return 0
