"""``trapline crawl``: open a run of each crawl now and work until they end."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from trapline.access.options import DEFAULT_DATA_DIR, AllowPrivate, DatabaseUrl, DataDir, allowing
from trapline_common.platform.loading import loading
from trapline_machine.process_start import EarlyCrawler, begun


def crawl(
    file: Path = typer.Argument(metavar="FILE", help="The crawls.yaml."),
    only: list[str] = typer.Option(
        [], "--only", metavar="NAME", help="Crawl this one only; may be given several times."
    ),
    max_invocations: int | None = typer.Option(
        None,
        "--max-invocations",
        min=1,
        max=1000,
        metavar="N",
        help="Most crawler processes at once, within each lane's own cap. Default: enough for every core.",
    ),
    json: bool = typer.Option(
        False, "--json", help="Print one JSON object at the end, and nothing else on standard output."
    ),
    allow_private: AllowPrivate = [],  # noqa: B006  (Typer's default; never changed)
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Crawl now, on this machine: open a run of each crawl, work until all have ended, show failures and changes.

    Runs that an earlier command left open are finished too. Ctrl-C once hands the tasks back and stops in order; twice
    stops at once.

    Exits with 0 when every task is done, 1 when one failed, 2 when the file was refused, 3 when nothing was run because
    another command works on these crawls, 4 when the ledger went away, 130 when Ctrl-C stopped it, 143 when SIGTERM
    did.

    Examples:

      trapline crawl crawls.yaml
      trapline crawl crawls.yaml --only pricing --json | jq '.runs[].failures'
      trapline crawl crawls.yaml --allow-private 127.0.0.1:8080
    """
    loop, early = begun()
    with loop:
        code = loop.run(_crawl(early, file, only, max_invocations, json, allow_private, data_dir, database_url))
    raise typer.Exit(code)


async def _crawl(
    early: EarlyCrawler | None,
    file: Path,
    only: Sequence[str],
    max_invocations: int | None,
    as_json: bool,
    allow_private: Sequence[str],
    data_dir: Path,
    database_url: str | None,
) -> int:
    """Crawl and return the exit code. The first crawler's imports run beside this command's own."""
    environ = allowing(os.environ, allow_private) | {"DATABASE_URL": database_url or ""}
    early = early or await EarlyCrawler.begin(environ)
    try:
        # Late: the services take half a second to load, and every other command would wait for them.
        with loading():
            from trapline_common.platform.logging import configure
            from trapline_machine.crawl_file import crawl_file
            from trapline_machine.crawl_request import CrawlRequest
            from trapline_machine.settings import RuntimeSettings

        configure(service="trapline", level="WARNING")  # as every command does; its own log is opened later
        settings = RuntimeSettings.read(environ, data_dir=data_dir, max_invocations=max_invocations)
        request = CrawlRequest(file=file, only=tuple(only), as_json=as_json, settings=settings)
        return await crawl_file(request, environ, early)
    finally:
        await early.close()
