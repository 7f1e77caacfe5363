"""How the operator function reaches the ledger as its administrator, who owns the schema and may make roles."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from trapline_common.aws.ledger_login import ADDRESS, logging_in
from trapline_common.domain.errors import InputRefusedError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ADMIN_SECRET = "TRAPLINE_ADMIN_SECRET"  # noqa: S105  (the secret's name, not its value)
"""On RDS: the secret that RDS made for the administrator and rotates; JSON with ``username`` and ``password``."""
ADMIN_ADDRESS = "TRAPLINE_ADMIN_URL"
"""Elsewhere: an address that needs no password, such as a Unix socket's."""


def administrator(environ: Mapping[str, str], secrets: "SecretsManagerClient | None") -> str | None:
    """Return the administrator's address of the ledger; ``None`` where the environment names no administrator.

    The password is read anew each time, since RDS rotates it, and is nowhere else. Host, database and TLS settings
    (``verify-full`` on RDS) are those of ``DATABASE_URL``. Blocks. Raises ``InputRefusedError`` for a secret that is
    not RDS's, botocore's errors as they are.
    """
    name = environ.get(ADMIN_SECRET)
    if not name:
        return environ.get(ADMIN_ADDRESS) or None
    found = environ.get(ADDRESS)
    if not found or secrets is None:
        raise InputRefusedError(f"environment: {ADDRESS} must be set")
    try:
        value = json.loads(secrets.get_secret_value(SecretId=name)["SecretString"])
        user, password = str(value["username"]), str(value["password"])
    except (KeyError, TypeError, ValueError) as error:
        # Not the value: it may be a password all the same
        raise InputRefusedError(f"environment: {ADMIN_SECRET}: no secret of RDS with username and password") from error
    return logging_in(found, user=user, password=password)
