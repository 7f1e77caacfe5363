from pathlib import Path

import pytest

from trapline_common.domain.errors import InputRefusedError
from trapline_machine.settings import RuntimeSettings, cores


def test_by_default_there_are_as_many_processes_as_cores(tmp_path: Path):
    """Nothing set: one process per core, not strict; an empty DATABASE_URL means the embedded Postgres."""
    found = RuntimeSettings.read({"DATABASE_URL": ""}, data_dir=tmp_path, max_invocations=None)
    assert (found.most, found.strict, found.database_url) == (cores(), False, None)
    assert (found.timeouts.heartbeat_ttl, found.timeouts.believed_after) == (45, 0)


def test_what_was_asked_for_is_strict(tmp_path: Path):
    """``--max-invocations`` is a bound that no lane may pass."""
    found = RuntimeSettings.read({"TRAPLINE_HEARTBEAT_TTL": "2.5"}, data_dir=tmp_path, max_invocations=1)
    assert (found.most, found.strict, found.timeouts.heartbeat_ttl) == (1, True, 2.5)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_setting_that_is_no_number_of_seconds_is_refused(tmp_path: Path, text: str):
    """A bad setting is refused with the variable's name."""
    with pytest.raises(InputRefusedError, match="TRAPLINE_HEARTBEAT_TTL"):
        RuntimeSettings.read({"TRAPLINE_HEARTBEAT_TTL": text}, data_dir=tmp_path, max_invocations=None)
