"""Keys of artifacts: the SHA-256 of what is kept, below a folder of its first two letters, with a suffix. Pure."""

import re
from hashlib import sha256

_KEY = re.compile(r"(?P<folder>[0-9a-f]{2})/(?P<digest>(?P=folder)[0-9a-f]{62})(?:\.[a-z0-9]{1,8})*", re.ASCII)

PNG = b"\x89PNG\r\n\x1a\n"
"""What every PNG begins with, whatever its key's suffix says (PNG specification, 5.2)."""


def key_of(data: bytes, suffix: str) -> str:
    """Return the key under which ``data`` is kept."""
    digest = sha256(data).hexdigest()
    return f"{digest[:2]}/{digest}{suffix}"


def is_key(text: str) -> bool:
    """Say whether a text has the form of a key: such a one leads out of no folder, and is no other object's name."""
    return _KEY.fullmatch(text) is not None


def is_unchanged(key: str, data: bytes) -> bool:
    """Say whether ``data`` is what was stored under ``key``."""
    found = _KEY.fullmatch(key)
    return found is not None and sha256(data).hexdigest() == found["digest"]
