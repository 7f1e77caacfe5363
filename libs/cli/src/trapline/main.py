"""The ``trapline`` command: its subcommands, and what each kind of error means to the shell."""

import os
import sys
from importlib.metadata import version

import asyncpg
import typer

from trapline.commands.add import add
from trapline.commands.alert import alert
from trapline.commands.cancel import cancel
from trapline.commands.config import config
from trapline.commands.crawl import crawl
from trapline.commands.diff import diff
from trapline.commands.export import export
from trapline.commands.invocations import invocations
from trapline.commands.migrate import migrate
from trapline.commands.reap import reap
from trapline.commands.retry import retry
from trapline.commands.runs import runs
from trapline.commands.show import show
from trapline.commands.status import status
from trapline.commands.tasks import tasks
from trapline.commands.try_ import try_
from trapline.output import note
from trapline_common.errors import InputRefusedError, MessageRefusedError, TraplineError
from trapline_common.logging import configure

EXIT_FAILED = 1
EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="trapline",
    help="Crawl pages on a schedule in a headless browser, and hear what failed and what changed.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its frames print local values, and a DSN may be among them
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"trapline {version('trapline')}")
        raise typer.Exit


@app.callback()
def _global(
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    # Warnings go to standard error; standard output belongs to what was asked for. `crawl` sets up logs of its own.
    configure(service="trapline", level="WARNING")


_PANELS = {
    "Crawl": (crawl, try_),
    "Read the ledger": (status, runs, show, diff, tasks, invocations, export),
    "Work on a run": (add, cancel, retry),
    "Look after it": (config, migrate, reap, alert),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(_command.__name__.rstrip("_"), rich_help_panel=_panel)(_command)


def main() -> None:
    """Run the command line. Exits with 2 for unusable input, 1 for what failed, 130 on Ctrl-C, each with its line."""
    try:
        app(prog_name="trapline")
    except (InputRefusedError, MessageRefusedError) as error:
        note(str(error))
        sys.exit(EXIT_REFUSED)
    except (TraplineError, asyncpg.PostgresError) as error:
        note(f"trapline: {error}")
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader (`head`) has what it wanted. What is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
