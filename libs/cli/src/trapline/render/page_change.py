"""One change of a page as a person sees it."""

from collections.abc import Iterator

from trapline.render.local_time import moment
from trapline.render.printer import Printer
from trapline.render.safe_text import one_line
from trapline_common.domain.picture import PictureOutcome, RegionKind
from trapline_common.domain.ports import ArtifactLocation
from trapline_common.ledger.views.difference import Difference
from trapline_common.ledger.views.pages import Change, PageRow
from trapline_common.platform.text import counted

_MOST_REGIONS = 10
"""Regions that are listed; the pictures show the others."""
_STYLES = {"+": "green", "-": "red", "@": "cyan"}
"""Rich styles of a diff's lines, by their first character."""


def show_change(
    printer: Printer,
    page: PageRow,
    change: Change,
    compared: Difference,
    *,
    location: ArtifactLocation,
    link: str = "",
) -> None:
    """Print the facts of a change, what differs of its fields and picture, its address, and the diff of the texts."""
    before = f"run {change.baseline_run}, {moment(change.baseline_at)}" if change.baseline_run else "gone"
    printer.line(page.url, "bold")
    printer.facts(
        [
            ("crawl", page.crawl),
            ("title", change.title or ""),
            ("before", before),
            ("after", f"run {change.run_id}, {moment(change.at)}"),
            *_picture(change, location),
            *((f"field {field.name}", f"{_value(field.old)} -> {_value(field.new)}") for field in compared.fields),
            ("see", link),
        ]
    )
    printer.line()
    if compared.diff is None:
        printer.line("the ledger no longer keeps the text before")
    elif not compared.diff:
        printer.line(f"the text is the same; {_only(change, compared)}")
    else:
        for line in compared.diff.split("\n"):
            printer.long_line(line, _STYLES.get(line[:1], ""))


def _picture(change: Change, location: ArtifactLocation) -> Iterator[tuple[str, str]]:
    found = change.picture
    if found is None:
        return
    yield "picture", one_line(found.text)
    if found.against is not None and found.regions:
        yield "picture before", location(found.against)
    if change.screenshot is not None and found.regions:
        yield "picture after", location(change.screenshot)
    for region in found.regions[:_MOST_REGIONS]:
        x, y, width, height = region.old if region.kind is RegionKind.REMOVED else region.new
        yield f"  {region.kind}", f"{width} x {height} pixels at {x}, {y}"
    left = len(found.regions) - _MOST_REGIONS + found.more
    if left > 0:
        yield "  and", counted(left, "region more", "regions more")


def _only(change: Change, compared: Difference) -> str:
    if change.picture is None or change.picture.outcome != PictureOutcome.CHANGED:
        return "only extracted fields differ"
    return "only the picture and extracted fields differ" if compared.fields else "only the picture differs"


def _value(value: str | None) -> str:
    return "(none)" if value is None else one_line(value)
