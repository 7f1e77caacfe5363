"""The settings that the notifier's functions read from their environment: names and addresses, never a secret."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from trapline_common.domain.errors import InputRefusedError
from trapline_common.domain.web_view import WebView


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierSettings:
    """The drain's settings."""

    topic_arn: str
    """The topic that alerts go to; Terraform sets ``TRAPLINE_TOPIC_ARN``."""
    operations_topic_arn: str
    """The topic for those who run Trapline; Terraform sets ``TRAPLINE_OPERATIONS_TOPIC_ARN``."""
    database_url: str
    """The ledger's address, on AWS without a password; ``DATABASE_URL``."""
    web: WebView = field(default_factory=WebView)
    """Where alerts link to; Terraform sets ``TRAPLINE_WEB_URL`` and ``TRAPLINE_ENVIRONMENT``."""
    relay_function: str = ""
    """The relay's function, empty where there is none; Terraform sets ``TRAPLINE_RELAY_FUNCTION``."""
    log_level: str = "INFO"
    """``TRAPLINE_LOG_LEVEL``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """The relay's settings."""

    channels_secret: str
    """The name of the secret that holds a channels file; Terraform sets ``TRAPLINE_CHANNELS_SECRET``."""
    secret_prefix: str = ""
    """What comes before the name in each ``${secret:NAME}`` of that file; ``TRAPLINE_SECRET_PREFIX``."""
    log_level: str = "INFO"
    """``TRAPLINE_LOG_LEVEL``."""


def notifier_settings(environ: Mapping[str, str]) -> NotifierSettings:
    """Read the drain's settings. Raises ``InputRefusedError`` naming every variable that is missing."""
    found = _required(environ, "TRAPLINE_TOPIC_ARN", "TRAPLINE_OPERATIONS_TOPIC_ARN", "DATABASE_URL")
    return NotifierSettings(
        topic_arn=found[0],
        operations_topic_arn=found[1],
        database_url=found[2],
        web=WebView.read(environ),
        relay_function=environ.get("TRAPLINE_RELAY_FUNCTION", ""),
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
