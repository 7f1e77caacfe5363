"""``trapline try``: one visit, to see what a crawl would make of a page."""

import asyncio
import os
import sys
from pathlib import Path

import typer
from rich.console import Console

from trapline.access.options import DEFAULT_DATA_DIR, AllowPrivate, DataDir, Json, allowing
from trapline.exit_codes import ExitCode
from trapline.render.json import print_json
from trapline_common.platform.logging import configure


def try_(
    file: Path = typer.Argument(metavar="FILE", help="The crawls.yaml."),
    name: str = typer.Argument(metavar="NAME", help="The crawl whose way of visiting is tried."),
    url: str | None = typer.Argument(None, metavar="URL", help="The page. Default: the crawl's first."),
    json: Json = False,
    allow_private: AllowPrivate = [],  # noqa: B006  (Typer's default; never changed)
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Visit one page and show what the crawl would watch, extract and expect, and the screenshot. Stores nothing.

    Exits with 0 when the visit was good, 1 when it failed, 2 when the file or the URL was refused.

    Examples:

      trapline try crawls.yaml pricing
      trapline try crawls.yaml docs https://example.com/docs/install --json
    """
    # Late: the browser's library takes long to load, and every other command would wait for it.
    from trapline_machine.try_report import show
    from trapline_machine.try_visit import try_visit

    configure(service="trapline", level="WARNING")
    found = asyncio.run(
        try_visit(
            file,
            name,
            url,
            environ=allowing(os.environ, allow_private),
            data_dir=data_dir.resolve(),
        )
    )
    if json:
        print_json(found.as_json())
    else:
        show(Console(file=sys.stdout, highlight=False, markup=False), found)
    raise typer.Exit(ExitCode.DONE if found.observation.failure is None else ExitCode.FAILED)
