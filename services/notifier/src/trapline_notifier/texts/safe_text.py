"""What a page wrote, made harmless: it may hold control characters, markup, mentions, or a megabyte of title."""

import re
from urllib.parse import quote

from trapline_common.platform.invisible import INVISIBLE

_MENTION = re.compile(r"@(?=\w)|<(?=[!@#])")
_URL_SAFE = "/:?=;,.-_~%+$&#!"


def one_line(text: object, most: int = 300) -> str:
    """Return ``text`` on one line, without invisible characters, at most ``most`` characters long."""
    line = " ".join(INVISIBLE.sub(" ", str(text)).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def block(text: str) -> str:
    """Return several lines without invisible characters; tabs become spaces."""
    return "\n".join(INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", line).expandtabs(4) for line in text.split("\n"))


def url(text: object, most: int = 500) -> str:
    """Return a URL that is one word and holds no markup: what isn't plainly part of a URL is percent-encoded."""
    line = one_line(text, most)
    return quote(line, safe=_URL_SAFE)


def code(text: object, most: int = 200) -> str:
    """Return ``text`` as a Markdown code span: nothing in it is markup, a link or a mention."""
    inert = _unmentioned(one_line(text, most).replace("`", "'"))
    return f"`{inert}`"


def fenced(text: str) -> str:
    """Return ``text`` as a fenced Markdown block that nothing in it can close."""
    inert = _unmentioned(block(text).replace("```", "'''"))
    return f"```\n{inert}\n```"


def _unmentioned(text: str) -> str:
    """Break ``@here``, ``<!channel>`` and ``<@U1>`` with a zero-width space: some chats find them even in code."""
    return _MENTION.sub(lambda match: match.group() + "\u200b", text)
