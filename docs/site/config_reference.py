"""The reference of ``crawls.yaml``, generated from the pydantic models that read it."""

import json
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from ruamel.yaml import YAML

from docs.site.markdown import code, slug, table
from trapline_common.config import durations, min_change, picture_amount
from trapline_common.config.extraction import Extract
from trapline_common.config.load import OWN
from trapline_common.config.models import (
    AlertConfig,
    Cookie,
    CrawlConfig,
    ElementShot,
    Expect,
    IgnoredText,
    LaneConfig,
    Settle,
    Viewport,
    Visual,
)
from trapline_common.config.schema import json_schema
from trapline_common.config.steps import Choose, Fill, LoggedInCheck, Press, Step

_INTRODUCTION = """\
# crawls.yaml: the reference

`make docs-reference` generates this page from the models that read the file, and a test compares the two.
An editor that knows JSON Schema checks the file while you type: `trapline config --schema` prints the schema.

The file has three keys: `crawls` maps a name to a crawl, `lanes` maps a name to a lane, and `defaults` holds what
every crawl has unless it says otherwise. A nested map merges with the default's key by key; any other value replaces
the default. `defaults` takes every key of a crawl but {own}.

A **duration** is a number with a unit (`150ms`, `30s`, `5m`, `24h`, `2d`); a number without a unit is seconds.
`${{secret:NAME}}` in a value is resolved at the visit ([secrets](../sessions.md#secrets)).
"""

SECTIONS: Final[Mapping[str, tuple[type[BaseModel], str]]] = {
    "Crawl": (CrawlConfig, "A crawl"),
    "Lane": (LaneConfig, "A lane"),
    "Settle": (Settle, "settle"),
    "Extract": (Extract, "extract: one field"),
    "IgnoredText": (IgnoredText, "ignore: a pattern"),
    "Expect": (Expect, "expect"),
    "AlertConfig": (AlertConfig, "alert"),
    "Viewport": (Viewport, "viewport"),
    "ElementShot": (ElementShot, "screenshot: of an element"),
    "Visual": (Visual, "visual"),
    "Cookie": (Cookie, "cookies: one cookie"),
    "Step": (Step, "steps: one step"),
    "Fill": (Fill, "fill"),
    "Choose": (Choose, "select"),
    "Press": (Press, "press"),
    "LoggedInCheck": (LoggedInCheck, "logged_in_check"),
}
"""Each definition of the JSON Schema that is a map with keys of its own: the model, and the heading of its section."""

_ANY_FIELD: Final = ("Expect", "fields")
"""In the file, comparisons of extracted fields stand beside ``status`` and ``contains`` under their own names."""
_LIMITS: Final = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "max_length": "at most {} items"}
"""Words for the constraints of a field, by their names in ``annotated_types``."""
_SHOWN_TYPES: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "object": "map",
}


def config_reference() -> str:
    """Return the page: a section for each model, with a row for each key."""
    definitions = json_schema()["$defs"]
    own = ", ".join(f"`{key}`" for key in sorted(OWN - {"name"}))
    return "\n".join([_INTRODUCTION.format(own=own), *(_section(name, definitions) for name in SECTIONS)])


def keys() -> Iterator[tuple[str, FieldInfo]]:
    """Return every key as ``Section.key`` with the field that reads it. A crawl's name is no key: it is the map's."""
    for section, (model, _) in SECTIONS.items():
        for name, field in model.model_fields.items():
            if (section, name) != ("Crawl", "name"):
                yield f"{section}.{name}", field


def _section(section: str, definitions: Mapping[str, Any]) -> str:
    model, heading = SECTIONS[section]
    rows = []
    for full, field in keys():
        owner, _, name = full.partition(".")
        if owner == section:
            rows.append(_row(name, field, _property(section, name, definitions), definitions))
    described = definitions.get(section, {}).get("description") or (model.__doc__ or "")
    prose = _as_markdown(described.split("\n\n")[0]) + _short_form(section, definitions)
    return "\n".join([f"## {heading}\n", f"{prose}\n", table(("key", "type", "default", "meaning"), rows)])


def _property(section: str, name: str, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of one key. Models that are written in two forms hold their keys in the second."""
    if (section, name) == _ANY_FIELD:
        any_field: Mapping[str, Any] = definitions[section]["additionalProperties"]
        return any_field
    for schema in _forms(definitions.get(section, SECTIONS[section][0].model_json_schema())):
        if name in schema.get("properties", {}):
            found: Mapping[str, Any] = schema["properties"][name]
            return found
    raise KeyError(f"{section}.{name} is not in the JSON Schema")


def _short_form(section: str, definitions: Mapping[str, Any]) -> str:
    """Say which key's value may stand for the whole map, if one may."""
    forms = definitions.get(section, {}).get("anyOf", [])
    keys_of: Mapping[str, Any] = next((form["properties"] for form in forms if "properties" in form), {})
    alone = next((code(key) for key, schema in keys_of.items() if schema in forms), None)
    return f" The value of {alone} may stand alone in place of the map." if alone else ""


def _forms(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [schema, *schema.get("anyOf", [])]


def _row(name: str, field: FieldInfo, schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> tuple[str, ...]:
    shown = _type(schema, definitions)
    limits = ", ".join(_limits(field, is_duration=shown == "duration"))
    return (
        code(name) if name != _ANY_FIELD[1] else "an extracted field's name",
        f"{shown}, {limits}" if limits else shown,
        _default(field, schema),
        _as_markdown(field.description or "") + _example(field, schema),
    )


def _limits(field: FieldInfo, *, is_duration: bool) -> Iterator[str]:
    for constraint in field.metadata:
        for name, words in _LIMITS.items():
            if (bound := getattr(constraint, name, None)) is not None:
                yield words.format(durations.format_duration(bound) if is_duration else f"{bound:,}")


def _type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """Return the type in words; a definition with keys of its own as a link to its section."""
    if "$ref" in schema:
        return _reference(schema["$ref"].rpartition("/")[2], definitions)
    if schema.get("pattern") == min_change.PATTERN or _has_pattern(schema, min_change.PATTERN):
        return "amount of text"
    if schema.get("pattern") == picture_amount.PATTERN or _has_pattern(schema, picture_amount.PATTERN):
        return "amount of a picture"
    if _has_pattern(schema, durations.PATTERN) and not _has_other_form(schema):
        return "duration"
    if "anyOf" in schema or "oneOf" in schema:
        alternatives = schema.get("anyOf") or schema["oneOf"]
        forms = [_type(form, definitions) for form in alternatives if form.get("type") != "null"]
        return " or ".join(dict.fromkeys(forms))
    if "enum" in schema:
        return ", ".join(code(str(value)) for value in schema["enum"])
    return _plain_type(schema, definitions)


def _plain_type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    kind = schema.get("type", "string")
    if isinstance(kind, list):
        return " or ".join(_SHOWN_TYPES[each] for each in kind if each != "null")
    if kind == "array":
        return f"list of {_grouped(_type(schema['items'], definitions))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return f"map of names to {_grouped(_type(schema['additionalProperties'], definitions))}"
    if kind == "object" and "properties" in schema:
        keys_of = frozenset(schema["properties"])
        return next(_link(name) for name, (model, _) in SECTIONS.items() if keys_of <= model.model_fields.keys())
    return _SHOWN_TYPES[kind]


def _reference(name: str, definitions: Mapping[str, Any]) -> str:
    return _link(name) if name in SECTIONS else _type(definitions[name], definitions)


def _grouped(words: str) -> str:
    return f"({words})" if " or " in words or ", " in words else words


def _link(section: str) -> str:
    heading = SECTIONS[section][1]
    return f"[{heading}](#{slug(heading)})"


def _has_pattern(schema: Mapping[str, Any], pattern: str) -> bool:
    return any(form.get("pattern") == pattern for form in schema.get("anyOf", [])) or any(
        _has_pattern(form, pattern) for form in schema.get("anyOf", [])
    )


def _has_other_form(schema: Mapping[str, Any]) -> bool:
    """Tell whether a duration is only one of the forms that a value may have: ``settle`` is a map too."""
    return any("properties" in form for form in schema.get("anyOf", []))


def _default(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), {}, PydanticUndefined) or isinstance(value, BaseModel):
        return "-"
    if isinstance(value, float) and _has_pattern(schema, durations.PATTERN):
        return code(durations.format_duration(value))
    return code(_as_yaml(value.value if hasattr(value, "value") else value))


def _example(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    found = field.examples or next((form["examples"] for form in _forms(schema) if "examples" in form), [])
    return f" For example {code(_as_yaml(found[0]))}." if found else ""


def _as_yaml(value: object) -> str:
    """Return a value on one line, as a person would write it in the file."""
    written = StringIO()
    yaml = YAML(pure=True)
    yaml.default_flow_style = True
    yaml.width = 10_000
    yaml.dump(json.loads(json.dumps(value)), written)
    return written.getvalue().strip().removesuffix("...").strip()


def _as_markdown(text: str) -> str:
    """Return a docstring's text on one line, its double backticks as Markdown's."""
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")
