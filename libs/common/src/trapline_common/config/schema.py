"""The JSON Schema of ``crawls.yaml``, for editors. ``python -m trapline_common.config.schema > crawls.schema.json``."""

import json
import sys
from copy import deepcopy
from typing import Any

from trapline_common.config.fields import NAME_PATTERN
from trapline_common.config.load import OWN
from trapline_common.config.models import CrawlConfig, LaneConfig


def json_schema() -> dict[str, Any]:
    """Return the schema of the file as it is written, before inheritance; the models are its only source."""
    crawl = CrawlConfig.model_json_schema(mode="validation")
    definitions = crawl.pop("$defs")
    lane = LaneConfig.model_json_schema(mode="validation")
    definitions |= lane.pop("$defs")
    definitions |= {
        "Crawl": _without(crawl, {"name"}, "One crawl. What it leaves out comes from `defaults`."),
        "Defaults": _without(crawl, OWN, "What every crawl has unless it says otherwise; nested maps merge by key."),
        "Lane": lane,
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "crawls.yaml",
        "description": "The crawls of Trapline: which pages, how to visit them, what to watch, when to alert.",
        "type": "object",
        "additionalProperties": False,
        "required": ["crawls"],
        "properties": {
            "defaults": {"$ref": "#/$defs/Defaults"},
            "lanes": _named("Lane", "Pools with their own limits; `default` always exists."),
            "crawls": {**_named("Crawl", "The crawls by name."), "minProperties": 1},
        },
        "$defs": dict(sorted(definitions.items())),
    }
    _tidy(schema)
    return schema


def schema_text() -> str:
    """Return the schema as the checked-in file holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _without(crawl: dict[str, Any], fields: frozenset[str] | set[str], description: str) -> dict[str, Any]:
    own = deepcopy(crawl)
    own["properties"] = {key: value for key, value in own["properties"].items() if key not in fields}
    own.pop("required", None)
    own.pop("title", None)
    return {**own, "description": description}


def _named(definition: str, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "type": ["object", "null"],
        "propertyNames": {"pattern": NAME_PATTERN},
        "additionalProperties": {"$ref": f"#/$defs/{definition}"},
    }


def _tidy(node: object) -> None:
    """Drop pydantic's titles, which repeat the keys, and its ``gt``, which is no JSON Schema word."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    if isinstance(node, dict):
        if isinstance(node.get("title"), str) and "$schema" not in node:
            del node["title"]
        node.pop("gt", None)
        for item in node.values():
            _tidy(item)


if __name__ == "__main__":
    sys.stdout.write(schema_text())
