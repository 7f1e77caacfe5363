"""``extract``: which value of a page, or of another document, a field is."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from trapline_common.config.fields import Flag, RegularExpression, is_frozen
from trapline_common.config.parts import Model
from trapline_common.config.selector_fields import ContentSelector

_WITH_ATTRIBUTE = re.compile(r"(?P<selector>.*\S)\s*@(?P<attribute>[A-Za-z_:][\w:.-]*)", re.DOTALL | re.ASCII)
_ATTRIBUTE = re.compile(r"[A-Za-z_:][\w:.-]*", re.ASCII)
_LONGEST_ATTRIBUTE = 200
_FIRST_LINK = (
    "takes the page's first link, whichever that is; name the link, as in nav a.next@href, or write "
    "{selector: a, attribute: href, all: true} for all of them"
)


def _attribute_name(value: str) -> str:
    if _ATTRIBUTE.fullmatch(value) is None or len(value) > _LONGEST_ATTRIBUTE:
        raise ValueError(f"bad name of an attribute {value[:80]!r}; such as href, content or data-price")
    return value


class Extract(Model):
    """Where a field's value is. In the file a text alone is the ``selector``, or ``selector@attribute``."""

    selector: ContentSelector | None = Field(
        default=None,
        description=(
            "A CSS selector, of a page, an XML document or a feed; of JSON, CSV or text a path, such as "
            "`$.plans[0].price` or `plans.0.price`. Left out: the watched text."
        ),
        examples=["#basic .price"],
    )
    attribute: Annotated[str, AfterValidator(_attribute_name)] | None = Field(
        default=None,
        description="The attribute to take; a link's is made absolute. Left out: the element's text.",
        examples=["href"],
    )
    all: Flag = Field(
        default=False,
        description="Whether to take every match, one a line, instead of the first that is shown.",
        examples=[True],
    )
    pattern: RegularExpression | None = Field(
        default=None,
        description=(
            "A regular expression in RE2's syntax: the field is its first group, or the match if it has none. Left "
            "out: all that was found."
        ),
        examples=["Version ([0-9.]+)"],
    )

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str):
            return value
        found = _WITH_ATTRIBUTE.fullmatch(value)
        if found is None:
            return {"selector": value}
        if found["selector"].strip().lower() == "a" and not is_frozen(info):
            raise ValueError(f"{value!r} {_FIRST_LINK}")
        return found.groupdict()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.selector is None and (self.pattern is None or self.attribute is not None):
            raise ValueError("give `selector`; without one only a `pattern` can stand, which reads the watched text")
        return self

    @model_serializer(mode="plain")
    def _as_written(self) -> str | dict[str, Any]:
        """Write the short form where it says the same: a crawler of the release before knows no other."""
        if self.selector is None or self.all or self.pattern is not None:
            return self._map()
        if self.attribute is None:
            return self._map() if _WITH_ATTRIBUTE.fullmatch(self.selector) else self.selector
        return self._map() if self.selector.strip().lower() == "a" else f"{self.selector}@{self.attribute}"

    def _map(self) -> dict[str, Any]:
        every = {"selector": self.selector, "attribute": self.attribute, "all": self.all, "pattern": self.pattern}
        return {key: value for key, value in every.items() if value not in {None, False}}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe both forms: the map, and the selector alone."""
        full = handler.resolve_ref_schema(handler(core))
        return {"anyOf": [full["properties"]["selector"], full]}


def written(extract: Mapping[str, Extract]) -> dict[str, object]:
    """Return ``extract`` as a file says it, which the fingerprint is made of."""
    return {name: one.model_dump(mode="json") for name, one in extract.items()}
