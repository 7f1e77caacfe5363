"""Makes the key that seals the sessions of ordered tasks, once; the crawler alone ever reads it."""

from base64 import urlsafe_b64encode
from secrets import token_bytes
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

SESSION_KEY_SECRET = "TRAPLINE_SESSION_KEY_SECRET"  # noqa: S105  (the name of a variable)
KEY_BYTES = 32
"""The length of Fernet's key, before its URL-safe base64 (cryptography, "Fernet")."""


def ensure_session_key(client: "SecretsManagerClient", secret: str) -> bool:
    """Put a fresh random key into ``secret`` unless it has a value; return whether this call did. Blocks.

    The version's id follows from the secret's ARN: of two calls at once one writes, and the other is refused. The key
    is not read, and may be rotated by hand. Raises botocore's errors.
    """
    known = client.describe_secret(SecretId=secret)
    if known.get("VersionIdsToStages"):
        return False
    key = urlsafe_b64encode(token_bytes(KEY_BYTES)).decode()
    version = str(uuid5(NAMESPACE_URL, known["ARN"]))
    try:
        client.put_secret_value(SecretId=secret, ClientRequestToken=version, SecretString=key)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ResourceExistsException":
            return False
        raise
    return True
