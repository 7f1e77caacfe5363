"""``trapline export --env``: page by page, since one answer of Lambda holds a few megabytes only."""

import sys
from contextlib import nullcontext
from pathlib import Path

import typer
from rich.console import Console

from trapline.remote.caller import Caller, CallFailedError
from trapline.remote.protocol import TOO_LARGE, PageRequest
from trapline.remote.terminal import build_call, describe_terminal
from trapline.render.export_file import Format, chosen_format, goes_to_file, whole_file
from trapline.render.notes import note

_OLDER = "the operator function is of an older release, which sends no pages; deploy this one (`make deploy`)"


def export_from(caller: Caller, *, run: int, form: Format | None, output: Path | None, text: bool) -> int:
    """Write a run's observations here; return the exit code. Raises ``CallFailedError``.

    ``output`` appears only when it is whole. An operator function of the release before answers with the whole run at
    once: what it sends is complete, and a run that is too large for one answer is an error.
    """
    command = ["export", str(run), "--format", chosen_format(form, output)]
    command += [] if text else ["--no-text"]
    # A terminal obeys some characters beyond ASCII too, so the other side must know that there is one
    shown = None if goes_to_file(output) else describe_terminal(Console())
    page = PageRequest()
    with whole_file(output) if output is not None and goes_to_file(output) else nullcontext(sys.stdout) as out:
        while True:
            answer = caller.call(build_call(command, terminal=shown, page=page))
            if answer.exit:
                reason = answer.stderr.strip()
                if reason.removeprefix("trapline: ") == TOO_LARGE:
                    raise CallFailedError(f"{TOO_LARGE}; {_OLDER}")
                note(reason)
                raise typer.Exit(answer.exit)
            out.write(answer.stdout)
            if answer.page is None or not answer.page.more:
                break
            page = PageRequest(after=answer.page.last)
    if output is not None and goes_to_file(output):
        note(f"run {run} written to {output}")
    return 0
