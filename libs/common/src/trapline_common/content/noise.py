"""Whether what a page shows is accepted as its new content, or is noise. Pure.

Three settings of a crawl hold noise back. ``remember``: content that equals one of the last accepted versions is no
change; it becomes the baseline again without an alert, at any size and at once. ``confirm_after``: other content
must last that many good runs. ``min_change``: it must differ that much; until then the baseline stays as it was, so
that a slow drift adds up and becomes a change in the end. Without them every difference is a change.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trapline_common.config.min_change import MinChange, Unit, parse_min_change
from trapline_common.config.models import CrawlConfig
from trapline_common.content.diff import compare_fields
from trapline_common.content.text import cut_off
from trapline_common.domain.observation import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The part of a page's row that is read only when its content differs from the baseline."""

    text: str | None = None
    """The baseline's normalised text; ``None`` when the ledger no longer has it."""
    earlier: tuple[str, ...] = ()
    """Hashes of the versions accepted before the baseline, newest first."""
    candidate: str | None = None
    """Hash of content that is not accepted so far."""
    seen: int = 0
    """Good runs in a row, the last ones, that saw ``candidate``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The new values of ``Baseline``'s fields in the page's row.

    A failed visit changes nothing: it saw no content, so it neither confirms nor contradicts.
    """

    candidate: str | None = None
    """Hash that waits to be accepted; ``None``: there is none any more."""
    seen: int | None = None
    """Good runs in a row that saw it; ``None`` leaves both fields as they are."""
    earlier: tuple[str, ...] | None = None
    """Hashes of earlier versions, newest first; ``None`` leaves them as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What a good visit's content is to its page."""

    accepted: bool
    """Whether the content becomes the baseline."""
    is_change: bool
    """Whether it is a change as well, and not an earlier version that came back."""
    remembered: Remembered
    """What the page's row keeps of it."""


def holds_back(crawl: CrawlConfig) -> bool:
    """Say whether any difference may be held back, so that the baseline is needed to judge one."""
    return crawl.remember > 1 or crawl.confirm_after > 1 or crawl.min_change is not None


def weigh(
    observation: Observation,
    crawl: CrawlConfig,
    *,
    baseline: Baseline,
    baseline_hash: str,
    baseline_fields: Mapping[str, str | None],
    same_run: bool,
) -> Weighed:
    """Return what a good visit's content, which differs from the baseline's, is to its page.

    ``same_run``: a visit of this run was counted already. ``remember`` counts the baseline too.
    """
    content = observation.content_hash or ""
    repeated = content == baseline.candidate
    seen = baseline.seen + (0 if same_run else 1) if repeated else 1
    others = tuple(version for version in (baseline_hash, *baseline.earlier) if version != content)
    accepted = Remembered(seen=0, earlier=others[: crawl.remember - 1])
    if content in baseline.earlier[: crawl.remember - 1]:
        return Weighed(accepted=True, is_change=False, remembered=accepted)
    if seen < crawl.confirm_after or _slight(observation, crawl, baseline.text, baseline_fields):
        return Weighed(accepted=False, is_change=False, remembered=Remembered(candidate=content, seen=seen))
    return Weighed(accepted=True, is_change=True, remembered=accepted)


def _slight(observation: Observation, crawl: CrawlConfig, old: str | None, fields: Mapping[str, str | None]) -> bool:
    """Say whether less than ``min_change`` differs. A difference of an extracted field is never slight.

    Nor is one beyond the part of a text that is kept: nobody knows its size.
    """
    new = observation.text or ""
    if crawl.min_change is None or old in {None, new} or compare_fields(fields, observation.fields):
        return False
    if cut_off(old or "") != cut_off(new):
        return False
    return not differs_enough(old or "", new, parse_min_change(crawl.min_change))


def differs_enough(old: str, new: str, least: MinChange) -> bool:
    """Say whether two normalised texts differ by ``least`` or more. Linear in their size.

    Lines are compared as a multiset: one that only moved does not count. Those left on both sides are paired in order,
    and of a pair only the middle that differs counts; an unlucky pairing makes the difference larger, never smaller, so
    that noise may become an alert but no change is lost.
    """
    before, after = old.splitlines(), new.splitlines()
    removed, added = _without(before, after), _without(after, before)
    if least.unit is Unit.LINES:
        return max(len(removed), len(added)) >= least.amount
    characters = sum(_middle(was, now) for was, now in zip(removed, added, strict=False))
    paired = min(len(removed), len(added))
    characters += sum(map(len, removed[paired:])) + sum(map(len, added[paired:]))
    if least.unit is Unit.CHARACTERS:
        return characters >= least.amount
    return characters * 100 >= least.amount * max(len(old), len(new))


def _without(lines: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return the lines that ``others`` lack, in order, as often as they lack them."""
    spare = Counter(others)
    left = []
    for line in lines:
        if spare[line] > 0:
            spare[line] -= 1
        else:
            left.append(line)
    return left


def _middle(was: str, now: str) -> int:
    """Return the characters between the common beginning and the common end, of the longer one."""
    shorter = min(len(was), len(now))
    head = 0
    while head < shorter and was[head] == now[head]:
        head += 1
    tail = 0
    while tail < shorter - head and was[-1 - tail] == now[-1 - tail]:
        tail += 1
    return max(len(was), len(now)) - head - tail
