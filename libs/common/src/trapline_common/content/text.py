"""Normalises, hashes and cuts a page's text: equal hashes mean that nothing changed. Pure."""

import json
import re
import unicodedata
from collections.abc import Mapping
from hashlib import sha256

_DROPPED = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""Control characters that are no white space: Postgres stores no NUL, and people see none of the others."""
LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""Half of a UTF-16 pair: a page's script can make one, UTF-8 can't hold it."""


UNSEEN = (
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufeff\uffa0\ufff9-\ufffb]"
)
"""Characters that nobody sees, and that a page may move about: soft hyphens, zero-width spaces, marks of direction, the
byte order mark, fillers. The syntax is Python's and JavaScript's."""
_UNSEEN = re.compile(UNSEEN)
_JOINED = r"\u0590-\u109f\u1780-\u18af\u200d\u20e3\u2190-\u2bff\ufe0f\U0001f000-\U0001faff"
_JOINERS = re.compile(rf"(?<![{_JOINED}])[\u200c\u200d]+|[\u200c\u200d]+(?![{_JOINED}])")
"""Joiners of zero width where they join nothing: beside letters of scripts that know none. In Persian, in the scripts
of India and between emoji a person sees what they do."""


def normalise(text: str) -> str:
    """Return ``text`` as Trapline compares it, so that white space alone, or what nobody sees, is never a change.

    Unicode NFC; white space within a line, no-break spaces included, becomes one space, none at its ends; no blank
    lines; control characters and characters of no width dropped; a lone surrogate becomes U+FFFD, so the result always
    encodes. Normalising twice changes nothing more.
    """
    clean = LONE_SURROGATE.sub("\ufffd", _DROPPED.sub("", text))
    if not clean.isascii():
        clean = _JOINERS.sub("", _UNSEEN.sub("", unicodedata.normalize("NFC", _UNSEEN.sub("", clean))))
    lines = (" ".join(line.split()) for line in clean.splitlines())
    return "\n".join(line for line in lines if line)


_REST = re.compile(r"\n… [0-9]+ more characters, SHA-256 [0-9a-f]{16}\Z")


def kept(text: str, size: int) -> str:
    """Return a normalised text cut to about ``size`` bytes of UTF-8; a last line says what was cut off.

    That line holds a hash of it, so that a difference there is one of the texts that are kept as well.
    """
    if len(text) * 4 <= size:
        return text
    data = text.encode()
    if len(data) <= size:
        return text
    first = data[:size].decode(errors="ignore")
    rest = data[len(first.encode()) :]
    digest = sha256(rest).hexdigest()[:16]
    return f"{first.rstrip()}\n… {len(text) - len(first)} more characters, SHA-256 {digest}"


def cut_off(text: str) -> str | None:
    """Return the line in which ``kept`` says what it cut off; ``None`` for a text that is kept whole."""
    found = _REST.search(text)
    return None if found is None else found[0]


def content_hash(text: str, fields: Mapping[str, str | None]) -> str:
    """Return the SHA-256, in hex, of a normalised text and the extracted fields; the fields' order is irrelevant."""
    parts = json.dumps([text, sorted(fields.items())], separators=(",", ":"))
    return sha256(parts.encode("ascii")).hexdigest()
