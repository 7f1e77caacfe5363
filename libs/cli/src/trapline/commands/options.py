"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA_DIR = Path(".trapline")
MAX_ID = 2**63 - 1
"""What Postgres's ``bigint`` holds."""

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        envvar="TRAPLINE_DATA_DIR",
        file_okay=False,
        help="Where the embedded Postgres and the artifacts are.",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    # An environment variable only, as far as people are told: a command line is visible to every user of the machine.
    typer.Option("--database-url", envvar="DATABASE_URL", hidden=True, show_envvar=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="Show at most this many.")]
CrawlFilter = Annotated[str | None, typer.Option("--crawl", "-c", help="Only of this crawl.")]
LaneFilter = Annotated[str | None, typer.Option("--lane", help="Only of this lane.")]
RunFilter = Annotated[int | None, typer.Option("--run", "-r", min=1, max=MAX_ID, help="Only of this run.")]
RunArgument = Annotated[
    int, typer.Argument(metavar="RUN", min=1, max=MAX_ID, help="The run's number; see `trapline runs`.")
]
