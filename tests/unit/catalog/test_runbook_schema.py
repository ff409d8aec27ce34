"""The schema that editors use says the same as the loader, and says it while somebody types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.catalog.entity_kinds import OBJECT_KINDS
from agent.catalog.runbook_document import SECTIONS, schema
from agent.model.reason import Reason

FOUND = schema()


def objects(part: Any, name: str = "runbook") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping with declared keys."""
    if isinstance(part, dict):
        if "properties" in part:
            yield name, part
        for key, inner in part.items():
            yield from objects(inner, key)
    elif isinstance(part, list):
        for inner in part:
            yield from objects(inner, name)


def of(definition: str, key: str) -> dict[str, Any]:
    found: dict[str, Any] = FOUND["$defs"][definition]["properties"][key]
    return found


def test_it_is_of_the_dialect_it_says() -> None:
    assert FOUND["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert FOUND["title"] == "Homeostat runbook"
    assert list(FOUND["properties"]) == list(SECTIONS)


def test_every_key_of_every_part_says_what_it_is_for_on_one_line() -> None:
    parts = dict(objects(FOUND))
    assert len(parts) > 20
    for name, part in parts.items():
        assert part["additionalProperties"] is False, name
        for key, declared in part["properties"].items():
            meant = FOUND["$defs"].get(declared.get("$ref", "").rpartition("/")[2], {})
            told = declared.get("description") or meant.get("description")
            assert told, f"{name}.{key}"
            assert "\n" not in told, f"{name}.{key}"


def test_no_title_and_no_default_that_could_not_be_written() -> None:
    for name, part in objects(FOUND):
        for key, declared in part["properties"].items():
            assert "title" not in declared, f"{name}.{key}"
            assert declared.get("default", 0) is not None, f"{name}.{key}"
            assert {"type": "null"} not in declared.get("anyOf", []), f"{name}.{key}"
    assert of("VerifySection", "within")["default"] == "5m"
    assert of("Success", "every")["default"] == "10s"
    assert of("VerifySection", "settle")["default"] == "0s"


def test_words_to_choose_from_are_listed() -> None:
    assert of("EntitySection", "kind")["enum"] == list(OBJECT_KINDS)
    assert of("Expect", "stopped_by")["enum"] == [reason.value for reason in Reason]
    assert of("PlanSection", "on_inconclusive")["enum"] == [
        "hold_and_escalate",
        "roll_back_and_escalate",
    ]


def test_short_forms_are_forms_of_the_schema_as_well() -> None:
    def forms(definition: str, key: str) -> set[str]:
        declared = of(definition, key)
        told = declared.get("anyOf", declared.get("oneOf", []))
        return {form.get("type", form.get("$ref", "").rpartition("/")[2]) for form in told}

    assert forms("MatchSection", "alert") == {"string", "array"}
    assert forms("PlanSection", "verify") == {"string", "VerifySection"}
    assert forms("VerifySection", "success") == {"string", "array", "Success"}
    assert forms("VerifySection", "fail") == {"string", "array", "Failure"}
    assert forms("VerifySection", "decay") == {"string", "DecaySection"}
    assert forms("PlanSection", "rollback") == {"string", "array", "RollbackSection"}
    assert forms("Given", "object") == {"string", "GivenObject"}
