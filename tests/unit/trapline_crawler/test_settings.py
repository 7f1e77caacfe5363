"""The crawler's environment: what is missing or wrong is named."""

from pathlib import Path

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_crawler.settings import Settings

LOCAL = {"DATABASE_URL": "postgresql://h/d", "TRAPLINE_ARTIFACTS": "art", "TRAPLINE_NUDGES": "postgres"}
AWS = {
    "DATABASE_URL": "postgresql://h/d",
    "TRAPLINE_ARTIFACTS": "s3://bucket/prefix",
    "TRAPLINE_DISPATCHER_FUNCTION": "dispatcher",
    "TRAPLINE_NOTIFIER_FUNCTION": "notifier",
}


def test_one_machine_needs_no_function_names() -> None:
    """With nudges through Postgres, the ledger and a store for artifacts are enough."""
    settings = Settings.read(LOCAL | {"TRAPLINE_DATA_DIR": "data", "TRAPLINE_HEARTBEAT": "0.5"})
    assert (settings.nudges, settings.data_dir, settings.heartbeat) == ("postgres", Path("data"), 0.5)


def test_aws_names_both_functions() -> None:
    """On Lambda the crawler nudges both other services."""
    settings = Settings.read(AWS)
    assert (settings.dispatcher, settings.notifier, settings.heartbeat) == ("dispatcher", "notifier", 5.0)


@pytest.mark.parametrize("missing", list(AWS))
def test_each_missing_variable_is_named(missing: str) -> None:
    """An empty one is as good as none."""
    with pytest.raises(InputRefusedError, match=missing):
        Settings.read(AWS | {missing: ""})


@pytest.mark.parametrize("heartbeat", ["soon", "nan", "inf", "0", "-1", "16"])
def test_a_heartbeat_that_could_not_keep_it_alive_is_refused(heartbeat: str) -> None:
    """Not a number, or one that would keep the ledger busy or let the reaper find it dead."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_HEARTBEAT"):
        Settings.read(LOCAL | {"TRAPLINE_HEARTBEAT": heartbeat})


def test_the_silence_is_two_thirds_of_the_time_to_live() -> None:
    """A crawler ends before the reaper gives its place away; a longer time to live than the default changes nothing."""
    assert Settings.read(LOCAL).silence == 30.0
    assert Settings.read(LOCAL | {"TRAPLINE_HEARTBEAT_TTL": "9"}).silence == 6.0
    assert Settings.read(LOCAL | {"TRAPLINE_HEARTBEAT_TTL": "90"}).silence == 30.0


@pytest.mark.parametrize("time_to_live", ["soon", "nan", "0", "-1", "inf", "6"])
def test_a_time_to_live_that_heartbeats_could_not_keep_is_refused(time_to_live: str) -> None:
    """Not a number, or so short that the first heartbeat would come too late."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_HEARTBEAT"):
        Settings.read(LOCAL | {"TRAPLINE_HEARTBEAT_TTL": time_to_live})


def test_an_unknown_way_to_nudge_is_refused() -> None:
    """The two that there are, are named."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_NUDGES is 'pigeon'; it is lambda or postgres"):
        Settings.read(LOCAL | {"TRAPLINE_NUDGES": "pigeon"})
