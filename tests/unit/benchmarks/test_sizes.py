"""What a page costs with each size of the function: the table of the docs is computed from what was measured."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.sizes import MEASURED, SIZES, costs, dollars

IMAGE = Path(__file__).parents[3] / "docs/image.md"


def test_the_docs_show_what_the_measured_seconds_cost():
    """The table is that of the medians that are checked in, at the deployment's prices."""
    medians = json.loads(MEASURED.read_text())["medians"]
    assert [lap["memory"] for lap in medians] == list(SIZES)
    assert f"<!-- costs -->\n{costs(medians)}<!-- /costs -->" in IMAGE.read_text()


def test_dollars_are_those_of_gib_seconds_and_calls():
    """Ten calls of 10 s with 2 GiB are 200 GiB-seconds; cold, each takes one second more. A call has its own price."""
    lap = {"memory": 2_048, "many": 10.0, "start": 1.0, "pages": 100}
    assert dollars(lap, "x86_64", is_cold=False) == pytest.approx(200 * 0.0000166667 + 10 * 0.0000002)
    assert dollars(lap, "x86_64", is_cold=True) == pytest.approx(220 * 0.0000166667 + 10 * 0.0000002)
    assert dollars(lap, "arm64", is_cold=False) == pytest.approx(200 * 0.0000133334 + 10 * 0.0000002)
