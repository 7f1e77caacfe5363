"""How the operator function reaches the ledger as its administrator, who owns the schema and may make roles."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

from trapline_common.aws.ledger_login import ADDRESS, IAM, LOG_IN, Address, logging_in
from trapline_common.aws.ledger_login import address as make_address
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


def by_token(environ: Mapping[str, str], with_password: str) -> Address | None:
    """Return what makes an address with a token for the user of ``with_password``; ``None`` where IAM is not used.

    RDS asks a user for a token, and takes no password, once it counts as a member of ``rds_iam``: by a grant of its
    own, or by one to a role that it made (from Postgres 16 on). Raises ``InputRefusedError`` that names the variable.
    """
    if environ.get(LOG_IN) != IAM:
        return None
    user = urlsplit(with_password).username or ""
    parts = urlsplit(environ[ADDRESS])
    host = parts.netloc.rpartition("@")[2]
    named = urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}@{host}"))
    return make_address({ADDRESS: named, LOG_IN: IAM})
