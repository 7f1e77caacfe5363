"""The ``trapline`` command, as a process."""

import os
import sys

from trapline.execute import EXIT_FAILED, execute


def main() -> None:
    """Run the command line of this process."""
    try:
        code = execute(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`head`) has what it wanted. The rest of the buffer must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_FAILED
    sys.exit(code)


if __name__ == "__main__":
    main()
