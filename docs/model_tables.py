"""Tables of what a model holds: its keys, their kinds, their defaults and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

HEAD = ("key", "kind", "default", "meaning")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def written_value(value: Any) -> str:
    if value is None or value == "" or (isinstance(value, Mapping) and value):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Mapping | tuple | list) and not value:
        return "none"
    return f"`{value}`"


def duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"`{seconds / length:g}{unit}`"
    return f"`{seconds:g}s`"


def complete(said: Mapping[str, str], keys: Iterable[str], what: str) -> None:
    """Every key has its sentence, and no sentence has lost its key."""
    wrong = set(said) ^ set(keys)
    if wrong:
        raise SystemExit(f"docs/generate.py: {what}: sentences and keys differ: {sorted(wrong)}")


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """JSON Schema of the model, with closed lists of words written out where they are used."""
    whole = model.model_json_schema(by_alias=True)
    parts = whole.get("$defs", {})

    def spelled_out(node: Any) -> Any:
        if isinstance(node, list):
            return [spelled_out(one) for one in node]
        if not isinstance(node, dict):
            return node
        part = parts.get(str(node.get("$ref", "")).rpartition("/")[2], {})
        if "enum" in part:
            node = {key: value for key, value in node.items() if key != "$ref"}
            return {**node, "enum": part["enum"]}
        return {key: spelled_out(value) for key, value in node.items()}

    found: dict[str, Any] = spelled_out(whole)
    found["$defs"] = {
        name: part for name, part in found.get("$defs", {}).items() if "enum" not in part
    }
    return found


def part_name(name: str) -> str:
    return name.removesuffix("Document").removesuffix("Section").removesuffix("Keys")


def kind_of(schema: Mapping[str, Any]) -> str:
    """The type of a value in a few words, from its JSON Schema."""
    if "anyOf" in schema:
        kinds = [kind_of(s) for s in schema["anyOf"] if s.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "$ref" in schema:
        name = part_name(schema["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower()})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "ms)?" in schema.get("pattern", ""):
        return "duration"
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    inner = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
    if kind == "object" and (to := next((i for i in inner if isinstance(i, Mapping)), None)):
        return f"mapping to {kind_of(to)}"
    return {"string": "text", "object": "mapping", "boolean": "true or false"}.get(kind, kind)


def default_of(schema: Mapping[str, Any]) -> str:
    value = schema.get("default")
    if isinstance(value, int | float) and kind_of(schema) == "duration":
        return duration(value)
    return written_value(value)


def schema_rows(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    required = set(schema.get("required", ()))
    for key, value in schema.get("properties", {}).items():
        default = "required" if key in required else default_of(value)
        yield f"`{key}`", kind_of(value), default, value.get("description", "").replace("\n", " ")
