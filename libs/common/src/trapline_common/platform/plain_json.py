"""Rows of the ledger as JSON: times in ISO 8601 UTC, names as in the ledger. Pure."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID


def plain(value: object) -> Any:
    """Return dataclasses as objects, times as ``2026-01-02T03:04:05.678901Z``, UUIDs as text, all the way down."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def json_line(value: object, *, ascii_only: bool = False) -> str:
    """Return ``value`` as one line with its line break, for NDJSON."""
    return json.dumps(plain(value), ensure_ascii=ascii_only, separators=(",", ":")) + "\n"


def wire_size(text: str) -> int:
    """Return how many bytes ``text`` takes in an answer at most: everything but ASCII escaped."""
    return len(json.dumps(text)) - 2
