"""What a visit's picture is to its page: equal, noise or a change. Pure.

The same settings hold noise back as for text: ``visual.min_change`` says how much must differ, ``confirm_after`` for
how many good runs. Until a change is accepted the baseline stays as it was, so that a slow drift becomes a change in
the end.
"""

from trapline_common.config.choices import PictureBaseline
from trapline_common.config.models import CrawlConfig
from trapline_common.config.picture_amount import parse_picture_amount
from trapline_common.config.visual import Visual
from trapline_common.domain.picture import (
    Compared,
    Difference,
    KeptPicture,
    NotCompared,
    PagePicture,
    PictureOutcome,
    PictureVerdict,
)


def without_comparison(page: PagePicture | None, new: KeptPicture) -> PictureVerdict | None:
    """Return what a new picture is where that is known without a look at any pixel; ``None``: it must be compared."""
    if new.picture.problem is not None:
        return PictureVerdict(outcome=PictureOutcome.FAILED, page=page, reason=new.picture.problem)
    if new.picture.unstable:
        reason = "no two shots in a row were equal; `visual.ignore` takes out what moves"
        return PictureVerdict(outcome=PictureOutcome.UNSTABLE, page=page, reason=reason)
    if page is None:
        return PictureVerdict(outcome=PictureOutcome.FIRST, page=PagePicture(baseline=new))
    if page.baseline.picture.made != new.picture.made:
        return PictureVerdict(outcome=PictureOutcome.RESET, page=PagePicture(baseline=new))
    if page.baseline.key == new.key and page.baseline.picture.watch == new.picture.watch:
        stays = PagePicture(baseline=page.baseline)
        return PictureVerdict(outcome=PictureOutcome.EQUAL, page=stays, against=page.baseline.key)
    return None


def matters(found: Difference, visual: Visual) -> bool:
    """Say whether two pictures differ by ``min_change`` or more."""
    if visual.min_change is None:
        return found.pixels > 0
    return parse_picture_amount(visual.min_change).is_reached(pixels=found.pixels, area=found.area)


def asks_of_candidate(page: PagePicture, new: KeptPicture, crawl: CrawlConfig) -> bool:
    """Say whether it counts that a picture which differs from the baseline is the candidate's again.

    Nobody needs a look at the pixels where the bytes are the same.
    """
    if page.candidate is None or page.candidate.key == new.key or crawl.visual is None:
        return False
    return crawl.confirm_after > 1 or crawl.visual.baseline is PictureBaseline.MANUAL


def weigh_picture(
    page: PagePicture,
    new: KeptPicture,
    crawl: CrawlConfig,
    *,
    found: Compared,
    candidate: Compared | None,
    same_run: bool,
) -> PictureVerdict:
    """Return what a picture is that was compared: ``found`` with the baseline, ``candidate`` with the candidate.

    ``candidate`` is there where ``asks_of_candidate`` says so. ``same_run``: a visit of this run was counted already.
    A baseline that the store no longer has is replaced, and the verdict says so.
    """
    assert crawl.visual is not None, "the caller asks of crawls that compare pictures"
    against = page.baseline.key
    if isinstance(found, NotCompared):
        stays = PagePicture(baseline=new) if found.is_gone else page
        return PictureVerdict(outcome=PictureOutcome.FAILED, page=stays, against=against, reason=found.reason)
    if not matters(found, crawl.visual):
        calm = PagePicture(baseline=page.baseline)
        return PictureVerdict(outcome=PictureOutcome.SLIGHT, page=calm, against=against, difference=found)
    again = page.candidate is not None and (
        page.candidate.key == new.key or (isinstance(candidate, Difference) and not matters(candidate, crawl.visual))
    )
    if again and page.told:
        return PictureVerdict(outcome=PictureOutcome.TOLD, page=page, against=against, difference=found)
    seen = (page.seen if again else 0) + (0 if again and same_run else 1)
    waiting = page.candidate if again else new
    if seen < crawl.confirm_after:
        held = PagePicture(baseline=page.baseline, candidate=waiting, seen=seen)
        return PictureVerdict(outcome=PictureOutcome.HELD, page=held, against=against, difference=found)
    if crawl.visual.baseline is PictureBaseline.MANUAL:
        after = PagePicture(baseline=page.baseline, candidate=new, seen=seen, told=True)
    else:
        after = PagePicture(baseline=new)
    return PictureVerdict(outcome=PictureOutcome.CHANGED, page=after, against=against, difference=found)
