"""Reads the documentation's Markdown: links, anchors and code, for the checks of what the pages say."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from docs.site.markdown import slug
from tools.shell import ROOT

_PAGES = ("*.md", "docs/**/*.md", "libs/*/*.md", "services/*/*.md", "terraform/**/*.md", ".github/**/*.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one Markdown file says, as far as a check can read it."""

    path: Path
    """Absolute."""
    links: tuple[str, ...]
    """Targets of links and images, as written."""
    anchors: frozenset[str]
    """Of its headings, as GitHub and the site make them."""
    spans: tuple[str, ...]
    """Inline code, in order."""
    lines: tuple[str, ...]
    """The lines of its code blocks, in order."""

    @property
    def name(self) -> str:
        """Its path from the root."""
        return self.path.relative_to(ROOT).as_posix()


@cache
def pages() -> tuple[Page, ...]:
    """Return every page of the project, sorted by path."""
    return tuple(read_page(path) for path in sorted({path for glob in _PAGES for path in ROOT.glob(glob)}))


def read_page(path: Path) -> Page:
    """Read one Markdown file."""
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    inline = [child for token in tokens for child in token.children or ()]
    blocks = [token for token in tokens if token.type in {"fence", "code_block"}]
    return Page(
        path=path,
        links=tuple(_links(inline)),
        anchors=frozenset(_anchors(tokens)),
        spans=tuple(child.content for child in inline if child.type == "code_inline"),
        lines=tuple(line.strip() for block in blocks for line in block.content.splitlines()),
    )


def _links(inline: list[Token]) -> Iterator[str]:
    for token in inline:
        target = token.attrs.get("href") or token.attrs.get("src")
        if target is not None:
            yield str(target)


def _anchors(tokens: list[Token]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for opening, content in pairwise(tokens):
        if opening.type == "heading_open":
            words = "".join(child.content for child in content.children or ())
            anchor = slug(words)
            yield f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor
            seen[anchor] += 1
