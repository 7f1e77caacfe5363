"""One command in a deployment, begun here: which way it goes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trapline.remote.caller import connect
from trapline.remote.export import export_from
from trapline.remote.terminal import send_command


def run_there(
    command: Sequence[str],
    options: Mapping[str, Any],
    *,
    environment: str,
    environ: Mapping[str, str],
    data_dir: Path,
) -> int:
    """Have the operator function perform the command, and return its exit code.

    ``command``: the words typed, without the options of this machine; ``options``: its parameters' values by name.
    The local AWS is found below ``data_dir``.     Raises ``InputRefusedError`` and ``CallFailedError``.
    """
    caller = connect(environment, environ=environ, data_dir=data_dir)
    if command[0] == "export":
        return export_from(
            caller, run=options["run"], form=options["form"], output=options["output"], text=options["text"]
        )
    return send_command(caller, command, environ=environ)
