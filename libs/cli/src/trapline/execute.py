"""One command line of ``trapline``: its subcommands, and what each kind of error means to the shell."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points, version

import asyncpg
import typer

from trapline.access.command_line import CommandLine, ExportPage
from trapline.access.one_machine import INSTALL
from trapline.env_option import remotable
from trapline.render.printer import note
from trapline_common.domain.errors import InputRefusedError, MessageRefusedError, TraplineError

EXIT_FAILED = 1
EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130

_READING = "Read the ledger"
_CRAWL = "Crawl"
_COMMANDS: Mapping[str, str] = {
    "crawl": _CRAWL,
    "try": _CRAWL,
    "run": _CRAWL,
    "status": _READING,
    "runs": _READING,
    "show": _READING,
    "diff": _READING,
    "tasks": _READING,
    "invocations": _READING,
    "export": _READING,
    "add": "Work on a run",
    "cancel": "Work on a run",
    "retry": "Work on a run",
    "config": "Look after it",
    "migrate": "Look after it",
    "reap": "Look after it",
    "alert": "Look after it",
}
"""Each command with its panel in the help. Its function has its name, in the module of that name; or it is registered."""
_REGISTERED = "trapline.commands"
"""The entry points of commands that another distribution brings: ``trapline-machine`` has ``crawl`` and ``try``."""
_ELSEWHERE = frozenset({"crawl", "try"})


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"trapline {version('trapline')}")
        raise typer.Exit


def _global(
    context: typer.Context,
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    if _COMMANDS.get(context.invoked_subcommand or "") != _READING:
        from trapline_common.platform.logging import configure

        # Warnings go to standard error; standard output belongs to what was asked for.
        configure(service="trapline", level="WARNING")


def _function(name: str) -> Callable[..., None]:
    if name not in _ELSEWHERE:
        own: Callable[..., None] = getattr(import_module(f"trapline.commands.{name}"), name)
        return own
    for found in entry_points(group=_REGISTERED, name=name):
        registered: Callable[..., None] = found.load()
        return registered
    return _missing


def _missing(_arguments: list[str] = typer.Argument(None, metavar="...", hidden=True)) -> None:
    """Crawl on this machine: needs the one-machine runtime, which is not installed (`pip install trapline`)."""
    raise InputRefusedError(INSTALL)


def application(arguments: Sequence[str]) -> typer.Typer:
    """Return the command line with the one command that ``arguments`` name, or with all when they name none.

    Loading all of them takes three times as long as most commands run.
    """
    app = typer.Typer(
        name="trapline",
        help="Crawl pages on a schedule in a headless browser, and hear what failed and what changed.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # its frames print local values, and a DSN may be among them
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_global)
    named = next((argument for argument in arguments if not argument.startswith("-")), "")
    for name in [named] if named in _COMMANDS else _COMMANDS:
        function = _function(name)
        settings = {"ignore_unknown_options": True} if function is _missing else None
        app.command(name, rich_help_panel=_COMMANDS[name], context_settings=settings)(remotable(name, function))
    return app


def execute(arguments: Sequence[str], *, page: ExportPage | None = None) -> int:
    """Run one command line and return its exit code. ``page``: the part of an export that is wanted.

    0: done. 2: unusable input. 1: what failed, with its line on standard error. 130: Ctrl-C. A closed pipe is raised.
    """
    try:
        command_line = CommandLine(arguments=tuple(arguments), page=page)
        application(arguments)(list(arguments), prog_name="trapline", obj=command_line)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except (InputRefusedError, MessageRefusedError) as error:
        note(str(error))
        return EXIT_REFUSED
    except (TraplineError, asyncpg.PostgresError) as error:
        note(f"trapline: {error}")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0
