"""Writes the pieces of Markdown that the generated pages are made of."""

import re
from collections.abc import Iterable, Sequence


def code(text: str) -> str:
    """Return ``text`` as inline code, also within a cell of a table."""
    return f"`{text}`".replace("|", "\\|")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table with a line for each row. A cell may hold Markdown, and no line break."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"


def slug(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and the site make it from the heading's text."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
