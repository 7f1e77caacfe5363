"""Making what a page wrote harmless to show: it may hold control characters, markup, mentions, or a megabyte of title."""

import re
from urllib.parse import quote

SUBJECT_LENGTH = 100
"""SNS refuses a subject of more than 100 characters, of anything but ASCII, or with a control character."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""Control, zero-width and direction characters, and lone surrogates: they hide, reorder or break what a person sees."""
_MENTION = re.compile(r"@(?=\w)|<(?=[!@#])")
_URL_SAFE = "/:?=;,.-_~%+$&#!"


def one_line(text: object, most: int = 300) -> str:
    """Return ``text`` on one line, without invisible characters, at most ``most`` characters long."""
    line = " ".join(_INVISIBLE.sub(" ", str(text)).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def block(text: str) -> str:
    """Return several lines without invisible characters; tabs become spaces."""
    return "\n".join(_INVISIBLE.sub("\N{REPLACEMENT CHARACTER}", line).expandtabs(4) for line in text.split("\n"))


def subject(text: str) -> str:
    """Return a subject line every channel takes: ASCII, 1 to 100 characters, no control character, no blank ends."""
    plain = one_line(text, 4 * SUBJECT_LENGTH).replace("…", "...").encode("ascii", "replace").decode("ascii")
    if len(plain) > SUBJECT_LENGTH:
        plain = plain[: SUBJECT_LENGTH - 3].rstrip() + "..."
    return plain or "Trapline"


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
