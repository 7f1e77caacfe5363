"""What an observation's picture is to its page, as the ledger keeps it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trapline_common.domain.picture import PictureOutcome, Region, RegionKind
from trapline_common.platform.text import counted, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRow:
    """``observation.visual``."""

    outcome: str
    """A ``PictureOutcome``."""
    against: str | None
    """The artifact key of the picture that it was compared with."""
    share: float
    """The share that differs, from 0 to 1."""
    pixels: int
    """Pixels that differ."""
    regions: tuple[Region, ...]
    """Where, top to bottom, the largest ones; in pixels of both pictures."""
    more: int
    """Regions beyond these."""
    reason: str | None
    """Why it was not compared."""

    @property
    def text(self) -> str:
        """Return it in one line, for a person."""
        if self.reason is not None:
            return f"{self.outcome}: {self.reason}"
        if self.outcome in _DIFFERS:
            regions = counted(len(self.regions) + self.more, "region")
            return f"{regions} changed, {percent(self.share)}"
        return self.outcome


_DIFFERS = frozenset({PictureOutcome.CHANGED, PictureOutcome.HELD, PictureOutcome.TOLD})


def read_picture_row(document: str | None) -> PictureRow | None:
    """Read the column."""
    return None if document is None else picture_row(json.loads(document))


def picture_row(found: Mapping[str, Any] | None) -> PictureRow | None:
    """Read the column's value."""
    if found is None:
        return None
    regions = (
        Region(kind=RegionKind(one["kind"]), old=tuple(one["old"]), new=tuple(one["new"])) for one in found["regions"]
    )
    return PictureRow(**{**found, "regions": tuple(regions)})
