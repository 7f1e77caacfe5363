"""How a service on AWS reaches the ledger: with an IAM token for a password, so that there is none to keep."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from trapline_common.domain.errors import InputRefusedError
from trapline_common.ledger.address import as_url
from trapline_common.ledger.connection import Database

ADDRESS = "DATABASE_URL"
LOG_IN = "TRAPLINE_DATABASE_AUTH"
IAM = "iam"
DEFAULT_PORT = 5432

Connect = Callable[[], Awaitable[Database]]
"""Open one connection; the caller closes it. Raises ``LedgerUnavailableError``."""
Address = Callable[[], str]
"""Return an address that one may log in with now. Blocks: finding a role's credentials may ask the network."""


def ledger(environ: Mapping[str, str], *, application: str) -> Connect:
    """Return how to connect to the ledger at ``DATABASE_URL``; each connection gets an address of its own.

    Raises ``InputRefusedError`` that names the variable.
    """
    make = address(environ)
    if environ.get(LOG_IN) != IAM:
        return lambda: Database.connect(make(), application=application)

    async def connect() -> Database:
        from trapline_common.aws.calls import call

        return await Database.connect(await call(make), application=application)

    return connect


def address(environ: Mapping[str, str]) -> Address:
    """Return what makes the address of the ledger at ``DATABASE_URL``.

    ``TRAPLINE_DATABASE_AUTH=iam`` (on RDS): each has a token for a password, signed here and good for 15 minutes;
    the setting then names user and host, and may not hold a password. Raises ``InputRefusedError`` that names the
    variable.
    """
    found = environ.get(ADDRESS)
    if not found:
        raise InputRefusedError(f"environment: {ADDRESS} must be set")
    way = environ.get(LOG_IN, "")
    if way not in {"", IAM}:
        raise InputRefusedError(f"environment: {LOG_IN} is {way!r}; it is {IAM} or not set")
    return _with_token(found) if way == IAM else lambda: found


def logging_in(found: str, *, user: str, password: str) -> str:
    """Return the address ``found`` with this user and password in place of its own."""
    parts = urlsplit(as_url(found))
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{host}"))


def _with_token(found: str) -> Address:
    found = as_url(found)
    parts = urlsplit(found)
    user, host, port = parts.username, parts.hostname, parts.port or DEFAULT_PORT
    if not user or not host or parts.password:
        raise InputRefusedError(f"environment: {ADDRESS}: with {LOG_IN}={IAM} it names user and host, and no password")
    # Late: on one machine, where no process needs it, boto3 would cost each a quarter of a second
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG

    client = boto3.client("rds", config=CLIENT_CONFIG)

    def make() -> str:
        token = client.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)
        return logging_in(found, user=user, password=token)

    return make
