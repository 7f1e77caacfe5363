"""Collects the browser's dead processes where the system's process 1 would not."""

import os
import time

from trapline_crawler.browser import guardian

_POLL = 0.01
_AT_MOST = 5.0
"""Seconds. A killed process gives its memory back before it can be collected: milliseconds, more on a busy machine."""


def collect(group: int, *, at_most: float = _AT_MOST) -> int:
    """Collect the dead processes of group ``group`` that became the crawler's children; return how many.

    A process whose parent died first is inherited by the system's process 1, which collects it. In a container without
    an init, process 1 is the crawler: there each browser would leave some zombies, until no process can be started.
    Elsewhere there is nothing to collect. The crawler's own children are in other groups; asyncio collects them.

    A process is shown as dead while some of its threads still end: it can't be collected yet, nor has the crawler
    inherited its children. So this waits until nothing of the group can reach the crawler any more, at most ``at_most``
    seconds.
    """
    collected = 0
    until = time.monotonic() + at_most
    while True:
        collected += _collect_now(group)
        if not _can_reach_us(group) or time.monotonic() > until:
            return collected
        time.sleep(_POLL)


def _collect_now(group: int) -> int:
    collected = 0
    while True:
        try:
            pid, _ = os.waitpid(-group, os.WNOHANG)
        except ChildProcessError:
            return collected
        if pid == 0:
            return collected
        collected += 1


def _can_reach_us(group: int) -> bool:
    """Tell whether a process of the group is the crawler's child, or becomes one when its parent of the group ends."""
    left = [process for process in guardian.processes() if process.group == group]
    parents = {process.pid for process in left} | {os.getpid()}
    return any(process.parent in parents for process in left)
