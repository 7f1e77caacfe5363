"""The channels file: where alerts go besides SNS and the terminal, as ``name: address`` in YAML."""

import asyncio
import re
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from trapline_common.config.secrets import REFERENCE, malformed, secret_names
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ports import SecretSource

FILE_NAME = "channels.yaml"
"""In the data directory."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


async def read_channels(path: Path, secrets: SecretSource) -> dict[str, str]:
    """Return the addresses in ``path`` by name; none when there is no such file. Raises as ``parse_channels``."""
    try:
        text = await asyncio.to_thread(path.read_text, encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefusedError(f"{path}: can't be read: {error}") from error
    return await parse_channels(text, where=str(path), secrets=secrets)


async def parse_channels(text: str, *, where: str, secrets: SecretSource) -> dict[str, str]:
    """Return the addresses by name, each ``${secret:NAME}`` in them resolved.

    Raises ``InputRefusedError`` with ``where``, line, name and reason of every problem; never with an address, which
    usually holds a token.
    """
    try:
        found = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise InputRefusedError(f"{where}:{line}: not valid YAML: {error.problem}") from error
    except YAMLError as error:
        raise InputRefusedError(f"{where}:1: not valid YAML: {type(error).__name__}") from error
    if found is None:
        return {}
    if not isinstance(found, CommentedMap):
        raise InputRefusedError(f"{where}:1: must be a mapping of channel names to addresses")
    channels: dict[str, str] = {}
    problems: list[str] = []
    for name, address in found.items():
        line = found.lc.key(name)[0] + 1
        problem = _problem(name, address)
        if problem is None:
            try:
                channels[name] = await _resolved(address, secrets)
            except KeyError as error:
                problem = f"there is no secret {error.args[0]!r}"
        if problem is not None:
            problems.append(f"{where}:{line}: {name}: {problem}")
    if problems:
        raise InputRefusedError("\n".join(problems))
    return channels


def _problem(name: object, address: object) -> str | None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return "a channel's name has 1 to 64 letters, digits, '.', '_' or '-'"
    if not isinstance(address, str) or not (("://" in address) or REFERENCE.fullmatch(address)):
        return "the address must be a URL such as slack://..., mailto://... or ${secret:NAME}"
    return malformed(address)


async def _resolved(address: str, secrets: SecretSource) -> str:
    values = {name: await secrets.resolve(name) for name in secret_names(address)}
    return REFERENCE.sub(lambda match: values[match["name"]], address)
