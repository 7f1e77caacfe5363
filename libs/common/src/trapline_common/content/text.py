"""Normalises and hashes a page's text: equal hashes mean that nothing changed. Pure."""

import json
import re
import unicodedata
from collections.abc import Mapping
from hashlib import sha256

_DROPPED = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""Control characters that are no white space: Postgres stores no NUL, and people see none of the others."""
LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
"""Half of a UTF-16 pair: a page's script can make one, UTF-8 can't hold it."""


def normalise(text: str) -> str:
    """Return ``text`` as Trapline compares it, so that white space alone is never a change.

    Unicode NFC; white space within a line becomes one space, none at its ends; no blank lines; control characters
    dropped; a lone surrogate becomes U+FFFD, so the result always encodes. Normalising twice changes nothing more.
    """
    clean = LONE_SURROGATE.sub("\ufffd", _DROPPED.sub("", text))
    lines = (" ".join(line.split()) for line in unicodedata.normalize("NFC", clean).splitlines())
    return "\n".join(line for line in lines if line)


def content_hash(text: str, fields: Mapping[str, str | None]) -> str:
    """Return the SHA-256, in hex, of a normalised text and the extracted fields; the fields' order is irrelevant."""
    parts = json.dumps([text, sorted(fields.items())], separators=(",", ":"))
    return sha256(parts.encode("ascii")).hexdigest()
