"""Collects the browser's dead processes where the system's process 1 would not."""

import os


def collect(group: int) -> int:
    """Collect the dead processes of group ``group`` that became the crawler's children; return how many.

    A process whose parent died first is inherited by the system's process 1, which collects it. In a container without
    an init, process 1 is the crawler: there each browser would leave some zombies, until no process can be started.
    Elsewhere there is nothing to collect. The crawler's own children are in other groups; asyncio collects them.
    """
    collected = 0
    while True:
        try:
            pid, _ = os.waitpid(-group, os.WNOHANG)
        except ChildProcessError:
            return collected
        if pid == 0:
            return collected
        collected += 1
