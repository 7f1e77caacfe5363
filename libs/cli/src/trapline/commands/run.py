"""``trapline run NAME --env ENV``: open a run of a deployment now."""

import asyncio
from uuid import uuid4

import typer

from trapline.access.acting import acted_by
from trapline.access.dispatcher import ask_deployed, is_deployed
from trapline.access.options import DEFAULT_DATA_DIR, DataDir, Json, Request
from trapline.exit_codes import ExitCode
from trapline.render.json import print_json
from trapline.render.notes import note
from trapline_common.domain.answers import Opened
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.lifecycle import RunStatus
from trapline_common.domain.messages import OpenRun
from trapline_common.platform.text import counted


def run(
    name: str = typer.Argument(metavar="NAME", help="The crawl, by its name in the deployed crawls.yaml."),
    request: Request = None,
    json: Json = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,  # noqa: ARG001  (where `--env local` finds the local AWS)
) -> None:
    """Open a run of a deployed crawl now, without waiting for its schedule, and print its number.

    It needs --env; on this machine `trapline crawl` opens runs.

    Exits with 0 when the run is open or waits, 2 when the deployed crawls.yaml has no such crawl or no page was found
    for it, 3 when it was skipped because another run of the crawl is open, 4 when AWS can't be reached.

    Examples:

      trapline run pricing --env prod
      trapline show $(trapline run pricing --env prod --json | jq .run_id) --env prod
    """
    if not is_deployed():
        raise InputRefusedError(
            f"run: say in which deployment, with --env; on this machine `trapline crawl FILE --only {name}` crawls now"
        )
    opened = asyncio.run(ask_deployed(OpenRun(crawl=name, request=request or uuid4(), acted_by=acted_by()), Opened))
    if json:
        print_json(
            {
                "run_id": opened.run_id,
                "status": opened.status,
                "tasks": opened.tasks,
                "waits_for": opened.waits_for,
                "refused": opened.pages_refused,
            }
        )
    line, code = _outcome(name, opened)
    if code:
        note(line)
        raise typer.Exit(code)
    if not json:
        print(line)


def _outcome(name: str, opened: Opened) -> tuple[str, ExitCode]:
    """Return what became of the run, for a person, and the exit code."""
    run = f"run {opened.run_id} of {name}"
    if opened.pages_refused is not None:
        return f"{run} was refused: {opened.pages_refused}", ExitCode.REFUSED
    if opened.tasks is not None:
        return f"{run} opened with {counted(opened.tasks, 'task')}", ExitCode.DONE
    if opened.waits_for is None:
        return f"{run} is {opened.status}", ExitCode.DONE
    skipped = opened.status is RunStatus.ENDED
    became = "was skipped" if skipped else "waits"
    return (
        f"{run} {became}: run {opened.waits_for} of the same crawl is still open",
        ExitCode.NOTHING_RUN if skipped else ExitCode.DONE,
    )
