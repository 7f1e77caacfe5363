"""``trapline report RUN``: one run as one file."""

import asyncio
import os
from pathlib import Path

import typer

from trapline.access.options import DEFAULT_DATA_DIR, DatabaseUrl, DataDir, RunArgument
from trapline.render.export_file import whole_file
from trapline.render.notes import note
from trapline_common.platform.text import byte_size, counted


def report(
    run: RunArgument,
    output: Path = typer.Option(..., "--output", "-o", metavar="FILE", help="The file to write, such as run.html."),
    env: str | None = typer.Option(None, "--env", metavar="NAME", help="A run of this deployment on AWS."),
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Write one run as one HTML file for a mail or an artifact of CI: what failed, what changed, and the pictures.

    The file has no script and fetches nothing. It has at most 5 MB: pictures of failures and changes come first, and
    it says how many were left out. Whoever has the file sees what the pages showed.

    Exits with 0 when the file is written, 2 when there is no such run, 4 when the ledger is away.

    Examples:

      trapline report 7 -o run.html
      trapline report 7 -o run.html --env prod
    """
    from trapline_machine.web_view import read_report  # late: the templates cost other commands 0.2 s

    found = asyncio.run(
        read_report(
            run, data_dir=data_dir.resolve(), database_url=database_url or None, environment=env, environ=os.environ
        )
    )
    with whole_file(output) as out:
        out.write(found.html)
    pictures = counted(found.pictures, "picture") + (f", {found.left_out} left out" if found.left_out else "")
    note(f"run {run} written to {output}: {byte_size(len(found.html.encode()))}, {pictures}")
