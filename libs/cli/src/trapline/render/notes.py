"""Lines about the command itself. They need nothing of rich, which takes as long to load as most commands take."""

import sys

from trapline.render.safe_text import printable


def note(text: str) -> None:
    """Print a line about the command itself, on standard error, so that piped output holds only what was asked for."""
    print("\n".join(printable(line) for line in text.splitlines()), file=sys.stderr)
