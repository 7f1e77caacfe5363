"""What of an HTML text is markup. Pure, linear, and made for HTML as a browser writes it out.

A browser writes attributes in double quotes, tag names in lower case, and escapes what would end either.
"""

import re
from collections.abc import Iterator

_TAG = re.compile(r"<(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]*)|<[!?]")
_END = re.compile(r'[^">]*(?:"[^"]*"[^">]*)*>')
_RAW = frozenset({"script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"})
"""Elements in which ``<`` begins no tag but their own end."""


def markup(html: str) -> Iterator[tuple[int, int]]:
    """Yield where each tag, comment and declaration stands, in order. What is never closed reaches to the end."""
    at = 0
    while match := _TAG.search(html, at):
        start = match.start()
        at = _end(html, match)
        yield start, at
        if match["name"] and not match["close"] and (name := match["name"].lower()) in _RAW:
            closing = re.compile(rf"</{name}", re.IGNORECASE).search(html, at)
            at = closing.start() if closing else len(html)


def _end(html: str, match: re.Match[str]) -> int:
    if html.startswith("<!--", match.start()):
        closing = html.find("-->", match.start() + 4)
        return closing + 3 if closing >= 0 else len(html)
    closed = _END.match(html, match.end())
    return closed.end() if closed else len(html)
