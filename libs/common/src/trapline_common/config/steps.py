"""``steps``: what a browser does before a crawl's visits, such as logging in; and how a visit knows that it worked."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from trapline_common.config.fields import Sendable, Text, UrlPattern
from trapline_common.config.selector_fields import ElementSelector, StepSelector
from trapline_common.config.suggest import did_you_mean
from trapline_common.config.urls import normalise_url, origin_text

StepKind = Literal["goto", "fill", "click", "press", "wait_for", "select"]
KINDS: tuple[StepKind, ...] = ("goto", "fill", "click", "press", "wait_for", "select")
_KEYS = frozenset(
    [
        "Enter",
        "Tab",
        "Escape",
        "Backspace",
        "Delete",
        "Home",
        "End",
        "PageUp",
        "PageDown",
        "ArrowUp",
        "ArrowDown",
        "ArrowLeft",
        "ArrowRight",
        "Space",
    ]
)
"""Keys by name (https://playwright.dev/python/docs/api/class-keyboard); any other key is its one character."""


def _address(value: str) -> str:
    """Keep the fragment, which names no other page but is where some applications have their log-in."""
    fragment = value.strip().partition("#")[2]
    return normalise_url(value).partition("#")[0] + (f"#{fragment}" if fragment else "")


def _key(value: str) -> str:
    if len(value) != 1 and value not in _KEYS:
        raise ValueError(
            f"unknown key {value[:40]!r}; {did_you_mean(value, _KEYS) or 'Enter, Tab, ... or one character'}"
        )
    return value


def _origin(value: str) -> str:
    """Accept a scheme, a host and perhaps a port, and nothing else."""
    url = normalise_url(value)
    if "#" in value or urlsplit(url).path != "/" or "?" in url:
        raise ValueError(f"an origin has no path: write {origin_text(url)}")
    return origin_text(url)


Address = Annotated[str, AfterValidator(_address), Field(json_schema_extra={"pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"})]
Origin = Annotated[str, AfterValidator(_origin), Field(json_schema_extra={"pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"})]

Key = Annotated[str, AfterValidator(_key), Field(json_schema_extra={"examples": ["Enter", "Tab"]})]


class _Closed(BaseModel):
    """Frozen and closed, as every model of the config is."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fill(_Closed):
    """Put a text into a field."""

    selector: StepSelector = Field(description="A CSS selector; the first element that matches.", examples=["#user"])
    value: Sendable = Field(
        description="What to put in; may hold `${secret:NAME}`, which a password must.",
        examples=["${secret:shop-user}"],
    )
    on: Origin | None = Field(
        default=None,
        description="The origin whose page may get the secret in `value`. Left out: that of the last `goto`.",
        examples=["https://id.example"],
    )

    @model_validator(mode="after")
    def _no_password_in_the_file(self) -> Self:
        if "passw" in self.selector.lower() and self.value and "${secret:" not in self.value:
            raise ValueError("a password does not belong into this file: write ${secret:NAME}")
        return self


class Choose(_Closed):
    """Choose an option of a ``<select>``."""

    selector: StepSelector = Field(
        description="A CSS selector; the first element that matches.", examples=["#language"]
    )
    value: Sendable = Field(
        description="The value or the label of the option; may hold `${secret:NAME}`.", examples=["English"]
    )
    on: Origin | None = Field(
        default=None,
        description="The origin whose page may get the secret in `value`. Left out: that of the last `goto`.",
        examples=["https://id.example"],
    )


class Press(_Closed):
    """Press a key."""

    key: Key = Field(description="A character, or the name of a key such as Enter or Tab.", examples=["Enter"])
    selector: StepSelector | None = Field(
        default=None,
        description="A CSS selector of the field to press it in. Left out: where the page's focus is.",
        examples=["#search"],
    )

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        return {"key": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe both forms: the map, and the key alone."""
        full = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [full["properties"]["key"], full]}


def _step_schema(schema: dict[str, Any]) -> None:
    """Describe that a step is one thing, beside which a `fill` or a `select` may have its `on`."""
    alone = {"minProperties": 1, "maxProperties": 1, "not": {"required": ["on"]}}
    beside = [{"required": [kind, "on"], "maxProperties": 2} for kind in ("fill", "select")]
    schema["anyOf"] = [alone, *beside]
    schema["properties"]["on"] = {"type": "string", "description": "The same as `on` within `fill` or `select`."}


class Step(_Closed):
    """Exactly one thing to do: one of the keys. ``None`` stands for what this step is not."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_step_schema)

    goto: Address | None = Field(
        default=None, description="Load this page; a fragment is kept.", examples=["https://example.com/login"]
    )
    fill: Fill | None = Field(
        default=None,
        description="Put a text into a field.",
        examples=[{"selector": "#password", "value": "${secret:shop-password}"}],
    )
    click: StepSelector | None = Field(
        default=None, description="Click the first element that this CSS selector matches.", examples=["#log-in"]
    )
    press: Press | None = Field(default=None, description="Press a key: a map, or the key alone.", examples=["Enter"])
    wait_for: StepSelector | None = Field(
        default=None, description="Wait until this CSS selector matches, within `timeout`.", examples=["#account"]
    )
    select: Choose | None = Field(
        default=None,
        description="Choose an option of a `<select>`.",
        examples=[{"selector": "#language", "value": "English"}],
    )

    @model_validator(mode="before")
    @classmethod
    def _one(cls, value: object) -> object:
        value = _with_on_inside(value)
        if isinstance(value, Mapping) and (len(value) != 1 or None in value.values()):
            raise ValueError(f"a step is one of {', '.join(KINDS)}, and what it needs")
        return value

    @model_serializer(mode="plain")
    def _as_written(self) -> dict[str, Any]:
        done = getattr(self, self.kind)
        return {self.kind: done.model_dump(exclude_none=True) if isinstance(done, BaseModel) else done}

    @property
    def kind(self) -> StepKind:
        """Return which of the things it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


def _with_on_inside(value: object) -> object:
    """Take ``on`` beside ``fill`` or ``select`` for what it means within."""
    if isinstance(value, Mapping) and "on" in value and len(value) == 2:  # noqa: PLR2004  (a step and its `on`)
        kind = next(key for key in value if key != "on")
        if kind in {"fill", "select"} and isinstance(value[kind], Mapping):
            return {kind: {**value[kind], "on": value["on"]}}
    return value


class LoggedInCheck(_Closed):
    """What only a visitor who is logged in sees: at least one key, and all that are given must hold."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"minProperties": 1})

    selector: ElementSelector | None = Field(
        default=None, description="A CSS selector that matches an element. Left out: not asked.", examples=["#account"]
    )
    url: UrlPattern | None = Field(
        default=None,
        description="A pattern of the final URL, as in `include`. Left out: not asked.",
        examples=["/account/*"],
    )
    contains: Text | None = Field(
        default=None,
        description="Text that the page's visible text holds. Left out: not asked.",
        examples=["Signed in as"],
    )

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.selector is None and self.url is None and self.contains is None:
            raise ValueError("give `selector`, `url` or `contains`")
        return self
