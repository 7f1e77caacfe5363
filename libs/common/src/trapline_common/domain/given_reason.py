"""The reason that a person gives for what they do: there is one, and it fits where it is shown. Pure."""

from trapline_common.domain.errors import InputRefusedError

MOST = 500
"""Characters: it stands in lists, in alerts and in the rows of those that were kept back."""


def given_reason(text: str, *, why: str) -> str:
    """Return a reason without blanks around it. Raises ``InputRefusedError`` without one, with ``why`` it is needed."""
    reason = text.strip()
    if not reason:
        raise InputRefusedError(f"say why: {why}")
    if len(reason) > MOST:
        raise InputRefusedError(f"the reason is too long: {len(reason):,} characters, and {MOST} are shown")
    return reason
