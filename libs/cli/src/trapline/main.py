"""The ``trapline`` command, as a process."""

import io
import os
import sys

from trapline.execute import execute
from trapline.exit_codes import ExitCode


def main() -> None:
    """Run the command line of this process."""
    _take_any_letter()
    try:
        code = execute(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`head`) has what it wanted. The rest of the buffer must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.PIPE_CLOSED
    sys.exit(code)


def _take_any_letter() -> None:
    """Have what standard output's encoding lacks replaced: pages hold every letter, and no page stops a command."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # under pythonw, and in a service, there may be none
        sys.stdout.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
