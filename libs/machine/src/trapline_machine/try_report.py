"""The text of ``trapline try``, for a person."""

from rich.console import Console
from rich.text import Text

from trapline.render.safe_text import printable
from trapline_common.platform.text import byte_size, duration
from trapline_machine.try_visit import TriedVisit

_MS = 1000
SHOWN_LINES = 40
"""Lines of the watched text that are printed; the whole of it is in ``--json``."""
SHOWN_WIDTH = 200
"""Characters of each of those lines."""


def show(console: Console, tried: TriedVisit) -> None:
    """Print the visit: where it led, what it would watch and extract, and what it expects."""
    found = tried.observation
    facts = [("url", found.url)]
    if found.final_url is not None and found.final_url != found.url:
        facts.append(("final url", f"{found.final_url} ({found.redirects} redirects)"))
    facts += [
        ("status", "none" if found.status is None else str(found.status)),
        ("timings", _timings(tried)),
        ("size", byte_size(found.size)),
        ("title", found.title or ""),
        ("console", f"{found.console_errors} errors" if found.console_errors else ""),
        ("screenshot", tried.screenshot or "none"),
        ("note", found.note or ""),
    ]
    for name, value in facts:
        if value:
            _line(console, f"{name:<11} {value}")
    if found.fields:
        _line(console, "\nextracted", "bold")
        for name, field in found.fields.items():
            _line(console, f"  {name}: {'nothing found' if field is None else field}", "" if field else "yellow")
    if tried.expectations:
        _line(console, "\nexpected", "bold")
        for one in tried.expectations:
            more = f" ({one.found})" if one.found else ""
            _line(console, f"  {'met' if one.met else 'not met'}: {one.what}{more}", "green" if one.met else "red")
    if found.text is not None:
        _line(console, "\nwatched text", "bold")
        _text(console, found.text)
    if found.failure is not None:
        _line(console, f"\nfailed: {found.failure}", "red")


def _text(console: Console, text: str) -> None:
    lines = text.splitlines()
    for line in lines[:SHOWN_LINES]:
        _line(console, "  " + (line if len(line) <= SHOWN_WIDTH else line[:SHOWN_WIDTH] + " ..."))
    if len(lines) > SHOWN_LINES:
        _line(console, f"  ... and {len(lines) - SHOWN_LINES} more lines; --json prints all")


def _timings(tried: TriedVisit) -> str:
    timings = tried.observation.timings
    named: list[tuple[str, float | None]] = [
        ("dns", timings.dns),
        ("connect", timings.connect),
        ("first byte", timings.ttfb),
        ("dom", timings.dom),
    ]
    named += [("load", timings.load), ("total", timings.total)]
    return ", ".join(f"{name} {duration(value / _MS)}" for name, value in named if value is not None)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Text("\n".join(printable(line) for line in text.split("\n")), style=style), soft_wrap=True)
