"""The embedded metric format."""

from datetime import UTC, datetime

import pytest

from trapline_common.metrics import Unit, embedded_metrics

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def test_a_line_has_the_shape_cloudwatch_reads() -> None:
    """The definition names the metrics and dimensions, whose values are members of the same object."""
    line = embedded_metrics(
        {"Visits": (3, Unit.COUNT), "Time": (1.5, Unit.SECONDS)},
        at=AT,
        dimensions={"Lane": "default"},
        properties={"run_id": 4},
    )
    assert line == {
        "_aws": {
            "Timestamp": 1772352000000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Trapline",
                    "Dimensions": [["Lane"]],
                    "Metrics": [{"Name": "Visits", "Unit": "Count"}, {"Name": "Time", "Unit": "Seconds"}],
                }
            ],
        },
        "Lane": "default",
        "Visits": 3,
        "Time": 1.5,
        "run_id": 4,
    }


def test_what_cloudwatch_would_drop_is_an_error() -> None:
    """No metric, too many of them, or two members of one name raise instead of vanishing."""
    with pytest.raises(ValueError, match="1 to 100"):
        embedded_metrics({}, at=AT, dimensions={})
    with pytest.raises(ValueError, match="1 to 100"):
        embedded_metrics({str(n): (n, Unit.NONE) for n in range(101)}, at=AT, dimensions={})
    with pytest.raises(ValueError, match="share a name"):
        embedded_metrics({"a": (1, Unit.COUNT)}, at=AT, dimensions={"a": "x"})
