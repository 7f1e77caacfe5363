"""Pictures as the ledger keeps them, in JSON: written by one release, read by another. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from trapline_common.domain.picture import Box, KeptPicture, PagePicture, Picture, PictureVerdict


def picture_document(picture: Picture) -> dict[str, Any]:
    """Return ``observation.picture``."""
    return asdict(picture)


def read_picture(document: Mapping[str, Any]) -> Picture:
    """Read ``observation.picture``."""
    return Picture(
        width=document["width"],
        height=document["height"],
        scale=document["scale"],
        browser=document["browser"],
        made=document["made"],
        ignored=tuple(_box(one) for one in document.get("ignored", ())),
        watch=None if document.get("watch") is None else _box(document["watch"]),
        unstable=document.get("unstable", False),
        problem=document.get("problem"),
    )


def verdict_document(verdict: PictureVerdict) -> dict[str, Any]:
    """Return ``observation.visual``."""
    found = verdict.difference
    return {
        "outcome": str(verdict.outcome),
        "against": verdict.against,
        "share": round(verdict.share, 8),
        "pixels": found.pixels,
        "regions": [{"kind": str(one.kind), "old": one.old, "new": one.new} for one in found.regions],
        "more": found.more,
        "reason": verdict.reason,
    }


def page_document(page: PagePicture) -> dict[str, Any]:
    """Return ``page.visual``; ``page.visual_key`` is the baseline's key."""
    return {
        "baseline": _kept(page.baseline),
        "candidate": None if page.candidate is None else _kept(page.candidate),
        "seen": page.seen,
        "told": page.told,
    }


def read_page(document: Mapping[str, Any]) -> PagePicture:
    """Read ``page.visual``."""
    candidate = document.get("candidate")
    return PagePicture(
        baseline=_read_kept(document["baseline"]),
        candidate=None if candidate is None else _read_kept(candidate),
        seen=document.get("seen", 0),
        told=document.get("told", False),
    )


def _kept(kept: KeptPicture) -> dict[str, Any]:
    return {"key": kept.key, "picture": picture_document(kept.picture)}


def _read_kept(document: Mapping[str, Any]) -> KeptPicture:
    return KeptPicture(key=document["key"], picture=read_picture(document["picture"]))


def _box(values: list[int]) -> Box:
    x, y, width, height = values
    return x, y, width, height
