"""The templates: everything that they write is escaped, and none may say otherwise."""

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from trapline_common.content.word_diff import side
from trapline_web.rendering import states, texts


def environment() -> Environment:
    """Return the templates of this package. An unknown name is an error and no empty place."""
    made = Environment(
        loader=PackageLoader("trapline_web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(_FILTERS)
    made.globals["version"] = version("trapline-web")
    return made


def render(templates: Environment, name: str, values: Mapping[str, Any]) -> str:
    """Return one page of HTML."""
    return templates.get_template(name).render(values)


_FILTERS: Mapping[str, Callable[..., Any]] = {
    "byte_size": texts.byte_size,
    "counted": texts.counted,
    "duration": texts.duration,
    "href": texts.href,
    "iso": texts.iso,
    "kind_style": states.kind_style,
    "milliseconds": texts.milliseconds,
    "money": texts.money,
    "one_line": texts.one_line,
    "run_state": states.run_state,
    "seen": texts.seen,
    "side": side,
    "since": texts.since,
    "status_style": states.status_style,
    "url_path": texts.url_path,
    "utc": texts.utc,
    "visit_style": states.visit_style,
    "visit_word": states.visit_word,
}
