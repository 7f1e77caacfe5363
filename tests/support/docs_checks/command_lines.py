"""Checks the ``trapline`` command lines and the ``make`` targets that the pages and the help texts show."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from docs.site.command_reference import command_group
from support.docs_checks.pages import pages
from tools.shell import ROOT

_OURS = re.compile(r"^(?:\$ )?(?:\.venv/bin/)?trapline (?P<arguments>.+)$")
_ENDS = frozenset({"|", "||", "&&", ";", "#", ">", "&"})
"""Where a shell's command ends."""
_NESTED = re.compile(r"\$\((?P<line>[^()]*)\)")
_PLACEHOLDERS = {
    "ADDRESS:PORT": "10.0.0.1:8080",
    "COMMAND": "status",
    "ENV": "dev",
    "FILE": "crawls.yaml",
    "N": "4",
    "NAME": "pricing",
    "RUN": "7",
    "URL": "https://example.com/",
    "ndjson/csv": "csv",
}
"""What a page writes in place of a value, with a value that the command accepts."""
_MAKE = re.compile(r"^make(?: (?P<target>[a-z][a-z-]*))?(?= |$)")


def wrong_command_lines() -> Iterator[str]:
    """Return each command line that the command would refuse, as ``WHERE: LINE: REASON``."""
    group = command_group()
    for where, line, is_mention in _shown():
        for each in [line, *(found["line"] for found in _NESTED.finditer(line))]:
            ours = _OURS.match(each)
            if ours and (reason := _refused(group, ours["arguments"], is_mention=is_mention)):
                yield f"{where}: {each}: {reason}"


def wrong_make_targets() -> Iterator[str]:
    """Return each ``make`` target that the Makefile lacks, as ``WHERE: LINE``."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for where, line, _ in _shown():
        found = _MAKE.match(line)
        if found and found["target"] and found["target"] not in targets:
            yield f"{where}: {line}"


def _shown() -> Iterator[tuple[str, str, bool]]:
    """Return every line of code with where it stands. The last value: it is inline code, which may just name one."""
    for page in pages():
        yield from ((page.name, line, False) for line in page.lines)
        yield from ((page.name, span, True) for span in page.spans)
    for where, text in _helps().items():
        yield from ((where, line.strip(), False) for line in text.splitlines())
        yield from ((where, span, True) for span in re.findall(r"`([^`]+)`", text))


def _helps() -> Mapping[str, str]:
    """Return each help text by the command line that prints it."""
    group = command_group()
    each = {f"trapline {name} --help": command.help or "" for name, command in group.commands.items()}
    return {"trapline --help": group.help or "", **each}


def _refused(group: Any, arguments: str, *, is_mention: bool) -> str | None:
    """Return why the command refuses ``arguments``: its own parser reads them, and nothing runs."""
    words = [_value(word) for word in _words(_NESTED.sub("7", arguments))]
    words = [word for word in words if word]
    if words in (["--version"], ["--help"]):
        return None
    name, rest = words[0], words[1:]
    if name not in group.commands:
        return f"there is no command {name!r}"
    if rest == ["--help"] or (is_mention and not rest):
        return None
    parent = group.context_class(group, info_name="trapline")
    try:
        group.commands[name].make_context(name, rest, parent=parent)
    except Exception as error:  # noqa: BLE001  (Typer's usage errors have no public class)
        # Inline code names an option of a command, and need not say the command's arguments
        return None if is_mention and str(error).startswith("Missing") else str(error)
    return None


def _words(line: str) -> Iterator[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;>")
    lexer.whitespace_split = True
    for word in lexer:
        if word in _ENDS:
            return
        yield word


def _value(word: str) -> str:
    """Return a word as a person would type it: ``[URL]`` and ``URL...`` are a URL."""
    bare = word.strip("[]").removesuffix("...")
    return _PLACEHOLDERS.get(bare, bare)
