"""The key that seals the sessions of ordered tasks, in SSM: the operator makes it, the crawler reads it."""

from base64 import urlsafe_b64encode
from secrets import token_bytes
from typing import Any, Protocol

from trapline_common.domain.errors import InputRefusedError

SESSION_KEY_PARAMETER = "TRAPLINE_SESSION_KEY_PARAMETER"
KEY_BYTES = 32
"""The length of Fernet's key, before its URL-safe base64 (cryptography, "Fernet")."""
EMPTY_VERSION = 1
"""The version that Terraform writes: SSM knows no parameter without a value, and Terraform never writes again."""


class Parameters(Protocol):
    """What is used of boto3's SSM client."""

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> Any:  # noqa: N803  (boto3's names)
        """Return a parameter with its version."""

    def put_parameter(self, *, Name: str, Value: str, Type: str, Overwrite: bool) -> Any:  # noqa: N803
        """Write the next version of a parameter."""


def ensure_session_key(client: Parameters, name: str) -> bool:
    """Put a fresh random key into the parameter unless it has one; return whether this call did. Blocks.

    The key is not read, and may be rotated by hand. One call at a time: SSM compares nothing before it writes. Raises
    botocore's errors.
    """
    if _get(client, name, decrypted=False)["Version"] != EMPTY_VERSION:
        return False
    key = urlsafe_b64encode(token_bytes(KEY_BYTES)).decode()
    client.put_parameter(Name=name, Value=key, Type="SecureString", Overwrite=True)
    return True


def read_session_key(client: Parameters, name: str) -> bytes:
    """Return the key. Blocks. Raises ``InputRefusedError`` while there is none yet, and botocore's errors."""
    found = _get(client, name, decrypted=True)
    if found["Version"] == EMPTY_VERSION:
        raise InputRefusedError(f"parameter {name}: it has no key yet; `trapline migrate` makes it")
    key: str = found["Value"]
    return key.encode()


def _get(client: Parameters, name: str, *, decrypted: bool) -> Any:
    return client.get_parameter(Name=name, WithDecryption=decrypted)["Parameter"]
