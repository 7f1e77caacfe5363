"""The commands of ``trapline``: their names, their help, and where each one's function comes from."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points, version
from inspect import cleandoc

import typer

from trapline.access.one_machine import INSTALL
from trapline.env_option import with_env_option
from trapline_common.domain.errors import InputRefusedError

_READING = "Read the ledger"
_CRAWL = "Crawl"
_ANSWER = "Answer what you are told"
_COMMANDS: Mapping[str, str] = {
    "crawl": _CRAWL,
    "serve": _CRAWL,
    "try": _CRAWL,
    "run": _CRAWL,
    "visit": _CRAWL,
    "status": _READING,
    "runs": _READING,
    "show": _READING,
    "diff": _READING,
    "tasks": _READING,
    "invocations": _READING,
    "export": _READING,
    "mutes": _READING,
    "web": _READING,
    "report": _READING,
    "view": _READING,
    "artifact": _READING,
    "add": "Work on a run",
    "cancel": "Work on a run",
    "retry": "Work on a run",
    "mute": _ANSWER,
    "unmute": _ANSWER,
    "ack": _ANSWER,
    "accept": _ANSWER,
    "forget": "Maintain",
    "config": "Maintain",
    "migrate": "Maintain",
    "reap": "Maintain",
    "alert": "Maintain",
}
"""Each command with its panel in the help. Its function has its name, in the module of that name."""
_REGISTERED = "trapline.commands"
"""The entry points of commands that another distribution brings: ``trapline-machine`` has these."""
_BY_ENTRY_POINT = frozenset({"crawl", "report", "serve", "try", "web"})
_HELP = """Crawl pages on a schedule in a headless browser, and get alerts of what failed and what changed.

Commands work on a ledger: the Postgres that DATABASE_URL names, or else an embedded one in the folder --data-dir, which
starts by itself. With --env NAME a command works in that deployment on AWS instead, with your own AWS credentials
(AWS_PROFILE, AWS_REGION).

Tables are for people: cut to the terminal, with local times; in a pipe they are whole and plain. --json is for
programs, with times in UTC.

Exit codes: 0 done; 1 a task failed, or a check is red; 2 refused: the command can't use its input, and standard error
says why; 3 nothing was run, for another run of the crawl is open; 4 the ledger, a channel or AWS is away; 130 stopped
by Ctrl-C, 143 by SIGTERM, 129 by the end of its terminal.

Examples:

  trapline crawl crawls.yaml
  trapline status
  trapline COMMAND --help
"""


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
    command = context.invoked_subcommand or ""
    if _COMMANDS.get(command) != _READING and command != "crawl":  # which does so when its first crawler has started
        from trapline_common.platform.logging import configure  # late: structlog costs a reading command 0.1 s of CPU

        configure(service="trapline", level="WARNING")  # warnings go to standard error: standard output is the answer


def _function(name: str) -> Callable[..., None]:
    if name not in _BY_ENTRY_POINT:
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
        help=_reflowed(_HELP),
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
        app.command(name, help=_reflowed(function.__doc__), rich_help_panel=_COMMANDS[name], context_settings=settings)(
            with_env_option(name, function)
        )
    return app


def _reflowed(text: str | None) -> str:
    """Return a help text whose paragraphs are one line each, so that each terminal wraps them; examples stay as is."""
    paragraphs = cleandoc(text or "").split("\n\n")
    return "\n\n".join(each if each.startswith(" ") else " ".join(each.split()) for each in paragraphs)
