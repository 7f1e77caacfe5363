"""How a service on AWS reaches the ledger: with an IAM token for a password, so that there is none to keep."""

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from trapline_common.errors import InputRefusedError
from trapline_common.store.database import Database

ADDRESS = "DATABASE_URL"
LOG_IN = "TRAPLINE_DATABASE_AUTH"
IAM = "iam"
DEFAULT_PORT = 5432

Connect = Callable[[], Awaitable[Database]]
"""Open one connection; the caller closes it. Raises ``LedgerUnavailableError``."""


def ledger(environ: Mapping[str, str], *, application: str) -> Connect:
    """Return how to connect to the ledger at ``DATABASE_URL``.

    ``TRAPLINE_DATABASE_AUTH=iam`` (on RDS): each connection logs in with a token of its own, signed here and good for 15
    minutes; the address then names user and host, and may not hold a password. Raises ``InputRefusedError`` that names
    the variable.
    """
    address = environ.get(ADDRESS)
    if not address:
        raise InputRefusedError(f"environment: {ADDRESS} must be set")
    way = environ.get(LOG_IN, "")
    if way not in {"", IAM}:
        raise InputRefusedError(f"environment: {LOG_IN} is {way!r}; it is {IAM} or not set")
    return _with_token(address, application) if way == IAM else _as_it_is(address, application)


def _as_it_is(address: str, application: str) -> Connect:
    async def connect() -> Database:
        return await Database.connect(address, application=application)

    return connect


def _with_token(address: str, application: str) -> Connect:
    parts = urlsplit(address)
    user, host, port = parts.username, parts.hostname, parts.port or DEFAULT_PORT
    if not user or not host or parts.password:
        raise InputRefusedError(f"environment: {ADDRESS}: with {LOG_IN}={IAM} it names user and host, and no password")
    # Loaded only here: on one machine, where nobody needs it, it would cost every process a quarter of a second
    import boto3

    from trapline_common.aws.calls import CLIENT_CONFIG, call

    client = boto3.client("rds", config=CLIENT_CONFIG)

    async def connect() -> Database:
        # In a thread: signing needs no network, but finding the role's credentials may
        token = await call(lambda: client.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user))
        login = f"{quote(user, safe='')}:{quote(token, safe='')}@{host}:{port}"
        return await Database.connect(urlunsplit(parts._replace(netloc=login)), application=application)

    return connect
