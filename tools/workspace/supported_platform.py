"""The machines that Trapline's development environment runs on; setup refuses the others before any download."""

import platform
import sys
from typing import NamedTuple

from tools.shell import ToolError

OLDEST_PYTHON = (3, 11)
SUPPORTED = "Linux with glibc on x86_64 or arm64, and macOS on Apple silicon"
"""Those for which every locked package has a wheel, and which have POSIX file locks and process groups."""
_REASONS = {
    "Windows": "it lacks the POSIX file locks and process groups that Trapline uses; WSL 2 is a Linux that works",
    "Darwin": "the locked packages have no wheels for Intel Macs",
    "Linux": "the locked packages have no wheels for this processor or for a C library other than glibc",
}


class Platform(NamedTuple):
    """What decides whether the locked packages and the code work here."""

    system: str
    """``platform.system()``."""
    processor: str
    """``platform.machine()``."""
    c_library: str
    """``platform.libc_ver()``: ``glibc``, or empty where it is another one."""


def refuse_unsupported(machine: Platform | None = None, *, python: tuple[int, ...] = sys.version_info[:3]) -> None:
    """Raise ``ToolError`` with what is supported and the reason, where the workspace can't be set up."""
    found = machine or Platform(platform.system(), platform.machine(), platform.libc_ver()[0])
    if python < OLDEST_PYTHON:
        raise ToolError(f"Python 3.11 or newer is needed; this is {'.'.join(map(str, python))}")
    match found:
        case ("Linux", "x86_64" | "aarch64" | "arm64", "glibc") | ("Darwin", "arm64", _):
            return
    reason = _REASONS.get(found.system, "no test ever ran there")
    raise ToolError(f"Trapline does not support {found.system} on {found.processor}: {reason}. It supports {SUPPORTED}")
