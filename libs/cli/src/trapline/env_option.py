"""``--env NAME``: the same command, performed by the operator function of a deployment."""

import inspect
import os
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any

import typer

from trapline.access.command_line import CommandLine
from trapline.access.options import DEFAULT_DATA_DIR
from trapline.remote.allowlist import ALLOWED, refusal
from trapline_common.domain.errors import InputRefusedError

Env = Annotated[
    str | None,
    typer.Option("--env", metavar="NAME", help="Do it in this deployment on AWS; `local`: the one of `make up`."),
]
_OWN = ("--env", "--data-dir", "--database-url")
"""Options with a value that mean something on this machine only."""


def remotable(name: str, function: Callable[..., None]) -> Callable[..., None]:
    """Return the command with ``--env`` as one more option. Its other options are checked here before anything is sent.

    The commands that work on this machine take it too, to say so.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def command(*, env: str | None, **given: Any) -> None:
        if env is None:
            function(**given)
            return
        sent = [name, *without_own(CommandLine.current().arguments[1:])]
        refused = refusal(sent)
        if name not in ALLOWED or (refused is not None and name != "export"):
            raise InputRefusedError(str(refused))
        # Late: boto3 takes a quarter of a second to load, and only this needs it here
        from trapline.remote.caller import connect
        from trapline.remote.export import export_from
        from trapline.remote.terminal import session

        caller = connect(env, environ=os.environ, data_dir=given.get("data_dir", DEFAULT_DATA_DIR))
        if name == "export":
            code = export_from(caller, run=given["run"], form=given["form"], output=given["output"], text=given["text"])
        else:
            code = session(caller, sent, environ=os.environ)
        raise typer.Exit(code)

    own = inspect.Parameter("env", inspect.Parameter.KEYWORD_ONLY, annotation=Env, default=None)
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in signature.parameters.values()]
    command.__signature__ = signature.replace(parameters=[*parameters, own])  # type: ignore[attr-defined]
    command.__annotations__ = {**function.__annotations__, "env": Env}
    return command


def without_own(arguments: Sequence[str]) -> list[str]:
    """Return the arguments without the options that speak of this machine."""
    kept: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument == "--":
            return [*kept, argument, *left]
        option, given, _ = argument.partition("=")
        if option not in _OWN:
            kept.append(argument)
        elif not given:
            next(left, None)
    return kept
