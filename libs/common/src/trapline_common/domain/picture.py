"""Pictures of a page: what a crawler notes of one, how two differ, and what that is to the page. Pure.

A box is x, y, width and height in pixels of the picture, from its left upper corner.
"""

from dataclasses import dataclass, field
from enum import StrEnum

Box = tuple[int, int, int, int]


class PictureOutcome(StrEnum):
    """What a visit's picture is to its page."""

    FIRST = "first"  # the page had none: it is the baseline from now on
    RESET = "reset"  # another browser, window or setting made it: the new baseline, in silence
    EQUAL = "equal"  # the baseline's very bytes
    SLIGHT = "slight"  # less differs than ``min_change``, or nothing but lone pixels
    HELD = "held"  # it differs, and must last for ``confirm_after`` runs
    CHANGED = "changed"  # it differs: a change
    TOLD = "told"  # it still differs from a baseline that is set by hand, as was told
    UNSTABLE = "unstable"  # no two shots in a row were equal: not compared
    FAILED = "failed"  # it could not be compared; ``reason`` says why


class RegionKind(StrEnum):
    """How a region differs."""

    CHANGED = "changed"  # both pictures have it
    INSERTED = "inserted"  # rows that only the new picture has
    REMOVED = "removed"  # rows that only the old picture has


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region that differs."""

    kind: RegionKind
    """How."""
    old: Box
    """Where it is in the old picture; without height where it is inserted."""
    new: Box
    """Where it is in the new picture; without height where it was removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a crawler notes of a picture that is compared: all that a later comparison needs beside its bytes."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    scale: float
    """Pixels of the picture for each CSS pixel."""
    browser: str
    """The browser's major version."""
    made: str
    """``config.visual.picture_fingerprint``: pictures of another one are not compared with it."""
    ignored: tuple[Box, ...] = ()
    """What is painted over."""
    watch: Box | None = None
    """What is compared; ``None``: the whole picture."""
    unstable: bool = False
    """Whether no two shots in a row were equal."""
    problem: str | None = None
    """Why it can't be compared, in words; ``None``: it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPicture:
    """A picture in the artifact store."""

    key: str
    """The artifact's key."""
    picture: Picture
    """What was noted of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How two pictures differ."""

    pixels: int
    """Pixels that differ, of all regions."""
    area: int
    """Pixels that were compared, of the larger picture."""
    regions: tuple[Region, ...] = ()
    """Where, top to bottom; the largest forty."""
    more: int = 0
    """Regions beyond these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCompared:
    """That two pictures could not be compared."""

    reason: str
    """Why, in words."""
    is_gone: bool = False
    """Whether the store no longer has the older one, so that it never can be."""


Compared = Difference | NotCompared


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePicture:
    """A page's picture baseline, and what waits to become it."""

    baseline: KeptPicture
    """What pictures are compared with."""
    candidate: KeptPicture | None = None
    """A picture that differs and was not accepted so far, or was told of a baseline that is set by hand."""
    seen: int = 0
    """Good runs in a row, the last ones, that saw the candidate."""
    told: bool = False
    """Whether the candidate was told as a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureVerdict:
    """What a visit's picture is to its page, and what the page's row becomes."""

    outcome: PictureOutcome
    """What it is."""
    page: PagePicture | None
    """The row's picture from now on."""
    against: str | None = None
    """The key of the picture that it was compared with; ``None``: with none."""
    difference: Difference = field(default_factory=lambda: Difference(pixels=0, area=1))
    """How it differs from that."""
    reason: str | None = None
    """Why it was not compared."""

    @property
    def is_change(self) -> bool:
        """Whether it counts as a change."""
        return self.outcome is PictureOutcome.CHANGED

    @property
    def share(self) -> float:
        """The share that differs, from 0 to 1."""
        return min(1.0, self.difference.pixels / self.difference.area) if self.difference.area else 1.0
