"""CloudWatch's embedded metric format: a metric is a log line, so counting costs no API call and no permission.

The format's limits (100 metrics and 30 dimensions in one line) are from its specification in the CloudWatch user guide.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

MAX_METRICS = 100
MAX_DIMENSIONS = 30
NAMESPACE = "Trapline"


class Unit(StrEnum):
    """The units Trapline counts in, by CloudWatch's names."""

    COUNT = "Count"
    SECONDS = "Seconds"
    MILLISECONDS = "Milliseconds"
    BYTES = "Bytes"
    NONE = "None"


def embedded_metrics(
    metrics: Mapping[str, tuple[float, Unit]],
    *,
    at: datetime,
    dimensions: Mapping[str, str],
    properties: Mapping[str, Any] | None = None,
    namespace: str = NAMESPACE,
) -> dict[str, Any]:
    """Return the members of one log line that CloudWatch turns into metrics.

    Log them with ``log.info("metrics", **embedded_metrics(...))``.
    ``dimensions`` tell series apart, so keep their values few (a service, a lane; never a URL or an id): those go into
    ``properties``, which are only searchable. Raises ``ValueError`` beyond the format's limits, or when two members
    would have one name.
    """
    extra = dict(properties or {})
    if not 0 < len(metrics) <= MAX_METRICS or len(dimensions) > MAX_DIMENSIONS:
        raise ValueError(f"one line holds 1 to {MAX_METRICS} metrics and at most {MAX_DIMENSIONS} dimensions")
    if len({*metrics, *dimensions, *extra}) != len(metrics) + len(dimensions) + len(extra):
        raise ValueError("a metric, a dimension and a property can't share a name")
    definition = {
        "Namespace": namespace,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": name, "Unit": str(unit)} for name, (_, unit) in metrics.items()],
    }
    return {
        "_aws": {"Timestamp": int(at.timestamp() * 1000), "CloudWatchMetrics": [definition]},
        **dimensions,
        **{name: value for name, (value, _) in metrics.items()},
        **extra,
    }
