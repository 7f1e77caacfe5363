"""The memory that a function, a container or a machine has."""

import os
from contextlib import suppress
from pathlib import Path

MIB = 1024 * 1024
CGROUP = Path("/sys/fs/cgroup")
"""Where a container sees its own bounds; both versions of control groups have it there."""


def memory_here() -> int:
    """Return the bytes of memory of the function or the machine, or what the container may have of it."""
    whole = int(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    of_function = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    if of_function.isdecimal():
        return min(whole, int(of_function) * MIB)
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with suppress(OSError):
            text = (CGROUP / name).read_text(encoding="ascii").strip()
            if text.isdecimal():
                return min(whole, int(text))
    return whole
