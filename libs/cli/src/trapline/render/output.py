"""Standard output and standard error of the process: any letter, and what it means that they can't be written."""

import io
import os
import sys
from typing import Any, TextIO


class OutputError(OSError):
    """Standard output can't be written, for example because it goes to a file on a full disk."""


class _Output(io.FileIO):
    """Standard output whose failure is told from that of a file: on the way up it meets those who look for one."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror, "standard output") from None


class _Errors(io.FileIO):
    """Standard error: nobody can be told that it can't be written, and the work goes on."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(memoryview(data).cast("B"))


def open_streams() -> None:
    """Have the process's streams take any letter, and be there: what is closed is replaced by nothing.

    Otherwise the next file that is opened would have a stream's number, and what is printed would go there.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # it gets this number, the lowest free
    sys.stdout = _wrapped(sys.stdout, _Output(1, "wb", closefd=False))
    sys.stderr = _wrapped(sys.stderr, _Errors(2, "wb", closefd=False))


def drop_output() -> None:
    """Let what standard output did not take, and all that comes, go nowhere: it must not raise again at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _wrapped(stream: TextIO | None, raw: io.FileIO) -> TextIO:
    """Return a stream like that one; pages hold every letter, and none that its encoding lacks stops a command."""
    errors = isinstance(raw, _Errors)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors="backslashreplace" if errors else "replace",
        line_buffering=errors or bool(getattr(stream, "line_buffering", False)),
        write_through=bool(getattr(stream, "write_through", False)),
    )
