"""The ``trapline`` command, as a process."""

import os
import sys

from trapline.early import begin_early
from trapline.stop_signals import end_at_once, unwind


def main() -> None:
    """Run the command line of this process."""
    end_at_once()
    # Pydantic would read the metadata of every distribution that is installed, in this process and in each crawler's,
    # to look for plugins: there are none that we want.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    begin_early(sys.argv[1:])
    # Late: what they load takes a second, in which a person may press Ctrl-C.
    from trapline.execute import execute
    from trapline.exit_codes import ExitCode
    from trapline.render.notes import note
    from trapline.render.output import OutputError, drop_output, open_streams
    from trapline_common.platform.leaving import leave

    open_streams()
    unwind()
    try:
        code = execute(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader (`head`) has what it wanted
        drop_output()
        code = ExitCode.PIPE_CLOSED
    except OutputError as error:
        drop_output()
        note(f"trapline: {error.filename}: {error.strerror}")
        code = ExitCode.AWAY
    leave(code)


if __name__ == "__main__":
    main()
