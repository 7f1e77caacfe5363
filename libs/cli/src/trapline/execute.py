"""Executes one command line of ``trapline``: what each kind of error means to the shell."""

import errno
import os
from collections.abc import Sequence

from trapline.access.command_line import CommandLine, ExportPage
from trapline.application import application
from trapline.exit_codes import ExitCode
from trapline.render.export_file import NO_ROOM
from trapline.render.notes import note
from trapline.render.output import OutputError
from trapline_common.domain.errors import (
    InputRefusedError,
    JobsFailedError,
    MessageRefusedError,
    TransientError,
    TraplineError,
    UnreadableAnswerError,
)
from trapline_common.domain.storable_text import text_fault

_NO_ROOM = NO_ROOM | {errno.EMFILE, errno.ENFILE}


def execute(arguments: Sequence[str], *, page: ExportPage | None = None, acted_by: str | None = None) -> int:
    """Run one command line and return its exit code, as ``trapline --help`` lists them.

    Raises ``BrokenPipeError`` and ``OutputError``: nothing can be printed.

    ``page``: the part of an export that is wanted. ``acted_by``: for whom, where that is not this machine's user.
    """
    try:
        _check(arguments)
        with CommandLine(arguments=tuple(arguments), page=page, acted_by=acted_by).executing():
            application(arguments)(list(arguments), prog_name="trapline")
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Click ends with 1 for it, which says that a task failed
            raise end.__context__ from None
        return end.code if isinstance(end.code, int) else ExitCode.DONE
    except _refused() as error:
        note(str(error))
        return ExitCode.REFUSED
    except _away() as error:
        note(f"trapline: {error}")
        return ExitCode.AWAY
    except TraplineError as error:
        note(f"trapline: {error}")
        return ExitCode.FAILED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except OutputError:
        raise
    except OSError as error:
        return _of_file(error)
    return ExitCode.DONE


def _refused() -> tuple[type[Exception], ...]:
    """Return the errors of a command that can't use its input. The ledger's are loaded when there is an error."""
    from trapline_common.ledger.schema.migrate import MigrationError

    return (InputRefusedError, MessageRefusedError, MigrationError)


def _away() -> tuple[type[Exception], ...]:
    """Return the errors of a command whose ledger, channel or AWS is away."""
    import asyncpg

    return (TransientError, JobsFailedError, UnreadableAnswerError, asyncpg.PostgresError)


def _of_file(error: OSError) -> ExitCode:
    """Say which file can't be used and why: the cause is the machine's, and no traceback tells more.

    What names no file (a closed pipe among it) is raised again, unless it says that there is no room.
    """
    if error.strerror is None or (error.filename is None and error.errno not in _NO_ROOM):
        raise error
    note(f"trapline: {error.filename}: {error.strerror}" if error.filename else f"trapline: {error.strerror}")
    return ExitCode.AWAY if error.errno in _NO_ROOM else ExitCode.REFUSED


def _check(arguments: Sequence[str]) -> None:
    """Raise ``InputRefusedError`` for an argument that the ledger can't hold: it is wrong wherever it stands.

    And where the current folder was deleted: whatever looks for a file, the browser too, would fail in its own way.
    """
    try:
        os.getcwd()  # noqa: PTH109  (Path.cwd() is this)
    except FileNotFoundError:
        raise InputRefusedError("the current folder was deleted: change into one that is there") from None
    for number, argument in enumerate(arguments, start=1):
        fault = text_fault(argument)
        if fault is not None:
            raise InputRefusedError(f"argument {number} ({argument[:80]!a}) {fault}")
