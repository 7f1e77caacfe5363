"""Sessions kept between invocations and runs: compressed and encrypted, so that the ledger holds no readable cookie."""

import base64
import hmac
import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

LIBRARY = "cryptography.fernet"
"""What encrypts: loaded at the first session, for most crawls have none."""

MAX_BYTES = 32 * 1024 * 1024
"""A session larger than this when unpacked is not restored: cookies and storage of one site are far below."""

_KEY_BYTES = 32
"""Of a Fernet key: 16 for signing, 16 for encrypting."""


class Seal:
    """Encrypts and opens sessions with one key (Fernet: AES-128-CBC with HMAC-SHA256)."""

    __slots__ = ("_key", "_tagging")

    def __init__(self, key: bytes) -> None:
        """Raises ``ValueError`` for what is no key."""
        if len(base64.urlsafe_b64decode(key)) != _KEY_BYTES:
            raise ValueError("a session key is 32 bytes in URL-safe base64")
        self._key = key
        # A key of its own: no tag tells anything about sealed content.
        self._tagging = hmac.digest(key, b"trapline: tags", "sha256")

    @staticmethod
    def new_key() -> bytes:
        """Return a fresh random key."""
        from cryptography.fernet import Fernet

        return Fernet.generate_key()

    def _fernet(self) -> "Fernet":
        from cryptography.fernet import Fernet

        return Fernet(self._key)

    def close(self, state: Mapping[str, Any]) -> bytes:
        """Return ``state`` (JSON-ready) compressed and encrypted."""
        return self._fernet().encrypt(zlib.compress(json.dumps(state).encode()))

    def tag(self, facts: Any) -> str:
        """Return 64 hex digits over ``facts`` (JSON-ready), from which they can't be guessed without the key."""
        return hmac.digest(self._tagging, json.dumps(facts).encode(), "sha256").hex()

    def open(self, sealed: bytes | None) -> dict[str, Any] | None:
        """Return the state that was sealed; ``None`` when there is none, or it was sealed under another key.

        A lost session costs a log-in, never the task.
        """
        if sealed is None:
            return None
        from cryptography.fernet import InvalidToken

        try:
            packed = self._fernet().decrypt(sealed)
        except InvalidToken:
            return None
        inflater = zlib.decompressobj()
        text = inflater.decompress(packed, MAX_BYTES)
        if inflater.unconsumed_tail:
            return None
        state: dict[str, Any] = json.loads(text)
        return state
