"""``make docs``: builds the documentation's site into ``build/site``. A warning fails the build."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.shell import ROOT, ToolError, main_guard, must, say

SITE = "build/site"
_FRONT = '<!doctype html><meta http-equiv="refresh" content="0; url=docs/README.html"><title>Trapline</title>\n'
"""``index.html``: the pages lie where they lie in the repository, and this leads from the root to the first of them."""
_LOADED = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc="(?P<src>[^"]+)"|<link\b[^>]*\bhref="(?P<href>[^"]+)"|"""
    r"""url\(["']?(?P<css>[^"')]+)|@import\s+["'](?P<sheet>[^"']+)"""
)
"""What a browser fetches by itself when it shows a page; a link that a reader follows is none of it."""


def build(target: Path) -> None:
    """Write the site into ``target``. Raises ``ToolError`` on a warning, or when a page loads from another host."""
    must(
        [
            *(sys.executable, "-m", "sphinx", "--builder", "html", "--conf-dir", "docs", "--quiet"),
            *("--fail-on-warning", "--doctree-dir", str(target.with_name(f"{target.name}-cache"))),
            *(".", str(target)),
        ],
        step="building the site",
    )
    (target / "index.html").write_text(_FRONT, encoding="utf-8")
    if foreign := list(loads_from_elsewhere(target)):
        raise ToolError(f"the site loads from another host: {foreign[0]}")


def loads_from_elsewhere(target: Path) -> Iterator[str]:
    """Return what the site's pages and style sheets load from other hosts, as ``FILE: ADDRESS``."""
    for path in sorted(target.rglob("*")):
        if path.suffix in {".html", ".css"}:
            for found in _LOADED.finditer(path.read_text(encoding="utf-8")):
                address = next(group for group in found.groups() if group is not None)
                if re.match(r"(?:https?:)?//", address):
                    yield f"{path.relative_to(target)}: {address}"


def main() -> int:
    """Build, and say where the first page is."""
    build(ROOT / SITE)
    say(f"built {SITE}/index.html")
    return 0


if __name__ == "__main__":
    main_guard(main)
