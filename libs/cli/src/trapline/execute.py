"""Executes one command line of ``trapline``: what each kind of error means to the shell."""

from collections.abc import Sequence

import asyncpg

from trapline.access.command_line import CommandLine, ExportPage
from trapline.application import application
from trapline.render.printer import note
from trapline_common.domain.errors import InputRefusedError, MessageRefusedError, TraplineError
from trapline_common.domain.storable_text import text_fault

EXIT_FAILED = 1
"""Something failed, or the ledger or AWS can't be reached; standard error says which."""
EXIT_REFUSED = 2
"""The command can't use its input; standard error says why."""
EXIT_INTERRUPTED = 130
"""Ctrl-C, as a shell reports it."""


def execute(arguments: Sequence[str], *, page: ExportPage | None = None) -> int:
    """Run one command line and return its exit code, as ``trapline --help`` lists them; a closed pipe is raised.

    ``page``: the part of an export that is wanted.
    """
    try:
        _check(arguments)
        with CommandLine(arguments=tuple(arguments), page=page).executing():
            application(arguments)(list(arguments), prog_name="trapline")
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


def _check(arguments: Sequence[str]) -> None:
    """Raise ``InputRefusedError`` for an argument that the ledger can't hold: it is wrong wherever it stands."""
    for number, argument in enumerate(arguments, start=1):
        fault = text_fault(argument)
        if fault is not None:
            raise InputRefusedError(f"argument {number} ({argument[:80]!a}) {fault}")
