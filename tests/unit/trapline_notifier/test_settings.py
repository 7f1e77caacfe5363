"""The environment of the notifier's functions."""

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_notifier.settings import notifier_settings, relay_settings


def test_every_missing_variable_is_named_at_once() -> None:
    """A function without its settings says all that is missing, one line each."""
    with pytest.raises(InputRefusedError) as caught:
        notifier_settings({"TRAPLINE_TOPIC_ARN": "arn"})
    assert str(caught.value).splitlines() == [
        "environment: TRAPLINE_OPERATIONS_TOPIC_ARN: must be set",
        "environment: DATABASE_URL: must be set",
    ]


def test_settings_are_read_from_the_environment_given() -> None:
    """Names and addresses come from variables, with defaults for the rest."""
    relay = relay_settings({"TRAPLINE_CHANNELS_SECRET": "prod/channels", "TRAPLINE_SECRET_PREFIX": "prod/"})
    assert (relay.channels_secret, relay.secret_prefix, relay.log_level) == ("prod/channels", "prod/", "INFO")
