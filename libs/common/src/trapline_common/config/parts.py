"""The parts of a crawl that are maps of their own: how a page settles, what it expects, when it alerts.

Each key's ``description`` and ``examples`` are its text in the JSON Schema and in the reference of ``crawls.yaml``.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from trapline_common.config.choices import AlertOn
from trapline_common.config.fields import (
    ComparisonText,
    CookiePath,
    CookieValue,
    Duration,
    FieldName,
    Name,
    RegularExpression,
    Text,
    Token,
    Whole,
)
from trapline_common.config.selector_fields import ContentSelector


class Model(BaseModel):
    """Frozen and closed: an unknown key is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Settle(Model):
    """When a loaded page counts as settled: then it is read."""

    quiet: Duration = Field(
        default=0.15,
        ge=0,
        le=30,
        description="Seconds for which the DOM must stay as it is after `load`.",
        examples=["500ms"],
    )
    at_most: Duration = Field(
        default=3.0,
        ge=0,
        le=120,
        description=(
            "Seconds after `load` at which the page is read although it still changes, or waits for text; at most "
            "`timeout`."
        ),
        examples=["5s"],
    )

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object) -> object:
        return value if isinstance(value, Mapping | Settle) else {"quiet": value}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe both forms: the map, and ``quiet`` alone."""
        full = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [full["properties"]["quiet"], full]}


class Viewport(Model):
    """How large the browser shows a page."""

    width: Whole = Field(default=1280, ge=1, le=10_000, description="CSS pixels.", examples=[1440])
    height: Whole = Field(default=800, ge=1, le=10_000, description="CSS pixels.", examples=[900])


class Expect(Model):
    """What a visit must find, else it fails: with the reason ``http_status`` or ``expectation``."""

    status: Whole | None = Field(
        default=None,
        ge=100,
        le=599,
        description="The HTTP status. Left out: any status below 400.",
        examples=[200],
    )
    contains: Text | None = Field(
        default=None,
        description="Text that the watched text must hold, with one space between words. Left out: any text.",
        examples=["per month"],
    )
    not_contains: Text | None = Field(
        default=None,
        description="Text that the watched text must not hold, with one space between words. Left out: none.",
        examples=["Sold out"],
    )
    fields: dict[FieldName, ComparisonText] = Field(
        default_factory=dict,
        description=(
            "Any other key is a field of `extract`, and its value what the field is compared with: `<`, `<=`, `>`, "
            "`>=`, `==`, `!=`, `contains`, `not_contains` or `matches` and an operand; without one of them, `==`."
        ),
        examples=[{"basic": "< 50"}],
    )

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: object) -> object:
        """In the file fields stand beside ``status`` and the texts; in a frozen config, in ``fields``."""
        if not isinstance(value, Mapping) or "fields" in value:
            return value
        named = {key: value[key] for key in ("status", "contains", "not_contains") if key in value}
        return {**named, "fields": {key: item for key, item in value.items() if key not in named}}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the file's form."""
        full = handler.resolve_ref_schema(handler(core))
        fields = full["properties"].pop("fields")
        one = {**fields["additionalProperties"], "description": fields["description"]}
        return {**full, "additionalProperties": one}


class AlertConfig(Model):
    """The rules by which a crawl sends alerts."""

    on: tuple[AlertOn, ...] = Field(
        default=("failure", "change", "recovery"),
        description="Kinds of alert that the crawl sends. `summary`: the counts of each run, at its end. Empty: none.",
        examples=[["failure", "change"]],
    )
    after_failures: Whole = Field(
        default=2,
        ge=1,
        le=1000,
        description="Runs in a row in which a page must fail before Trapline sends an alert.",
        examples=[1],
    )
    remind_every: Duration | None = Field(
        default=86_400.0,
        gt=0,
        description="Seconds between the reminders of a page that goes on failing; `null` sends none.",
        examples=["12h"],
    )
    to: tuple[Name, ...] = Field(
        default=(),
        description="Names of channels in the channels file. Left out: every channel.",
        examples=[["team-chat"]],
    )


class Cookie(Model):
    """A cookie that is sent to the page's own origin only."""

    name: Token = Field(description="The cookie's name; in the map form, the key.", examples=["consent"])
    value: CookieValue = Field(description="Its value; may hold `${secret:NAME}`.", examples=["yes"])
    path: CookiePath = Field(
        default="/", description="The path below which it is sent. Left out: the whole origin.", examples=["/shop"]
    )


class IgnoredText(Model):
    """Text that is taken out of every line of the watched text and of the extracted fields."""

    pattern: RegularExpression = Field(
        description="A regular expression in RE2's syntax, of at most 1,000 characters; every match is taken out.",
        examples=["Updated [0-9]+ min ago"],
    )


def _ignored_form(value: object) -> str:
    return "[pattern]" if isinstance(value, Mapping | IgnoredText) else "[selector]"


Ignored = Annotated[
    Annotated[ContentSelector, Tag("[selector]")] | Annotated[IgnoredText, Tag("[pattern]")],
    Discriminator(_ignored_form),
]
"""A CSS selector (or a path into a document that is no page), or ``{pattern: ...}``."""


def cookie_list(value: object) -> object:
    """Turn ``{name: value}`` or ``{name: {value: ..., path: ...}}`` into the list."""
    if not isinstance(value, Mapping):
        return value
    return [{"name": name, **(rest if isinstance(rest, Mapping) else {"value": rest})} for name, rest in value.items()]


def cookie_schema() -> dict[str, Any]:
    """Describe the map beside the list."""
    whole = Cookie.model_json_schema()
    one = {**whole, "properties": {key: value for key, value in whole["properties"].items() if key != "name"}}
    one["required"] = ["value"]
    return {
        "anyOf": [
            {"type": "array", "items": whole},
            {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, one]}},
        ]
    }
