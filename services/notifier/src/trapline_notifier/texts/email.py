"""The plain text that goes to email, and to the terminal."""

from collections.abc import Sequence

from trapline_common.domain.ports import AlertRow
from trapline_common.domain.web_view import WebView
from trapline_notifier.texts.headline import headline, more
from trapline_notifier.texts.item import Item, describe
from trapline_notifier.texts.safe_text import block, one_line
from trapline_notifier.texts.telling import Telling

_INDENT = "   "
MANY = 5
"""Tellings of one message. Of more, those that say what the one before them says are a line each."""


def body(kind: str, crawl: str, told: Sequence[Telling[AlertRow]], *, web: WebView, shown: int, diff_limit: int) -> str:
    """Return a headline and the first ``shown`` tellings, each with at most ``diff_limit`` characters of its diff."""
    parts = [headline(kind, crawl, told)]
    items = [describe(each, web) for each in told[:shown]]
    alike = len(told) > MANY
    for number, item in enumerate(items, start=1):
        if alike and number > 1 and item.url and item.what == items[number - 2].what and not item.diff:
            parts[-1] += f"\n{number}. {item.url}"
        else:
            parts.append(_item(number, item, diff_limit=diff_limit))
    left = len(told) - shown
    if left > 0:
        runs = sorted({each.last.run_id for each in told if each.last.run_id is not None})
        where = f"; `trapline show {runs[-1]}` lists them" if runs else ""
        parts.append(f"... and {more(kind, left)}{where}.")
    return "\n\n".join(parts) + "\n"


def footer(crawl: str, *, web: WebView, message_id: str) -> str:
    """Return what closes an email: how to see more, why it came, and the id to drop repeats by."""
    more = "" if web.url else f"`{web.command}` shows the pages, their pictures and their history.\n"
    return (
        f"\n-- \n{more}Trapline sent this because of `alert` in crawl {one_line(crawl, 60)}.\n"
        f"Message {message_id}; it may arrive more than once.\n"
    )


def _item(number: int, item: Item, *, diff_limit: int) -> str:
    facts = (*item.facts, *((("See", item.link),) if item.link else ()))
    width = max((len(label) for label, _ in facts), default=0) + 1
    lines = [f"{number}. {item.url}" if item.url else f"{number}. {item.what}"]
    if item.url:
        lines.append(f"{_INDENT}{item.what}")
    lines += [f"{_INDENT}{label + ':':<{width}} {value}" for label, value in facts]
    if item.advice:
        lines.append(f"{_INDENT}{'To do:':<{width}} {item.advice}")
    if item.diff and diff_limit:
        lines += ["", *(f"{_INDENT}{line}".rstrip() for line in clipped(block(item.diff), diff_limit).split("\n"))]
    return "\n".join(lines)


def clipped(diff: str, most: int) -> str:
    """Return at most ``most`` characters of a diff, cut at a line's end, with a last line that says so."""
    if len(diff) <= most:
        return diff
    kept = diff[:most]
    return kept[: kept.rfind("\n") if "\n" in kept else len(kept)] + "\n… the diff goes on"
