"""The options that several commands share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from trapline_common.egress.settings import ALLOW_PRIVATE, parse_allow_private

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
AllowPrivate = Annotated[
    list[str],
    typer.Option(
        "--allow-private",
        metavar="CIDR",
        envvar="TRAPLINE_ALLOW_PRIVATE",
        help="Private addresses that pages may be on, such as 127.0.0.0/8 for this machine; may be given several times.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000_000, help="Show at most this many.")]
CrawlFilter = Annotated[str | None, typer.Option("--crawl", "-c", help="Only of this crawl.")]
LaneFilter = Annotated[str | None, typer.Option("--lane", help="Only of this lane.")]
RunFilter = Annotated[int | None, typer.Option("--run", "-r", min=1, max=MAX_ID, help="Only of this run.")]
RunArgument = Annotated[
    int, typer.Argument(metavar="RUN", min=1, max=MAX_ID, help="The run's number; see `trapline runs`.")
]


def allowing(environ: Mapping[str, str], allow_private: Sequence[str]) -> dict[str, str]:
    """Return the environment with ``--allow-private`` in it, which the crawler's processes get too.

    Raises ``InputRefusedError`` that names what is no network, or is one that no setting opens.
    """
    text = ",".join(allow_private)
    parse_allow_private(text, "--allow-private")
    return {**environ, ALLOW_PRIVATE: text}
