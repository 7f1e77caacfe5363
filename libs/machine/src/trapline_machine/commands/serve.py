"""``trapline serve``: keep the schedules of a file on this machine."""

import asyncio
import os
from pathlib import Path

import typer

from trapline.access.options import DEFAULT_DATA_DIR, AllowPrivate, DatabaseUrl, DataDir, allowing


def serve(
    file: Path = typer.Argument(metavar="FILE", help="The crawls.yaml."),
    max_invocations: int | None = typer.Option(
        None,
        "--max-invocations",
        min=1,
        max=1000,
        metavar="N",
        help="Most crawler processes at once, within each lane's own cap. Default: enough for every core.",
    ),
    listen: str | None = typer.Option(
        None,
        "--listen",
        metavar="ADDRESS[:PORT]",
        help="Where the web view listens. Default: 127.0.0.1:8712. Another address than loopback needs --allow-host.",
    ),
    allow_host: list[str] = typer.Option(
        [], "--allow-host", metavar="NAME", help="A further name by which the view may be asked for; several times."
    ),
    web: bool = typer.Option(True, "--web/--no-web", help="Whether there is a web view."),
    read_only: bool = typer.Option(False, "--read-only", help="The view is for looking only: no form acts."),
    allow_private: AllowPrivate = [],  # noqa: B006  (Typer's default; never changed)
    data_dir: DataDir = DEFAULT_DATA_DIR,
    database_url: DatabaseUrl = None,
) -> None:
    """Keep the schedules of a crawls.yaml on this machine: open their runs, work on them, send alerts, clean up.

    It does what AWS does for a deployment, until it is stopped. After a pause the latest tick of each schedule that was
    missed opens one run, and the others are recorded as skipped. A changed file is read without a restart; a broken one
    is refused, and what it said before goes on. Ended runs are deleted after 90 days; TRAPLINE_RETENTION_DAYS says
    otherwise.

    The web view is on this machine's own 127.0.0.1; a link that lets one browser in is printed, and a token always
    asked for. Alerts link to it.

    Ctrl-C or SIGTERM once hands the tasks back and stops in order; twice stops at once.

    Exits with 0 when it was stopped in order, 2 when the file was refused or another `trapline serve` works on this
    ledger, 4 when the ledger can't be reached at the start, 130 or 143 when a second signal cut the stop short.

    Examples:

      trapline serve crawls.yaml
      TRAPLINE_RETENTION_DAYS=30 trapline serve crawls.yaml --data-dir /var/lib/trapline
      trapline serve crawls.yaml --max-invocations 2 --no-web
      trapline serve crawls.yaml --listen 0.0.0.0:8712 --allow-host trapline.example.com
    """
    # Late: the services take half a second to load, and every other command would wait for them.
    from trapline_machine.serve.listen_address import ListenAddress
    from trapline_machine.serve.serve_file import ServeRequest, serve_file
    from trapline_machine.settings import RuntimeSettings

    address = ListenAddress.read(listen, allow_host)
    environ = allowing(os.environ, allow_private) | {"DATABASE_URL": database_url or ""}
    settings = RuntimeSettings.read(environ, data_dir=data_dir, max_invocations=max_invocations)
    request = ServeRequest(file=file, settings=settings, view=address if web else None, read_only=read_only)
    raise typer.Exit(asyncio.run(serve_file(request, environ)))
