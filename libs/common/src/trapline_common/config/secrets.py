"""``${secret:NAME}``: a reference to a secret, resolved at the visit and stored nowhere."""

import re

REFERENCE = re.compile(r"\$\{secret:(?P<name>[A-Za-z0-9/_+=.@-]{1,512})\}", re.ASCII)
"""One reference. The characters are those AWS Secrets Manager allows in a secret's name, at most 512 of them."""
NOT_IN_THE_USER_AGENT = (
    "no secret may be in a user agent, which every server gets that a page asks for anything: put it into `headers`"
)
"""Why the file is refused, and a visit of a run that an older release opened."""
_LOOKS_LIKE_ONE = re.compile(r"\$\{?\s*secret\b", re.IGNORECASE)


def secret_names(text: str) -> tuple[str, ...]:
    """Return the names referred to in ``text``, in order, each once."""
    return tuple(dict.fromkeys(match["name"] for match in REFERENCE.finditer(text)))


def malformed(text: str) -> str | None:
    """Return what is wrong with a reference in ``text`` that was meant to be one, or ``None``.

    A reference with a slip in it would otherwise be sent to the site as it stands.
    """
    rest = REFERENCE.sub("", text)
    if _LOOKS_LIKE_ONE.search(rest):
        return "malformed secret reference: write ${secret:NAME}, NAME of letters, digits and /_+=.@-"
    return None
