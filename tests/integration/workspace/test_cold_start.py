"""What a function loads while its environment starts, and what a process on one machine is spared."""

import os
import subprocess
import sys

import pytest

HANDLERS = (
    "trapline_crawler.handler",
    "trapline_dispatcher.handler",
    "trapline_notifier.handler",
    "trapline_notifier.relay",
)


def loaded(handler, library="boto3", **environ):
    """Return whether ``library`` is loaded once ``handler`` is."""
    code = f"import sys, {handler}; print({library!r} in sys.modules)"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={**kept, **environ}, capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


@pytest.mark.parametrize("handler", HANDLERS)
def test_boto3_is_loaded_before_the_first_event_on_lambda_and_there_only(handler):
    """On Lambda the slow import belongs to the init phase; on one machine no process pays for it."""
    assert loaded(handler, AWS_LAMBDA_FUNCTION_NAME="one")
    assert not loaded(handler)


@pytest.mark.parametrize("handler", HANDLERS)
def test_apprise_is_loaded_by_the_relay_alone(handler):
    """It takes a quarter of the notifier's init, and the drain hands what is for a chat channel to the relay."""
    relays = handler == "trapline_notifier.relay"
    assert loaded(handler, "apprise", AWS_LAMBDA_FUNCTION_NAME="one") is relays
