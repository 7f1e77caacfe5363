"""A Sphinx extension: the site's navigation is made of the links in the pages that list others.

A page that lists others stays plain Markdown, which GitHub shows as well, and says once what belongs where.
"""

import re
from collections.abc import Iterator
from posixpath import dirname, join, normpath

from sphinx.application import Sphinx

LISTS = frozenset({"docs/README", "CHANGELOG", "terraform/README"})
"""The pages whose list items are the navigation. In ``docs/README`` each second heading is a group of it."""
_ITEM = re.compile(r"^- \[(?P<title>[^\]]+)\]\((?P<target>[^)#:]+)\.md\)", re.MULTILINE)
_GROUP = re.compile(r"^## (?P<caption>.+)$", re.MULTILINE)


def navigation(docname: str, text: str) -> str:
    """Return hidden ``toctree`` directives for what ``text`` lists: one for each group that has an item."""
    groups = _GROUP.split(text)
    captions = ["", *groups[1::2]]
    return "\n".join(_toctree(docname, caption, body) for caption, body in zip(captions, groups[::2], strict=True))


def _toctree(docname: str, caption: str, body: str) -> str:
    entries = list(_entries(docname, body))
    if not entries:
        return ""
    head = f":caption: {caption}\n" if caption and docname == "docs/README" else ""
    return "\n".join(["", "```{toctree}", f":hidden:\n{head}", *entries, "```", ""])


def _entries(docname: str, body: str) -> Iterator[str]:
    for item in _ITEM.finditer(body):
        yield f"{item['title']} </{normpath(join(dirname(docname), item['target']))}>"


def _add(_app: Sphinx, docname: str, source: list[str]) -> None:
    if docname in LISTS:
        source[0] += navigation(docname, source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", _add)
    return {"parallel_read_safe": True}
