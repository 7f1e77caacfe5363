"""Where an export goes: its format, and a file that appears only when it is whole."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TextIO

from trapline_common.domain.errors import InputRefusedError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a write to a file says where the disk, or what this user may have of it, is used up, or does not work."""


class Format(StrEnum):
    """How observations are written."""

    NDJSON = "ndjson"
    CSV = "csv"


def chosen_format(form: Format | None, output: Path | None) -> Format:
    """Return the format that was asked for, or that the file's ending says."""
    return form or (Format.CSV if output is not None and output.suffix.lower() == ".csv" else Format.NDJSON)


def goes_to_file(output: Path | None) -> bool:
    """Return whether ``output`` is a file, not standard output."""
    return output is not None and str(output) != "-"


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Write to a neighbour of ``path`` and put it in place at the end, so that no program reads half an export."""
    try:
        number, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    except OSError as error:
        raise InputRefusedError(f"{path}: can't be written: {error.strerror}") from error
    whole = Path(name)
    try:
        with os.fdopen(number, "w", encoding="utf-8", newline="") as out:
            yield out
        umask = os.umask(0)
        os.umask(umask)
        whole.chmod(0o666 & ~umask)  # mkstemp's own 0600 would surprise the tools that read it
        whole.replace(path)
    except BaseException as error:
        whole.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in NO_ROOM and error.filename is None:
            error.filename = str(path)  # what a write raises names no file
        raise
