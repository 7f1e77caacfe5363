"""The nearest valid word for one that is not."""

from collections.abc import Iterable
from difflib import get_close_matches

_SHORTENED = 3
"""Letters at least of a word that is cut short."""
_FEW = 12
"""So many valid words still fit in one line."""


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """Return ``did you mean 'x'?``, or the valid words when none is near and they are few, or an empty string."""
    words = sorted(valid)
    by_lower = {known.lower(): known for known in words}
    low = word[:80].lower()
    near = [known for known in by_lower if len(low) >= _SHORTENED and known.startswith(low)]  # `attr` for `attribute`
    near = near if len(near) == 1 else get_close_matches(low, by_lower, n=1, cutoff=0.6)
    if near:
        return f"did you mean {by_lower[near[0]]!r}?"
    return f"valid: {', '.join(words)}" if 0 < len(words) <= _FEW else ""
