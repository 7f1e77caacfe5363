"""Noise and changes over any history of a page: ``remember``, ``confirm_after`` and ``min_change``."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trapline_common.alerts.page_state import AlertKind, PageState, Verdict
from trapline_common.alerts.verdict import judge
from trapline_common.config.min_change import parse_min_change
from trapline_common.config.models import CrawlConfig
from trapline_common.content.noise import Baseline, differs_enough
from trapline_common.content.text import content_hash, kept
from trapline_common.domain.ids import PageId, RunId
from trapline_common.domain.observation import Failure, Observation, Reason

URL = "https://example.com/"
FAILURE = Failure(reason=Reason.TIMEOUT, detail="slow", retry=False)
CONTENTS = st.lists(st.sampled_from("ABCD"), min_size=1, max_size=40)


def _good(text: str, **fields: str) -> Observation:
    return Observation(url=URL, text=text, fields=fields, content_hash=content_hash(text, fields))


@dataclass(slots=True)
class _Page:
    """A page's row, as the store keeps it, under one crawl after another."""

    crawl: CrawlConfig
    fingerprint: str = "f"
    state: PageState = field(default_factory=lambda: PageState(page_id=PageId(1), url=URL, version=0))
    kept: Baseline = field(default_factory=Baseline)
    run: int = 0

    def sees(self, observation: Observation, *, same_run: bool = False) -> Verdict:
        self.run += 0 if same_run else 1
        verdict = judge(
            self.state,
            observation,
            run_id=RunId(self.run),
            crawl=self.crawl,
            fingerprint=self.fingerprint,
            # the store reads it only when the content differs
            baseline=self.kept if observation.content_hash != self.state.baseline_hash else Baseline(),
            location=str,
        )
        update, new = verdict.update, verdict.update.remembered
        if new.seen is not None:
            self.kept = replace(self.kept, candidate=new.candidate, seen=new.seen)
        if new.earlier is not None:
            self.kept = replace(self.kept, earlier=new.earlier)
        if update.baseline:
            self.kept = replace(self.kept, text=observation.text)
            self.state = replace(self.state, baseline_hash=observation.content_hash, baseline_fields=observation.fields)
        self.state = replace(
            self.state,
            version=self.state.version + 1,
            baseline_run=update.baseline_run,
            fingerprint=update.fingerprint,
            judged_run=update.judged_run,
            failures=update.failures,
            alerted=update.alerted,
        )
        return verdict


def _page(**settings: Any) -> _Page:
    return _Page(CrawlConfig(name="shop", **settings))


def _reported(page: _Page, texts: Sequence[str]) -> str:
    """Return which of the texts were reported as a change."""
    return "".join(text for text in texts if _news(page.sees(_good(text))))


def _news(verdict: Verdict) -> bool:
    reported = [alert.kind for alert in verdict.alerts] == [AlertKind.CHANGE]
    assert verdict.changed == reported
    return reported


@given(CONTENTS)
def test_without_the_settings_every_difference_is_reported(texts: list[str]) -> None:
    """The default holds nothing back: a change is reported exactly when the content differs from the visit before."""
    assert _reported(_page(), texts) == "".join(new for old, new in pairwise(texts) if new != old)


@given(st.lists(st.sampled_from("AB"), min_size=1, max_size=40), st.integers(2, 5))
def test_a_page_that_flips_between_two_forms_is_reported_once(texts: list[str], remember: int) -> None:
    """However often it goes to and fro, only the first sight of the second form is reported."""
    assert _reported(_page(remember=remember), texts) == "".join([*dict.fromkeys(texts)][1:])


@given(CONTENTS, st.integers(1, 4))
def test_a_version_not_among_the_last_accepted_is_always_reported(texts: list[str], remember: int) -> None:
    """No change is lost: content is silent only when it is one of the last ``remember`` different accepted versions."""
    page, accepted = _page(remember=remember), list[str]()
    for text in texts:
        expected = bool(accepted) and text not in accepted
        assert _news(page.sees(_good(text))) == expected
        accepted = [text, *(other for other in accepted if other != text)][:remember]
        assert len(page.kept.earlier) < remember  # the row does not grow
        assert page.kept.text == text  # a known version is the baseline again: the next diff starts from what was seen


def test_a_known_version_that_comes_back_is_what_the_next_change_is_compared_with() -> None:
    """A, B, A, C: the change to C shows what C changed of A, the version that was seen last."""
    page = _page(remember=3)
    assert _reported(page, ["A", "B", "A"]) == "B"
    (alert,) = page.sees(_good("C")).alerts
    assert "-A\n+C" in alert.payload["diff"]


@given(CONTENTS, st.integers(1, 4))
def test_a_change_is_reported_by_the_run_that_confirms_it(texts: list[str], confirm_after: int) -> None:
    """Other content is reported when ``confirm_after`` runs in a row saw it, once, and not a run sooner or later."""
    page, baseline, in_a_row = _page(confirm_after=confirm_after), texts[0], 0
    page.sees(_good(baseline))
    for before, text in pairwise(texts):
        in_a_row = in_a_row + 1 if text == before else 1
        expected = text != baseline and in_a_row >= confirm_after
        assert _news(page.sees(_good(text))) == expected
        baseline = text if expected else baseline
        assert page.kept.text == baseline


def test_a_failed_run_neither_confirms_nor_contradicts() -> None:
    """Two sights with a failed run between them are two in a row: the failed one saw no content."""
    page = _page(confirm_after=2)
    page.sees(_good("A"))
    assert not page.sees(_good("B")).changed
    page.sees(Observation(url=URL, failure=FAILURE))
    assert page.sees(_good("B")).changed


def test_one_run_confirms_once() -> None:
    """A run that visits a page twice is one run."""
    page = _page(confirm_after=2)
    page.sees(_good("A"))
    page.sees(_good("B"))
    assert not page.sees(_good("B"), same_run=True).changed
    assert page.sees(_good("B")).changed


def test_a_blip_is_not_reported_and_starts_anew() -> None:
    """Content that went away is forgotten: when it comes back it is confirmed from the beginning."""
    assert _reported(_page(confirm_after=2), ["A", "B", "A", "B", "A", "B", "B"]) == "B"


def test_a_change_held_back_does_not_hold_back_the_recovery() -> None:
    """A page that failed and answers again has recovered, whether or not its new content is confirmed."""
    page = _page(confirm_after=2, alert={"after_failures": 1})
    page.sees(_good("A"))
    page.sees(Observation(url=URL, failure=FAILURE))
    held = page.sees(_good("B"))
    assert [alert.kind for alert in held.alerts] == [AlertKind.RECOVERY]
    assert (page.state.failures, page.state.alerted, page.kept.text) == (0, False, "A")


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=40),
    st.sampled_from(["1", "3 characters", "2 lines", "4 lines", "20%"]),
)
def test_a_drift_adds_up(counters: list[int], min_change: str) -> None:
    """Small steps are silent and the baseline stays; once the whole difference is large enough, it is reported."""
    page, baseline = _page(min_change=min_change), None
    for counter in counters:
        text = "\n".join([*("same" for _ in range(10)), *(f"row {n}" for n in range(counter))])
        enough = baseline is not None and differs_enough(baseline, text, parse_min_change(min_change))
        assert _news(page.sees(_good(text))) == enough
        baseline = text if enough or baseline is None else baseline
        assert page.kept.text == baseline


@pytest.mark.parametrize(
    ("old", "new", "differ", "differ_not"),
    [
        ("price 40", "price 45", "1 character", "2 characters"),
        ("price 40", "price 45", "12%", "13%"),
        ("a\nb\nc", "c\na\nb", "", "1 character"),  # only moved
        ("a\nb", "a\nb\nnew line", "8 characters", "9 characters"),
        ("a\nb", "a\nb\nnew line", "1 line", "2 lines"),
        ("a\na\na", "a", "2 lines", "3 lines"),
        ("", "x" * 100, "100%", ""),
        ("x" * 100, "", "100 characters", "101 characters"),
        ("the old words", "the new words", "3", "4"),
    ],
)
def test_how_much_differs(old: str, new: str, differ: str, differ_not: str) -> None:
    """Lines, characters and shares are counted by the part that differs, both ways alike."""
    for before, after in ((old, new), (new, old)):
        assert not differ or differs_enough(before, after, parse_min_change(differ))
        assert not differ_not or not differs_enough(before, after, parse_min_change(differ_not))


def test_a_field_that_was_asked_for_is_never_slight() -> None:
    """One digit of an extracted price is a change, however much of the text would have to differ."""
    page = _page(min_change="50%")
    page.sees(_good("x" * 1000 + "40", price="40"))
    assert not page.sees(_good("x" * 1000 + "41", price="40")).changed
    assert page.sees(_good("x" * 1000 + "45", price="45")).changed


def test_a_difference_that_is_not_compared_becomes_the_baseline() -> None:
    """Another hash over equal texts is no change and no drift either: it is accepted in silence."""
    page = _page(min_change="50%")
    page.sees(_good("A"))
    verdict = page.sees(replace(_good("A"), content_hash="of a text that is longer than what is kept"))
    assert (verdict.alerts, verdict.changed, verdict.update.baseline) == ((), False, True)


def test_a_crawl_without_change_alerts_has_the_same_changes() -> None:
    """Without ``change`` in ``on``, the settings decide what counts as changed all the same."""
    page = _page(confirm_after=2, remember=2, min_change="2", alert={"on": ["failure"]})
    found = [page.sees(_good(text)).changed for text in ("A", "BBB", "BBB", "A", "BBB", "BBC", "BBC")]
    assert found == [False, False, True, False, False, False, False]


def test_another_fingerprint_forgets_what_was_remembered() -> None:
    """Versions seen under other settings of ``watch`` mean nothing: neither known nor half confirmed."""
    page = _page(remember=3, confirm_after=2)
    assert _reported(page, ["A", "B", "B", "C"]) == "B"
    page.fingerprint = "other"
    assert _reported(page, ["D"]) == ""
    assert (page.kept.earlier, page.kept.candidate) == ((), None)
    assert _reported(page, ["A", "A"]) == "A"


def test_a_crawl_that_begins_to_remember_knows_the_baseline() -> None:
    """The first flip after ``remember`` was turned on is reported, its way back is known."""
    page = _page()
    page.sees(_good("A"))
    page.crawl = CrawlConfig(name="shop", remember=2)
    assert _reported(page, ["B", "A", "B"]) == "B"


def test_a_difference_beyond_the_part_that_is_kept_is_never_slight() -> None:
    """Nobody knows how much differs there, so that ``min_change`` holds none of it back."""
    page = _page(min_change="90%")
    page.sees(_good(kept("text " * 100 + "a", 200)))
    assert page.sees(_good(kept("text " * 100 + "b", 200))).changed
