"""The subject of a message: what SNS and every mail program takes."""

from trapline_notifier.texts.safe_text import one_line

SUBJECT_LENGTH = 100
"""Characters. SNS refuses a longer subject, and one with anything but ASCII or with a control character."""


def subject(text: str) -> str:
    """Return a subject line every channel takes: ASCII, 1 to 100 characters, no control character, no blank ends."""
    plain = one_line(text, 4 * SUBJECT_LENGTH).replace("…", "...").encode("ascii", "replace").decode("ascii")
    if len(plain) > SUBJECT_LENGTH:
        plain = plain[: SUBJECT_LENGTH - 3].rstrip() + "..."
    return plain or "Trapline"
