"""The types of the config's fields: each checks and normalises one value, and describes itself in the JSON Schema."""

import re
from functools import cache
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, Strict, ValidationInfo, WithJsonSchema

from trapline_common.config.comparison import parse_comparison
from trapline_common.config.durations import PATTERN, parse_duration
from trapline_common.config.min_change import PATTERN as MIN_CHANGE_PATTERN
from trapline_common.config.min_change import parse_min_change
from trapline_common.config.regex import LONGEST_REGEX, compile_regex
from trapline_common.config.schedule import check_schedule
from trapline_common.config.secrets import REFERENCE
from trapline_common.config.suggest import did_you_mean
from trapline_common.config.urls import normalise_path, normalise_url

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
"""Crawls, lanes and alert channels: fits an EventBridge schedule's name beside the environment's."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""``token`` of RFC 9110, section 5.6.2: header and cookie names."""
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", re.ASCII)
"""A language of BCP 47, perhaps with a script and a region: what a browser can be set to."""
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_RESERVED = frozenset({"status", "contains", "not_contains", "fields"})
"""Keys of ``expect`` that are not extracted fields."""
FROZEN = {"frozen": True}
"""The validation context of a run's frozen config, whose values an older release may have checked less strictly."""
_NO_ZONES = frozenset({"Factory", "localtime", "posixrules"})
"""Files among the zones that stand for no place: a machine's own zone, and what a zone that nobody set is."""
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", re.ASCII)


def _name(value: str) -> str:
    if re.fullmatch(NAME_PATTERN, value) is None:
        raise ValueError(f"bad name {value[:80]!r}: 1 to 63 of a-z, 0-9 and -, not beginning with -")
    return value


def _locale(value: str) -> str:
    if _LOCALE.fullmatch(value) is None:
        raise ValueError(f"bad locale {value[:80]!r}: write a language and perhaps a region, such as de-DE")
    return value


def is_frozen(info: ValidationInfo) -> bool:
    """Tell whether a frozen config is read: what it says was accepted once, and fails at its visits if at all."""
    return info.context == FROZEN


def _schedule(value: str, info: ValidationInfo) -> str:
    return value if is_frozen(info) else check_schedule(value)


def _timezone(value: str, info: ValidationInfo) -> str:
    # A machine's own zone files hold more than zones: "localtime", and "posix/..." and "right/..." with leap seconds.
    if value == "UTC" or is_frozen(info) or value in _zones():
        return value
    hint = did_you_mean(value, _zones()) or "write an IANA name such as Europe/Berlin"
    raise ValueError(f"unknown time zone {value[:80]!r}; {hint}")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - _NO_ZONES)


def _pattern(value: str) -> str:
    """Accept a path with ``*``, or a whole URL with ``*``."""
    if not value.startswith(("/", "*", "http://", "https://")):
        raise ValueError(f"bad pattern {value[:80]!r}: begin with / or * for a path, or with http:// or https://")
    normalise_path(value)
    return value


def _comparison_text(value: object) -> object:
    # a bare number is a comparison too (`basic: 50`); a float's text may differ from the file's, its value does not
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _comparison(value: str) -> str:
    parse_comparison(value)
    return value


def _token(value: str) -> str:
    if _TOKEN.fullmatch(value) is None:
        raise ValueError(f"bad name {value[:80]!r}: letters, digits and !#$%&'*+.^_`|~- only")
    return value


def _header_name(value: str) -> str:
    if value.lower() in {"host", "content-length", "connection", "transfer-encoding", "cookie"}:
        hint = "use `cookies`" if value.lower() == "cookie" else "the browser sets it"
        raise ValueError(f"header {value} can't be set here; {hint}")
    return _token(value)


def _sendable(value: str) -> str:
    if _UNSENDABLE.search(value):
        raise ValueError("holds a line break or another control character")
    if "${" in REFERENCE.sub("", value):
        raise ValueError("malformed secret reference: write ${secret:NAME}, NAME of letters, digits and /_+=.@-")
    return value


def _one_value(value: str) -> str:
    if ";" in value or value != value.strip():
        raise ValueError("a cookie's value holds no ; and neither begins nor ends with a space")
    return value


def _cookie_path(value: str) -> str:
    if not value.startswith("/") or ";" in value or _UNSENDABLE.search(value):
        raise ValueError("must begin with / and hold no ;")
    return value


def _field_name(value: str) -> str:
    if value in _RESERVED:
        raise ValueError(f"{value!r} is a word of `expect`; give the field another name")
    if _FIELD.fullmatch(value) is None:
        raise ValueError(f"bad field name {value[:80]!r}: letters, digits, _ and -, beginning with a letter or _")
    return value


def _min_change_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _min_change(value: str) -> str:
    parse_min_change(value)
    return value


def _matching(value: str) -> str:
    if compile_regex(value).found_in(""):
        raise ValueError(
            f"bad pattern {value[:80]!r}: it matches the empty text, so it says nothing of what to take out"
        )
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    return value


Whole = Annotated[int, Strict()]
"""``true`` and ``"5"`` are no numbers."""
Flag = Annotated[bool, Strict()]
"""``"yes"`` and 1 are no booleans."""
Text = Annotated[str, AfterValidator(_not_blank)]
_DURATION_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "string", "pattern": PATTERN}, {"type": "number", "minimum": 0}],
    "examples": ["150ms", "30s", "24h", "2d"],
}
Duration = Annotated[float, BeforeValidator(parse_duration), WithJsonSchema(_DURATION_SCHEMA)]
"""Seconds; in the file ``30s``, ``150ms``, ``24h``, ``2d`` or a plain number."""
Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})]
Url = Annotated[str, AfterValidator(normalise_url), Field(json_schema_extra={"pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"})]
Schedule = Annotated[
    str,
    AfterValidator(_schedule),
    Field(
        json_schema_extra={
            "pattern": r"^(rate|cron|at)\([^()]*\)$",
            "examples": ["rate(6 hours)", "cron(0 8 ? * MON-FRI *)"],
        }
    ),
]
Timezone = Annotated[str, AfterValidator(_timezone), Field(json_schema_extra={"examples": ["UTC", "America/Chicago"]})]
Locale = Annotated[str, AfterValidator(_locale), Field(json_schema_extra={"pattern": _LOCALE.pattern})]
UrlPattern = Annotated[str, AfterValidator(_pattern), Field(json_schema_extra={"pattern": r"^(/|\*|https?://)"})]
ComparisonText = Annotated[
    str,
    BeforeValidator(_comparison_text),
    AfterValidator(_comparison),
    WithJsonSchema({"type": ["string", "number"], "examples": ["< 50", "== Sold out", "contains per month"]}),
]
MinChangeText = Annotated[
    str,
    BeforeValidator(_min_change_text),
    AfterValidator(_min_change),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": MIN_CHANGE_PATTERN}, {"type": "integer", "minimum": 1}],
            "examples": ["20 characters", "3 lines", "5%"],
        }
    ),
]
RegularExpression = Annotated[
    str, AfterValidator(_matching), Field(json_schema_extra={"minLength": 1, "maxLength": LONGEST_REGEX})
]
"""In RE2's syntax, which needs linear time."""
HeaderName = Annotated[str, AfterValidator(_header_name)]
Token = Annotated[str, AfterValidator(_token)]
Sendable = Annotated[str, AfterValidator(_sendable)]
CookieValue = Annotated[str, AfterValidator(_sendable), AfterValidator(_one_value)]
FieldName = Annotated[str, AfterValidator(_field_name)]
CookiePath = Annotated[str, AfterValidator(_cookie_path)]
