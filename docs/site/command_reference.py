"""The reference of the ``trapline`` command, generated from its Typer application."""

from collections.abc import Iterable
from typing import Any

from typer.main import get_command

from docs.site.markdown import code, table
from trapline.application import application

_INTRODUCTION = """\
# Commands: the reference

`make docs-reference` generates this page from the command itself, and a test compares the two. More of what
holds for every command is in [the commands](../commands.md).
"""


def command_group() -> Any:
    """Return the whole command line as the Click group that Typer makes of it; its class has no public name."""
    return get_command(application(()))


def command_reference() -> str:
    """Return the page: each command under its panel of ``trapline --help``."""
    group = command_group()
    parts = [_INTRODUCTION, _prose(group.help or "")]
    panel = None
    for name, command in group.commands.items():
        if command.rich_help_panel != panel:
            panel = command.rich_help_panel
            parts.append(f"## {panel}\n")
        parts.append(_section(group, name, command))
    return "\n".join(parts)


def _section(group: Any, name: str, command: Any) -> str:
    parent = group.context_class(group, info_name="trapline")
    context = command.context_class(command, info_name=name, parent=parent)
    usage = " ".join(["Usage: trapline", name, *command.collect_usage_pieces(context)])
    lines = [f"### trapline {name}\n", f"```text\n{usage}\n```\n", _prose(command.help or "")]
    records = [record for parameter in command.params if (record := _record(parameter, context)) is not None]
    if records:
        lines.append(table(("argument or option", "meaning"), records))
    return "\n".join(lines)


def _record(parameter: Any, context: Any) -> tuple[str, str] | None:
    """Return the parameter's name and its meaning as ``--help`` words them; none for a hidden parameter."""
    if parameter.hidden:
        return None
    record: tuple[str, str] | None = parameter.get_help_record(context)
    return None if record is None else (code(record[0]), record[1].replace("[", "\\["))


def _prose(text: str) -> str:
    """Return a help text as Markdown: an indented block, such as the examples, becomes a fence."""
    parts: list[str] = []
    for block in text.split("\n\n"):
        if block.startswith("  "):
            parts.append(_fenced(block.splitlines()))
        else:
            parts.append(block)
    return "\n\n".join(parts) + "\n"


def _fenced(lines: Iterable[str]) -> str:
    return "\n".join(["```console", *(line.strip() for line in lines), "```"])
