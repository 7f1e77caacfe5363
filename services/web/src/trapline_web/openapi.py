"""The description of ``/api/v1`` for programs (OpenAPI 3.1), made of the screens' models.

``python -m trapline_web.openapi`` prints it; ``docs/reference/api.json`` is what it printed, and a test compares them.
"""

import json
import sys
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from trapline_common.ledger.views.screens.catalogue import SCREENS, Screen

_CONFIG = ConfigDict(use_attribute_docstrings=True)
_REFERENCE = "#/components/schemas/{model}"
_ERROR = {
    "description": "Why there is no answer.",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}},
}


def document() -> dict[str, Any]:
    """Return the description."""
    answers = {name: _described(screen.answer_type) for name, screen in SCREENS.items()}
    inputs = [(name, "serialization", adapter) for name, adapter in answers.items()]
    schemas, shared = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE)  # type: ignore[arg-type]
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Trapline",
            "version": "1",
            "description": "The screens of `trapline web` as JSON. Times are in UTC, in ISO 8601; durations in seconds "
            "unless a name ends with _ms. Send the token as `Authorization: Bearer TOKEN`.",
        },
        "security": [{"token": []}],
        "paths": {
            f"/api/v1/{name}": {"get": _operation(name, screen, schemas[name, "serialization"])}
            for name, screen in SCREENS.items()
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": shared.get("$defs", {}),
        },
    }
    return found


def _operation(name: str, screen: Screen, answer: dict[str, Any]) -> dict[str, Any]:
    whole = _described(screen.asked_type).json_schema()
    asked = next(iter(whole.get("$defs", {}).values()))
    parameters = [
        {
            "name": key,
            "in": "query",
            "required": key in asked.get("required", []),
            "description": schema.pop("description", ""),
            "schema": {part: value for part, value in schema.items() if part != "title"},
        }
        for key, schema in asked.get("properties", {}).items()
    ]
    return {
        "operationId": name,
        "summary": str(screen.answer_type.__doc__),
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "The screen; null before the first crawl.",
                "content": {"application/json": {"schema": answer}},
            },
            "400": _ERROR,
            "401": _ERROR,
            "404": _ERROR,
            "503": _ERROR,
        },
    }


def _described(kind: type) -> TypeAdapter[Any]:
    """Return an adapter that knows what stands below each field; with None beside it, as a class alone takes none."""
    either: Any = kind | None
    return TypeAdapter(either, config=_CONFIG)


def text() -> str:
    """Return the description as the file has it."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
