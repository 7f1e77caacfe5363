"""The regions in which two pictures differ: boxes on the whole, and crops at full size. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trapline_common.domain.picture import Box, Region
from trapline_common.ledger.views.screens.page import Comparison

MOST_CROPS = 4
"""Crops that are shown; the rest is counted, and marked on the whole picture."""
_AROUND = 40
"""Pixels around a region."""
_LEAST = 240
"""Pixels that a crop is wide, at least."""

Cut = tuple[int, int, int, int, int, int, int, int]
"""What a crop shows, as x, y, width and height, and the region within, in pixels of the picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CropPair:
    """One region, before and after."""

    kind: str
    """``changed``, ``inserted`` or ``removed``."""
    old: Cut
    """In the older picture."""
    new: Cut
    """In the newer picture."""
    old_height: int
    """Pixels of the older picture: with rows inserted or removed it has another height."""


def regions_of(compared: Comparison | None) -> dict[str, Any]:
    """Return the crops and boxes of a comparison; none where pictures were not compared."""
    nothing: dict[str, Any] = {"crops": (), "crops_left": 0, "boxes": ()}
    if compared is None or compared.newer.visual is None or not compared.newer.screenshot:
        return nothing
    visit, visual = compared.newer, compared.newer.visual
    width, height = visit.picture_width, visit.picture_height
    if not width or not height or visual.against is None or not visual.regions:
        return nothing
    old_height = height - _grown(visual.regions)
    pairs = tuple(
        CropPair(
            kind=str(region.kind),
            old=_cut(region.old, width, old_height),
            new=_cut(region.new, width, height),
            old_height=old_height,
        )
        for region in visual.regions[:MOST_CROPS]
    )
    return {
        "crops": pairs,
        "crops_left": len(visual.regions) - len(pairs) + visual.more,
        "boxes": tuple(region.new for region in visual.regions),
    }


def _grown(regions: Sequence[Region]) -> int:
    """Return by how many rows the newer picture is higher."""
    return sum(region.new[3] - region.old[3] for region in regions if region.kind != "changed")


def _cut(box: Box, width: int, height: int) -> Cut:
    x, y, wide, high = box
    left, top = max(x - _AROUND, 0), max(y - _AROUND, 0)
    right = min(max(x + wide + _AROUND, left + _LEAST), width)
    bottom = min(y + high + _AROUND, max(height, 1))
    return left, top, max(right - left, 1), max(bottom - top, 1), x, y, wide, max(high, 2)
