"""The log of a command that runs for long."""

from pathlib import Path

import pytest

from trapline_common.platform.logging import get_logger
from trapline_machine import logs
from trapline_machine.logs import OWN, own_log


def test_a_log_that_grew_is_put_aside_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It never takes more than twice its bound, and its newest line is always in the file of its name."""
    monkeypatch.setattr(logs, "MAX_BYTES", 2_000)
    with own_log(tmp_path):
        for number in range(200):
            get_logger("runtime").info("line", number=number)
            sizes = [file.stat().st_size for file in tmp_path.iterdir()]
            assert max(sizes) < 2_500
            assert f'"number": {number},' in (tmp_path / OWN).read_text().splitlines()[-1]
    assert sorted(file.name for file in tmp_path.iterdir()) == [OWN, f"{OWN}.1"]
