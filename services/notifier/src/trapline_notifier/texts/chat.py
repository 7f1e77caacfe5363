"""The short Markdown that goes to chat. Every word of a page stands in code, where nothing is markup or a mention."""

from collections.abc import Sequence

from trapline_common.domain.ports import AlertRow
from trapline_common.domain.web_view import WebView
from trapline_notifier.texts.email import clipped
from trapline_notifier.texts.headline import MARKS, headline, more
from trapline_notifier.texts.item import Item, describe
from trapline_notifier.texts.safe_text import code, fenced
from trapline_notifier.texts.telling import Telling

SHORT = 1_900
"""Characters. Discord, the strictest of the common channels, takes 2,000."""
LONG = 12_000
"""Characters, for channels that take more, such as Slack."""
_DIFF = 700
_HIDDEN = frozenset({"Title", "Compared with"})
"""Facts a chat message leaves to the email."""


def text(
    kind: str, crawl: str, told: Sequence[Telling[AlertRow]], *, web: WebView, shown: int, most: int = SHORT
) -> str:
    """Return the message: a headline, as many of the first ``shown`` tellings as fit, and how many more there are.

    It has at most ``most`` characters.
    """
    title = headline(kind, crawl, told)
    parts = [f"{MARKS.get(kind, '⚪')} **{_bare(title)}**"]
    shown_items, diff = 0, _DIFF * (1 if most <= SHORT else 4)
    left = most - len(parts[0]) - 100  # for the last line
    for each in told[:shown]:
        item = describe(each, web)
        part = next(
            (form for form in (_item(item, diff=diff), _item(item, diff=0), _short(item)) if len(form) <= left), None
        )
        if part is None:
            break
        parts.append(part)
        left -= len(part) + 2
        shown_items += 1
    if shown_items < len(told):
        runs = sorted({each.last.run_id for each in told if each.last.run_id is not None})
        where = f": `trapline show {runs[-1]}`" if runs else ""
        parts.append(f"… and {more(kind, len(told) - shown_items)}{where}")
    return "\n\n".join(parts)


def _item(item: Item, *, diff: int) -> str:
    lines = [f"{item.url}  \n{code(item.what)}" if item.url else code(item.what)]
    lines += [f"{label}: {code(value)}" for label, value in _labels(item)]
    if item.link:
        lines.append(item.link)  # of numbers and the setting alone: no word of a page is in it
    if item.advice:
        lines.append(f"*{item.advice}*")
    body = "  \n".join(lines)  # two blanks: a line break in every Markdown
    return f"{body}\n{fenced(clipped(item.diff, diff))}" if item.diff and diff else body


def _labels(item: Item) -> list[tuple[str, str]]:
    return [(_bare(label), value) for label, value in item.facts if label not in _HIDDEN]


def _short(item: Item) -> str:
    return f"{item.url[:200]}  \n{code(item.what, 100)}"


def _bare(label: str) -> str:
    """Return a name without Markdown's own characters; names of crawls and fields come from the user's file."""
    return "".join(" " if letter in "*_`[]<>()~|@#\\" else letter for letter in label).strip()
