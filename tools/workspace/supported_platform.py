"""The machines that Trapline's development environment runs on; setup refuses the others before it downloads anything."""

import platform
from dataclasses import dataclass

from tools.shell import ToolError

OLDEST_PYTHON = (3, 11)
SUPPORTED = "Linux with glibc on x86_64 or arm64, and macOS on Apple silicon"
"""Those for which every locked package has a wheel, with POSIX file locks and process groups."""
_REASONS = {
    "Windows": "it lacks the POSIX file locks and process groups that Trapline uses; WSL 2 is a Linux that works",
    "Darwin": "the locked packages have no wheels for Intel Macs",
    "Linux": "the locked packages have no wheels for this processor or for a C library other than glibc",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What decides whether the locked packages and the code work here."""

    system: str
    """As ``platform.system()`` says it."""
    processor: str
    """As ``platform.machine()`` says it."""
    c_library: str
    """As ``platform.libc_ver()`` says it: ``glibc``, or empty where it is another one."""
    python: tuple[int, int]
    """Major and minor version of the interpreter that runs setup."""


def this_machine() -> Machine:
    """Return the machine that runs this code."""
    major, minor, _ = platform.python_version_tuple()
    return Machine(
        system=platform.system(),
        processor=platform.machine(),
        c_library=platform.libc_ver()[0],
        python=(int(major), int(minor)),
    )


def refuse_unsupported(machine: Machine) -> None:
    """Raise ``ToolError`` with what is supported and the reason, where the workspace can't be set up."""
    if machine.python < OLDEST_PYTHON:
        needed, found = (".".join(map(str, version)) for version in (OLDEST_PYTHON, machine.python))
        raise ToolError(f"Python {needed} or newer is needed; this is {found}")
    match machine:
        case Machine(system="Linux", processor="x86_64" | "aarch64" | "arm64", c_library="glibc"):
            return
        case Machine(system="Darwin", processor="arm64"):
            return
    reason = _REASONS.get(machine.system, "nobody has tried it")
    raise ToolError(
        f"Trapline does not support {machine.system} on {machine.processor}: {reason}. It supports {SUPPORTED}"
    )
