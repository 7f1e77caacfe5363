"""One command in a deployment, seen from the terminal: what the command prints there is printed here."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console

from trapline.remote.allowlist import ACTING
from trapline.remote.caller import Caller
from trapline.remote.protocol import ZONE, Call, PageRequest, Terminal
from trapline_common.domain.errors import InputRefusedError

_LOCALTIME = Path("/etc/localtime")


def send_command(caller: Caller, command: Sequence[str], *, environ: Mapping[str, str]) -> int:
    """Send the command, print the answer's two streams, and return its exit code. Raises ``CallFailedError``."""
    stdin = sys.stdin.read() if command[0] == "add" and "-" in command else ""
    answer = caller.call(
        build_call(
            command,
            stdin=stdin,
            terminal=describe_terminal(Console(highlight=False)),
            zone=time_zone(environ),
            acted_by=caller.identity() if command[0] in ACTING else None,
        )
    )
    sys.stdout.write(answer.stdout)
    sys.stdout.flush()
    sys.stderr.write(answer.stderr)
    return answer.exit


def build_call(
    command: Sequence[str],
    *,
    stdin: str = "",
    terminal: Terminal | None = None,
    zone: str | None = None,
    page: PageRequest | None = None,
    acted_by: str | None = None,
) -> Call:
    """Return the message. Raises ``InputRefusedError`` for a command that is longer than a call may be."""
    try:
        return Call(command=tuple(command), stdin=stdin, terminal=terminal, zone=zone, page=page, acted_by=acted_by)
    except ValidationError as error:
        raise InputRefusedError(f"the command is too long to be sent: {error.errors()[0]['msg']}") from error


def describe_terminal(console: Console) -> Terminal | None:
    """Return the width and the colours of standard output; ``None`` for a file or a pipe."""
    if not console.is_terminal:
        return None
    colour = None if console.no_color else console.color_system
    known = colour if colour in {"standard", "256", "truecolor"} else None
    return Terminal(width=min(max(console.width, 20), 1000), colour=known)


def time_zone(environ: Mapping[str, str], *, localtime: Path = _LOCALTIME) -> str | None:
    """Return this machine's time zone by its IANA name, ``None`` where only the offset is known."""
    named = environ.get("TZ", "").removeprefix(":")
    if not named:
        named = os.path.realpath(localtime).partition("/zoneinfo/")[2]
    return named if re.match(ZONE, named) else None
