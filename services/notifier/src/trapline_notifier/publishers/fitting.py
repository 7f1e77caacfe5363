"""One message in the form, and at the length, that one service takes."""

from html import escape
from typing import Protocol

import apprise

MUCH = 16_000
"""Characters. A service that takes as many, as HTML, is mail: it gets the whole plain text, line by line."""
_CUT = "\n\n… (the channel takes no more; `trapline show` has the rest)"
_FENCE = "```"


class Wording(Protocol):
    """The texts of one message."""

    @property
    def subject(self) -> str:
        """The subject."""
        ...

    @property
    def text(self) -> str:
        """Short Markdown."""
        ...

    @property
    def long_text(self) -> str:
        """Longer Markdown; empty where there is none."""
        ...

    @property
    def mail(self) -> str:
        """The whole plain text; empty where there is none."""
        ...


def fitted(service: apprise.NotifyBase, message: Wording) -> tuple[str, apprise.NotifyFormat]:
    """Return the text for a service, and its format. The service's own limit counts the title where it shows one."""
    counts_title = service.title_maxlen <= 0 or getattr(service, "overflow_amalgamate_title", False)
    room = int(service.body_maxlen) - (len(message.subject) + 2 if counts_title else 0)
    declared: object = service.notify_format  # one, or several with the preferred one first
    form = declared[0] if isinstance(declared, tuple) else declared
    if message.mail and form == apprise.NotifyFormat.HTML and room >= MUCH:
        # Markdown would make one paragraph of a difference: Apprise knows no fences
        return f"<pre>{escape(cut(message.mail, room // 2), quote=False)}</pre>", apprise.NotifyFormat.HTML
    text = message.long_text if message.long_text and len(message.long_text) <= room else message.text
    return cut(text, room), apprise.NotifyFormat.MARKDOWN


def cut(text: str, most: int) -> str:
    """Return at most ``most`` characters of ``text``: whole items where one fits, and no block that stays open."""
    if len(text) <= most:
        return text
    room = most - len(_CUT)
    if room <= 0:
        return text[: max(most - 1, 0)].rstrip() + "…"[:most]
    kept = text[:room]
    ends = kept.rfind("\n\n")
    kept = kept[:ends] if ends > room // 3 else kept[: kept.rfind("\n")] if "\n" in kept[room // 3 :] else kept
    if kept.count(_FENCE) % 2:
        kept = kept[: kept.rfind(_FENCE)]
    return kept.rstrip() + _CUT
