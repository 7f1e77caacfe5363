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
    typer.Option("--env", metavar="NAME", help="Do it in this deployment on AWS; local is the one of `make up`."),
]
_LOCAL_OPTIONS = ("--env", "--data-dir", "--database-url")
"""Options with a value that have a meaning on this machine only."""


def with_env_option(name: str, function: Callable[..., None]) -> Callable[..., None]:
    """Return the command with ``--env`` as one more option; its other options are checked here, before it is sent.

    The commands that work on this machine alone have the option too: they refuse it and say why. A command that has an
    ``--env`` of its own stays as it is: it works on this machine, with what it reads of the deployment.
    """
    signature = inspect.signature(function)
    if "env" in signature.parameters:
        return function

    @wraps(function)
    def command(*, env: str | None, **given: Any) -> None:
        if env is None:
            function(**given)
            return
        sent = [name, *without_local_options(CommandLine.current().arguments[1:])]
        refused = refusal(sent)
        if name not in ALLOWED or (refused is not None and name != "export"):
            raise InputRefusedError(str(refused))
        from trapline.remote.run_there import run_there  # late: boto3 costs a command here 0.4 s of CPU

        data_dir = given.get("data_dir", DEFAULT_DATA_DIR)
        raise typer.Exit(run_there(sent, given, environment=env, environ=os.environ, data_dir=data_dir))

    own = inspect.Parameter("env", inspect.Parameter.KEYWORD_ONLY, annotation=Env, default=None)
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in signature.parameters.values()]
    command.__signature__ = signature.replace(parameters=[*parameters, own])  # type: ignore[attr-defined]
    command.__annotations__ = {**function.__annotations__, "env": Env}
    return command


def without_local_options(arguments: Sequence[str]) -> list[str]:
    """Return the arguments that are sent: all but the options that have a meaning on this machine only."""
    kept: list[str] = []
    left = iter(arguments)
    for argument in left:
        if argument == "--":
            return [*kept, argument, *left]
        option, given, _ = argument.partition("=")
        if option not in _LOCAL_OPTIONS:
            kept.append(argument)
        elif not given:
            next(left, None)
    return kept
