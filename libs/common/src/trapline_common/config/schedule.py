"""EventBridge Scheduler expressions: ``rate(...)``, ``cron(...)``, ``at(...)``.

Stricter than AWS where its own documents disagree, so that what passes here is accepted there. Source: the EventBridge
Scheduler User Guide, "Schedule types".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from trapline_common.config.schedule_times import DAYS, MONTHS, next_after, read_cron

_EXPRESSION = re.compile(r"(?P<kind>rate|cron|at)\((?P<body>[^()]*)\)")
_RATE = re.compile(r"(?P<value>[1-9]\d{0,8}) (?P<unit>minute|hour|day)(?P<plural>s?)", re.ASCII)
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_VALID = "write rate(6 hours), cron(0 8 ? * MON-FRI *) or at(2030-01-31T08:00:00)"
_MINUTES = {"minute": 1, "hour": 60, "day": 1440}
_CENTURY = 100 * 365 * 1440
_STEP = re.compile(r"(?P<base>[^/]+)/(?P<step>[1-9]\d*)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One field of a cron expression."""

    name: str
    """As the User Guide calls it."""
    low: int
    """The least value."""
    high: int
    """The greatest value."""
    names: Mapping[str, int] = field(default_factory=dict)
    """Names that stand for values, such as ``JAN``."""
    steps: bool = True
    """Whether it takes ``BASE/STEP``."""
    special: re.Pattern[str] | None = None
    """Forms that no other field has, such as ``L``."""


_FIELDS = (
    _Field(name="minutes", low=0, high=59),
    _Field(name="hours", low=0, high=23),
    _Field(name="day-of-month", low=1, high=31, special=re.compile(r"L(W|-([1-9]|[12]\d|30))?|([1-9]|[12]\d|3[01])W")),
    _Field(name="month", low=1, high=12, names={name: number for number, name in enumerate(MONTHS, 1)}),
    _Field(
        name="day-of-week",
        low=1,
        high=7,
        names={name: number for number, name in enumerate(DAYS, 1)},
        steps=False,
        special=re.compile(r"L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5])"),
    ),
    _Field(name="year", low=1970, high=2199),
)


@lru_cache(maxsize=1024)
def check_schedule(text: str) -> str:
    """Return ``text`` as it stands when EventBridge Scheduler takes it. Raises ``ValueError`` naming the field."""
    match = _EXPRESSION.fullmatch(text)
    if match is None:
        raise ValueError(f"not a schedule: {text!r}; {_VALID}")
    {"rate": _check_rate, "cron": _check_cron, "at": _check_at}[match["kind"]](match["body"])
    return text


def _check_rate(body: str) -> None:
    match = _RATE.fullmatch(body)
    if match is None:
        raise ValueError(f"bad rate {body!r}; write a positive number and minutes, hours or days, as in rate(6 hours)")
    if int(match["value"]) * _MINUTES[match["unit"]] > _CENTURY:
        raise ValueError(f"rate({body}) never fires: that is more than a hundred years")
    if (match["value"] == "1") is bool(match["plural"]):
        raise ValueError(f"bad rate {body!r}; 1 goes with minute, hour or day, and more with minutes, hours or days")


def _check_at(body: str) -> None:
    try:
        if _AT.fullmatch(body) is None:
            raise ValueError("wrong shape")  # noqa: TRY301
        datetime.fromisoformat(body)
    except ValueError as error:
        raise ValueError(
            f"bad time {body!r}: {error}; write at(2030-01-31T08:00:00), the zone in `timezone`"
        ) from error


def _check_cron(body: str) -> None:
    parts = body.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"cron has {len(parts)} fields, needs 6: minutes hours day-of-month month day-of-week year;"
            " for example cron(0 8 ? * MON-FRI *)"
        )
    for spec, part in zip(_FIELDS, parts, strict=True):
        _check_field(spec, part)
    if (parts[2] == "?") is (parts[4] == "?"):
        raise ValueError("cron needs ? in exactly one of day-of-month and day-of-week, as in cron(0 8 ? * MON-FRI *)")
    if "#" in parts[4] and "," in parts[4]:
        raise ValueError(f"cron day-of-week: {parts[4]!r}: EventBridge takes one # alone, as in 2#1")
    if next(read_cron(body).days.dates(date(_FIELDS[5].low, 1, 1)), None) is None:
        raise ValueError(f"cron({body}) never fires: none of its years has such a day")


def never_again(text: str, timezone: str, now: datetime) -> str | None:
    """Return why a valid schedule will not fire after ``now``, an aware time; ``None`` when it does.

    Only a person who checks a file hears of it: a file that has served its last tick is still good for the others.
    """
    if next_after(text, timezone, now) is not None:
        return None
    kind, _, body = text.removesuffix(")").partition("(")
    local = now.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    if kind == "at" and datetime.fromisoformat(body) <= local:
        return f"{text} lies in the past ({timezone}): it never fires again"
    if kind == "cron":
        cron = read_cron(body)
        if not any(datetime.combine(day, cron.times[-1]) > local for day in cron.days.dates(local.date())):
            return f"{text} never fires again: its last year is over"
    return f"{text} never fires again: no clock in {timezone} shows that time, for it is set forward over it"


def _check_field(spec: _Field, part: str) -> None:
    if part == "?":
        if not spec.name.startswith("day-"):
            raise ValueError(f"cron {spec.name}: ? is only for day-of-month and day-of-week")
        return
    for item in part.split(","):
        _check_item(spec, item)


def _check_item(spec: _Field, item: str) -> None:
    if spec.special is not None and spec.special.fullmatch(item):
        return
    step = _STEP.fullmatch(item)
    if step is not None:
        if not spec.steps:
            raise ValueError(f"cron {spec.name}: {item!r} has a step, which this field does not take")
        if int(step["step"]) > spec.high:
            raise ValueError(f"cron {spec.name}: the step in {item!r} is more than {spec.high}")
        item = step["base"]
    if item == "*":
        return
    ends = [_number(spec, end, item) for end in item.split("-", 1)]
    # a range of weekdays may wrap (FRI-MON); no other field's does
    if ends[0] > ends[-1] and spec.name != "day-of-week":
        raise ValueError(f"cron {spec.name}: the range {item!r} runs backwards")


def _number(spec: _Field, text: str, item: str) -> int:
    if text in spec.names:
        return spec.names[text]
    if text.isdecimal() and text.isascii() and len(text) <= 4 and spec.low <= int(text) <= spec.high:  # noqa: PLR2004
        return int(text)
    named = list(spec.names)
    names = f" or {named[0]} to {named[-1]}" if named else ""
    raise ValueError(f"cron {spec.name}: {item!r} is not valid; use {spec.low} to {spec.high}{names}")
