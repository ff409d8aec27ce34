"""Making pydantic's JSON Schema fit for editors.

An editor shows descriptions while somebody types, so those have to be plain lines; titles made of
field names and defaults of null say nothing and are taken away.
"""

from __future__ import annotations

from typing import Any

from agent.catalog.quantities import format_duration

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_OF_SCHEMAS = ("properties", "$defs", "patternProperties")
"""Keywords whose value is a mapping of names, which may be called like a keyword."""


def tidy(found: dict[str, Any], *, title: str) -> dict[str, Any]:
    """The schema with its dialect and this title."""
    return {"$schema": DIALECT, "title": title, **_tidied(found)}


def _tidied(schema: dict[str, Any]) -> dict[str, Any]:
    left: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword == "title" or (keyword == "default" and value in (None, "", [], {})):
            continue
        if keyword == "default" and schema.get("type") == "string" and isinstance(value, float):
            left[keyword] = format_duration(value)  # it is kept as seconds and written with a unit
            continue
        if keyword in _OF_SCHEMAS:
            left[keyword] = {name: _tidied(inner) for name, inner in value.items()}
        elif keyword == "description":
            left[keyword] = " ".join(value.split())
        elif isinstance(value, dict) and keyword not in ("default", "const"):
            left[keyword] = _tidied(value)
        elif keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
            left[keyword] = [_tidied(inner) for inner in value]
        else:
            left[keyword] = value
    return _without_null(left)


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A key that may be left out is not written as null."""
    forms = schema.get("anyOf", [])
    rest = [form for form in forms if form != {"type": "null"}]
    if len(rest) == len(forms):
        return schema
    left = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
    return {**rest[0], **left} if len(rest) == 1 else {**left, "anyOf": rest}
