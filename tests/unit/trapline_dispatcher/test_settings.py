"""The dispatcher's environment."""

from datetime import timedelta

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_dispatcher.settings import AT_MOST, BACKSTOP_DAYS, UNEXPANDED_TICKS, Settings

GIVEN = {
    "DATABASE_URL": "postgresql:///x",
    "TRAPLINE_CONFIG": "s3://bucket/crawls.yaml",
    "TRAPLINE_ARTIFACTS": "s3://bucket/artifacts",
    "TRAPLINE_CRAWLER_FUNCTION": "crawler",
    "TRAPLINE_NOTIFIER_FUNCTION": "notifier",
}


@pytest.mark.parametrize(
    ("value", "allowed"), [(None, False), ("", False), ("refused", False), ("database-minute", True)]
)
def test_unexpanded_ticks_are_taken_only_where_a_setting_says_so(value, allowed):
    """Silence and `refused` mean the same; only the local AWS says otherwise."""
    environ = GIVEN if value is None else {**GIVEN, UNEXPANDED_TICKS: value}
    assert Settings.read(environ).unexpanded_ticks is allowed


def test_a_wrong_word_for_unexpanded_ticks_is_refused():
    """A mistyped setting must not quietly mean one of the two."""
    with pytest.raises(InputRefusedError, match="it is refused or database-minute"):
        Settings.read({**GIVEN, UNEXPANDED_TICKS: "yes"})


@pytest.mark.parametrize(("value", "runs"), [(None, None), ("", None), ("s3://bucket/runs", "s3://bucket/runs")])
def test_where_runs_are_archived_is_optional(value, runs):
    """Without it they stay in the ledger alone."""
    environ = GIVEN if value is None else {**GIVEN, "TRAPLINE_RUNS": value}
    assert Settings.read(environ).runs == runs


def test_every_missing_variable_is_named_at_once():
    """A function without its settings says all that is missing."""
    with pytest.raises(InputRefusedError, match=r"DATABASE_URL, .*TRAPLINE_CONFIG, .*NOTIFIER_FUNCTION must be set"):
        Settings.read({})


def test_where_no_lane_asks_for_an_orchestrator_there_is_none():
    """Empty and absent mean the same: rows are asked for by Invokes, and nobody waits."""
    found = Settings.read({**GIVEN, "TRAPLINE_WAVE_MACHINE": "", "TRAPLINE_ANSWERS": "", "TRAPLINE_BUS": ""})
    assert (found.wave_machine, found.waves, found.durable_function, found.answers, found.bus) == (
        None, None, None, False, None
    )  # fmt: skip
    assert found == Settings.read(GIVEN)


def test_a_machine_without_a_place_for_its_items_is_refused():
    """Its executions would have nothing to read."""
    machine = {**GIVEN, "TRAPLINE_WAVE_MACHINE": "arn:aws:states:eu-central-1:1:stateMachine:wave"}
    for waves in (None, "", "/waves"):
        with pytest.raises(InputRefusedError, match="TRAPLINE_WAVES must be an s3:// URL"):
            Settings.read(machine if waves is None else {**machine, "TRAPLINE_WAVES": waves})
    assert Settings.read({**machine, "TRAPLINE_WAVES": "s3://bucket/waves"}).waves == "s3://bucket/waves"


@pytest.mark.parametrize(("value", "days"), [(None, None), ("", None), ("28", 28), ("180", 180)])
def test_artifacts_are_looked_after_where_the_buckets_rule_is_known(value, days):
    """Without it nothing in the bucket is deleted or put again: who made it may have other rules."""
    environ = GIVEN if value is None else {**GIVEN, BACKSTOP_DAYS: value}
    assert Settings.read(environ).backstop == (None if days is None else timedelta(days=days))


@pytest.mark.parametrize("value", ["27", "0", "-5", "1.5", "soon", "99999999", "\u0663\u0660"])
def test_a_backstop_that_is_none_is_refused(value):
    """Half of less than four weeks would leave the tick too little time to be away."""
    with pytest.raises(InputRefusedError, match=f"{BACKSTOP_DAYS}: .* is not a number of days from 28 to"):
        Settings.read({**GIVEN, BACKSTOP_DAYS: value})


def test_a_backstop_needs_a_bucket():
    """A folder has no rule by age."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_ARTIFACTS must be an s3:// URL"):
        Settings.read({**GIVEN, "TRAPLINE_ARTIFACTS": "/artifacts", BACKSTOP_DAYS: "180"})


@pytest.mark.parametrize(("value", "most"), [(None, None), ("", None), ("2", 2), ("1000", 1000)])
def test_lanes_may_be_held_to_what_the_account_allows(value, most):
    """Without the setting their own caps bind."""
    environ = GIVEN if value is None else {**GIVEN, AT_MOST: value}
    assert Settings.read(environ).at_most == most


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "1234567890"])
def test_a_cap_that_is_no_number_is_refused(value):
    """It would stop every lane, or none."""
    with pytest.raises(InputRefusedError, match="is not a number from 1"):
        Settings.read({**GIVEN, AT_MOST: value})
