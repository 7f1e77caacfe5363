"""What of a page's text is compared, and what is kept of a long one."""

import pytest

from trapline_common.content.text import cut_off, kept, normalise


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("Price 5\u200b EUR", "Price 5 EUR"),
        ("\u200ePrice\u00a05\u202fEUR\ufeff", "Price 5 EUR"),
        ("co\u00adoperate \u2066x\u2069", "cooperate x"),
        ("a\u200db\u200cc\u2060d", "abcd"),
        ("e\u200b\u0301", "\u00e9"),
        ("\u200b\n\u2063\n", ""),
        # joiners that a person sees
        ("\u0645\u06cc\u200c\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
        ("\u0645\u200c end", "\u0645 end"),
    ],
)
def test_what_nobody_sees_is_no_difference(written: str, compared: str) -> None:
    """Characters of no width are dropped; joiners stay between letters and signs that they join."""
    assert normalise(written) == compared
    assert normalise(normalise(written)) == compared


def test_a_change_beyond_the_part_that_is_kept_is_a_difference_of_what_is_kept() -> None:
    """A long text is cut to its size, never within a character, and its last line changes with the rest."""
    text = "\n".join(f"line {number} \u00e4" for number in range(1000))
    assert kept(text, len(text.encode())) == text
    assert cut_off(text) is None
    before, after = kept(text, 500), kept(text + "!", 500)
    assert len(before.encode()) < 600
    assert text.startswith(before.rsplit("\n", 1)[0])
    assert before.rsplit("\n", 1)[0] == after.rsplit("\n", 1)[0]
    assert cut_off(before) not in {None, cut_off(after)}
    assert cut_off(before) != cut_off(kept(text.replace("line 999", "line 998"), 500)), "as long as it was"
    assert normalise(before) == before
