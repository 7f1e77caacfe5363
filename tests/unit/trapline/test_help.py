"""``--help`` is the reference: what it says of each command and option is complete."""

import re

import pytest
import typer
from typer.main import get_command

from trapline.application import application

APP = get_command(application([]))
COMMANDS = APP.commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_says_what_it_does_how_it_ends_and_how_it_is_typed(name: str) -> None:
    """Each command has a sentence of its own, its exit codes, and examples that begin with its name."""
    first, *paragraphs, last = COMMANDS[name].help.split("\n\n")
    assert first.endswith(".")
    assert any(re.search(r"Exits with 0\b", paragraph) for paragraph in paragraphs)
    assert paragraphs[-1] == "Examples:"
    assert all(re.search(rf"\btrapline {name}\b", line) for line in last.splitlines()), last


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_each_argument_and_option_is_explained(name: str) -> None:
    """Each argument and option has a sentence, but for those that no person is to type."""
    context = typer.Context(COMMANDS[name])
    for parameter in COMMANDS[name].get_params(context):
        if not getattr(parameter, "hidden", False):
            assert (getattr(parameter, "help", "") or "").endswith("."), parameter.name


def test_a_paragraph_of_a_help_text_is_one_line() -> None:
    """Paragraphs are wrapped by each terminal; a line break of the source is none in the help."""
    for command in (APP, *COMMANDS.values()):
        paragraphs = command.help.split("\n\n")
        assert all("\n" not in paragraph for paragraph in paragraphs if not paragraph.startswith(" "))
