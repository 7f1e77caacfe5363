"""pydantic's errors in the file's words: the path as it stands in the file, what is wrong, what is valid."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from trapline_common.config.extraction import Extract
from trapline_common.config.models import (
    AlertConfig,
    Cookie,
    CrawlConfig,
    ElementShot,
    IgnoredText,
    Settle,
    Viewport,
    Visual,
)
from trapline_common.config.problems import Path
from trapline_common.config.steps import Choose, Fill, LoggedInCheck, Press, Step
from trapline_common.config.suggest import did_you_mean

M = TypeVar("M", bound=BaseModel)

_NESTED: Mapping[str, type[BaseModel]] = {
    "alert": AlertConfig,
    "before": Step,
    "cookies": Cookie,
    "extract": Extract,
    "logged_in_check": LoggedInCheck,
    "ignore": IgnoredText,
    "screenshot": ElementShot,
    "settle": Settle,
    "steps": Step,
    "viewport": Viewport,
    "visual": Visual,
}
_IN_STEPS: Mapping[str, type[BaseModel]] = {"fill": Fill, "press": Press, "select": Choose}
_WORDS = {
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "string_type": "must be text",
    "dict_type": "must be a map",
    "model_type": "must be a map",
    "tuple_type": "must be a list",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}
_NOT_IN_THE_FILE = frozenset({"[key]", "[selector]", "[pattern]", "[when]", "[element]"})
"""Steps of pydantic's own: a map's key, and the form of an item of ``ignore`` or of a ``screenshot``."""
_SHOWN = 60
_PRIVATE = frozenset({"before", "headers", "cookies", "steps", "user_agent"})


def validated(model: type[M], values: Mapping[str, object]) -> tuple[M | None, list[tuple[Path, str]]]:
    """Return the model, or ``None`` and what is wrong as (path, reason)."""
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        return None, list(_problems(model, values, error))


def _problems(
    model: type[BaseModel], values: Mapping[str, object], error: ValidationError
) -> Iterator[tuple[Path, str]]:
    for detail in error.errors(include_url=False):
        path = _file_path(detail["loc"], values)
        yield path, _reason(model, detail, _written(values, path, detail["input"]))


def _file_path(loc: Path, values: Mapping[str, object]) -> Path:
    path = tuple(part for part in loc if part not in _NOT_IN_THE_FILE)
    if path[:2] == ("expect", "fields"):
        return ("expect", *path[2:])
    if path[:1] == ("extract",) and isinstance(_written(values, path[:2], None), str):
        return path[:2]  # the short form has no keys
    cookies = values.get("cookies")
    if path[:1] == ("cookies",) and len(path) > 1 and isinstance(cookies, Mapping):
        return ("cookies", list(cookies)[int(path[1])], *path[2:])
    return path


def _written(values: object, path: Path, otherwise: object) -> object:
    """Return what the file says at ``path``: pydantic shows a value as a validator left it (``1h`` as 3600.0)."""
    for part in path:
        if not isinstance(values, Mapping) or part not in values:
            return otherwise
        values = values[part]
    return values


def _reason(model: type[BaseModel], detail: ErrorDetails, value: object) -> str:
    kind, loc = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        around = _NESTED.get(str(loc[0]), model) if len(loc) > 1 else model
        if around is Step and len(loc) > 3:  # noqa: PLR2004  (steps, 0, fill, key)
            around = _IN_STEPS.get(str(loc[2]), Step)
        return f"unknown key; {did_you_mean(str(loc[-1]), _keys(around))}".rstrip("; ")
    if kind == "missing":
        return "missing"
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    reason = _WORDS.get(kind) or detail["msg"].replace("Input should be", "must be").replace("String should", "must")
    if kind == "string_type" and isinstance(value, int | float | list):
        reason += " (put it in quotes)"
    # what stands in a header or a cookie may be a credential: it is never repeated
    return reason if loc[0] in _PRIVATE else f"{reason}, not {_shown(value)}"


def _keys(model: type[BaseModel]) -> set[str]:
    hidden = {"name"} if model in {CrawlConfig, Cookie} else set()
    return set(model.model_fields) - hidden


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
