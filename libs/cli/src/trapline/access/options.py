"""The options that several commands share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from trapline_common.egress.allow_private import ALLOW_PRIVATE, parse_allow_private

DEFAULT_DATA_DIR = Path(".trapline")
MAX_ID = 2**63 - 1
"""What Postgres's ``bigint`` holds."""

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="TRAPLINE_DATA_DIR",
        file_okay=False,
        help="The folder of the embedded Postgres, the artifacts and channels.yaml.",
    ),
]
DatabaseUrl = Annotated[
    str | None,
    # Help and messages name the environment variable only: a command line is visible to every user of the machine.
    typer.Option("--database-url", envvar="DATABASE_URL", hidden=True, show_envvar=False),
]
AllowPrivate = Annotated[
    list[str],
    typer.Option(
        "--allow-private",
        metavar="ADDRESS:PORT",
        envvar="TRAPLINE_ALLOW_PRIVATE",
        help="Private addresses that pages may be on: an address or a network with its port, such as 127.0.0.1:8080, "
        "[::1]:8080 or 10.1.0.0/16:443; without a port, every port. May be given several times, with commas in the "
        "environment variable.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON value, and nothing else on standard output; times are in UTC.")
]
Request = Annotated[
    UUID | None,
    typer.Option("--request", metavar="UUID", help="An id of this order: the same order, sent twice, opens one run."),
]
Limit = Annotated[
    int, typer.Option("--limit", "-n", metavar="N", min=1, max=1_000_000, help="Show at most this many rows.")
]
CrawlFilter = Annotated[str | None, typer.Option("--crawl", "-c", metavar="NAME", help="Only of this crawl.")]
LaneFilter = Annotated[str | None, typer.Option("--lane", metavar="NAME", help="Only of this lane.")]


def _bigint(number: int | None) -> int | None:
    if number is not None and number > MAX_ID:
        raise typer.BadParameter(f"{number} is too large for a number of the ledger")
    return number


RunFilter = Annotated[
    int | None,
    typer.Option("--run", "-r", metavar="RUN", min=1, callback=_bigint, help="Only of the run with this number."),
]
RunArgument = Annotated[
    int,
    typer.Argument(metavar="RUN", min=1, callback=_bigint, help="The run's number; `trapline runs` lists them."),
]
Target = Annotated[
    str, typer.Argument(metavar="TARGET", help="A crawl's name, a page's URL, or a page's number.", show_default=False)
]
PageOfCrawl = Annotated[
    str | None, typer.Option("--page", metavar="URL", help="Only this page of the crawl that TARGET names.")
]


def allowing(environ: Mapping[str, str], allow_private: Sequence[str]) -> dict[str, str]:
    """Return the environment with ``--allow-private`` in it, which the crawler's processes get too.

    Raises ``InputRefusedError`` that names a value that is no network, or one that no setting opens.
    """
    text = ",".join(allow_private)
    parse_allow_private(text, "--allow-private")
    return {**environ, ALLOW_PRIVATE: text}
