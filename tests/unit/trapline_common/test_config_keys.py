"""Every key of ``crawls.yaml`` says what it means, in the models from which its schema and its reference are made."""

from typing import Any

import pytest
from pydantic import BaseModel

from trapline_common.config.models import (
    AlertConfig,
    Cookie,
    CrawlConfig,
    Expect,
    IgnoredText,
    LaneConfig,
    Settle,
    Viewport,
)
from trapline_common.config.schema import json_schema
from trapline_common.config.steps import Choose, Fill, LoggedInCheck, Press, Step

NEEDED: dict[type[BaseModel], dict[str, Any]] = {
    AlertConfig: {},
    Choose: {"selector": "#a", "value": "a"},
    Cookie: {"name": "a", "value": "a"},
    CrawlConfig: {"name": "a"},
    Expect: {},
    Fill: {"selector": "#a", "value": "a"},
    IgnoredText: {"pattern": "a"},
    LaneConfig: {},
    LoggedInCheck: {},
    Press: {"key": "a"},
    Settle: {},
    Step: {},
    Viewport: {},
}
"""The models behind the file, each with the keys that it can't do without."""
KEYS = [(model, key) for model in NEEDED for key in model.model_fields]
NAMES = [f"{model.__name__}.{key}" for model, key in KEYS]


@pytest.mark.parametrize(("model", "key"), KEYS, ids=NAMES)
def test_every_key_has_a_sentence_and_an_example_that_is_accepted(model: type[BaseModel], key: str) -> None:
    """A sentence ends with a full stop; an example is what a person may write, and is not the default."""
    field = model.model_fields[key]
    assert field.description
    assert field.description.endswith(".")
    assert field.examples
    for example in field.examples:
        made = model.model_validate(NEEDED[model] | {key: example})
        assert field.is_required() or getattr(made, key) != field.get_default(call_default_factory=True)


def test_the_schema_for_editors_has_every_sentence() -> None:
    """An editor shows the sentence of each key of a crawl and a lane."""
    definitions = json_schema()["$defs"]
    for name, model, left_out in (("Crawl", CrawlConfig, {"name"}), ("Lane", LaneConfig, set())):
        shown = {key: value.get("description") for key, value in definitions[name]["properties"].items()}
        assert shown == {key: field.description for key, field in model.model_fields.items() if key not in left_out}
