"""The channels file: where alerts go besides SNS and the terminal, as ``name: address`` in YAML."""

import asyncio
import re
from pathlib import Path

from trapline_common.config.document import Document, parse_document
from trapline_common.config.load import decode
from trapline_common.config.problems import Problem, at, refusal
from trapline_common.config.secrets import REFERENCE, malformed, secret_names
from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.ports import SecretSource

FILE_NAME = "channels.yaml"
"""In the data directory."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


async def read_channels(path: Path, secrets: SecretSource) -> dict[str, str]:
    """Return the addresses in ``path`` by name; none when there is no such file. Raises as ``parse_channels``."""
    try:
        data = await asyncio.to_thread(path.read_bytes)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputRefusedError(f"{path}: can't be read: {error.strerror}") from error
    return await parse_channels(decode(data, str(path)), where=str(path), secrets=secrets)


async def parse_channels(text: str, *, where: str, secrets: SecretSource) -> dict[str, str]:
    """Return the addresses by name, each ``${secret:NAME}`` in them resolved.

    Raises ``InputRefusedError`` with ``where``, line, name and reason of every problem; never with an address, which
    usually holds a token.
    """
    document = parse_document(text, where)
    problems = list(document.problems)
    channels: dict[str, str] = {}
    for name, address in _addresses(document, problems).items():
        try:
            channels[name] = await _resolved(address, secrets)
        except KeyError as error:
            problems.append(at((name,), document.lines, f"there is no secret {error.args[0]!r}"))
    if problems:
        raise refusal(where, problems)
    return channels


def _addresses(document: Document, problems: list[Problem]) -> dict[str, str]:
    """Return the addresses that are well formed, and add what is wrong with the others to ``problems``."""
    if document.data is None:
        return {}
    if not isinstance(document.data, dict):
        problems.append(at((), document.lines, "must be a mapping of channel names to addresses"))
        return {}
    found: dict[str, str] = {}
    refused = {problem.field for problem in problems}
    for name, address in document.data.items():
        reason = _wrong(name, address)
        if reason is None:
            found[name] = address
        elif name not in refused:
            problems.append(at((name,), document.lines, reason))
    return found


def _wrong(name: str, address: object) -> str | None:
    if not _NAME.fullmatch(name):
        return "a channel's name has 1 to 64 letters, digits, '.', '_' or '-'"
    if not isinstance(address, str) or not (("://" in address) or REFERENCE.fullmatch(address)):
        return "the address must be a URL such as slack://..., mailto://... or ${secret:NAME}"
    return malformed(address)


async def _resolved(address: str, secrets: SecretSource) -> str:
    values = {name: await secrets.resolve(name) for name in secret_names(address)}
    return REFERENCE.sub(lambda match: values[match["name"]], address)
