"""Plain data as YAML, in block style: what the config's own models hold, and no more. Pure.

A library's emitter takes a minute for the ten thousand crawls that this one writes in a second.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_PLAIN = re.compile(r"\d+(?:\.\d+)?(?:ms|[smhd%])|[A-Za-z/](?:[\w./:@%+=?&~()*,!$^;-]| (?=[\w(/*?$+-]))*", re.ASCII)
"""Text that needs no quotes: a duration, or what begins with a letter or a slash and holds nothing of YAML's own."""
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def plain_yaml(data: Mapping[str, object]) -> str:
    """Return ``data``, maps, lists and scalars, as YAML 1.2 that reads back equal."""
    return "\n".join(_block(data, "")) + "\n"


def _block(value: object, indent: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _item(f"{indent}{_scalar(key)}:", item, f"{indent}  ")
    elif isinstance(value, Sequence):
        for item in value:
            first, *rest = _block(item, f"{indent}  ") if _is_long(item) else [_scalar(item)]
            yield f"{indent}- {first.lstrip()}"
            yield from rest


def _item(head: str, value: object, indent: str) -> Iterator[str]:
    if _is_long(value):
        yield head
        yield from _block(value, indent)
    else:
        yield f"{head} {_scalar(value)}"


def _is_long(value: object) -> bool:
    return isinstance(value, Mapping | list | tuple) and bool(value)


def _scalar(value: object) -> str:
    if isinstance(value, str):
        ends_well = not value.endswith((":", " ")) and ": " not in value
        if _PLAIN.fullmatch(value) and ends_well and value.lower() not in _WORDS:
            return value
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{}"
    return json.dumps(value)
