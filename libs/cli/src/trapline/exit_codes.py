"""The exit codes: one table for every command."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit code says, to a shell, to cron and to a monitor."""

    DONE = 0
    """The command did what it was asked for; a check found nothing."""
    FAILED = 1
    """It ran, and the answer is bad: a task failed, a visit failed, a check is red."""
    REFUSED = 2
    """It can't use its input, and did nothing: standard error says which, and what to write instead."""
    NOTHING_RUN = 3
    """Nothing was run, for a run of the same crawl is open: cron that is faster than its crawl."""
    AWAY = 4
    """The ledger, a channel or AWS can't be reached, or failed; the same command may work later."""
    HUNG_UP = 129
    """The terminal was closed (SIGHUP), with the same end as Ctrl-C has; under `nohup` the command goes on."""
    INTERRUPTED = 130
    """Ctrl-C stopped it. Tasks went back to the ledger; the same command goes on with them."""
    PIPE_CLOSED = 141
    """Who read standard output has closed it, as `head` does."""
    TERMINATED = 143
    """SIGTERM stopped it, with the same end."""
