"""What the notifier's functions read from their environment: names and addresses, never a secret."""

from collections.abc import Mapping
from dataclasses import dataclass

from trapline_common.domain.errors import InputRefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierSettings:
    """The drain's. ``database_url`` is the ledger's address, on AWS without a password."""

    topic_arn: str
    operations_topic_arn: str
    database_url: str
    log_level: str = "INFO"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """The relay's. ``channels_secret`` is the name of the secret that holds a channels file.

    ``secret_prefix`` is put before each ``${secret:NAME}`` in it.
    """

    channels_secret: str
    secret_prefix: str = ""
    log_level: str = "INFO"


def notifier_settings(environ: Mapping[str, str]) -> NotifierSettings:
    """Read the drain's settings. Raises ``InputRefusedError`` naming every variable that is missing."""
    found = _required(environ, "TRAPLINE_TOPIC_ARN", "TRAPLINE_OPERATIONS_TOPIC_ARN", "DATABASE_URL")
    return NotifierSettings(
        topic_arn=found[0],
        operations_topic_arn=found[1],
        database_url=found[2],
        log_level=environ.get("TRAPLINE_LOG_LEVEL", "INFO"),
    )


def relay_settings(environ: Mapping[str, str]) -> RelaySettings:
    """Read the relay's settings. Raises ``InputRefusedError`` naming every variable that is missing."""
    (channels_secret,) = _required(environ, "TRAPLINE_CHANNELS_SECRET")
    return RelaySettings(
        channels_secret=channels_secret,
        secret_prefix=environ.get("TRAPLINE_SECRET_PREFIX", ""),
        log_level=environ.get("TRAPLINE_LOG_LEVEL", "INFO"),
    )


def _required(environ: Mapping[str, str], *names: str) -> list[str]:
    missing = [name for name in names if not environ.get(name)]
    if missing:
        raise InputRefusedError("\n".join(f"environment: {name}: must be set" for name in missing))
    return [environ[name] for name in names]
