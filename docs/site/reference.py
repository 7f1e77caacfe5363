"""``make docs-reference``: writes the pages and the picture that are generated from the code."""

from collections.abc import Callable, Mapping

from docs.site.command_reference import command_reference
from docs.site.config_reference import config_reference
from docs.site.layers import layers_picture
from tools.shell import ROOT, main_guard, say
from trapline_web.openapi import text as api_description

GENERATED: Mapping[str, Callable[[], str]] = {
    "docs/reference/api.json": api_description,
    "docs/reference/commands.md": command_reference,
    "docs/reference/config.md": config_reference,
    "docs/reference/layers.svg": layers_picture,
}
"""Each generated file by its path from the root, with what writes its text."""


def stale() -> list[str]:
    """Return the generated files that are not what the code gives now."""
    return [path for path, text in GENERATED.items() if _read(path) != text()]


def _read(path: str) -> str | None:
    return (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).exists() else None


def main() -> int:
    """Write each file anew; say which ones changed."""
    for path in stale():
        (ROOT / path).write_text(GENERATED[path](), encoding="utf-8")
        say(f"wrote {path}")
    return 0


if __name__ == "__main__":
    main_guard(main)
