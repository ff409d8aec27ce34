"""What the tests of a runbook may name, and how a value that does not fit is told."""

from __future__ import annotations

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.runbooks import load_text
from agent.model.fault import Fault
from tests.support.runbook_plugins import FULL, PLUGINS

GIVEN = "{after: {alive: true}}"


def faults_of(facts: str) -> list[Fault]:
    assert GIVEN in FULL
    text = FULL.replace(GIVEN, f"{{after: {facts}}}", 1)
    with pytest.raises(FaultsError) as caught:
        load_text(text, path="r.yaml", plugins=PLUGINS)
    return [f for f in caught.value.faults if f.code == "HS213"]


@pytest.mark.parametrize(
    ("facts", "field", "message", "remedy"),
    [
        (
            "{alive: dead}",
            "alive",
            'true or false is expected here, not the text "dead"',
            "write true or false, unquoted",
        ),
        (
            "{alive: true, restarts: many}",
            "restarts",
            'a whole number is expected here, not the text "many"',
            "write a number, unquoted",
        ),
        (
            "{alive: true, tags: 3}",
            "tags",
            "a list is expected here, not the number 3",
            "write the items as a list: [..., ...]",
        ),
        (
            "{previous: {healthy: maybe}}",
            "previous.healthy",
            'true or false is expected here, not the text "maybe"',
            "write true or false, unquoted",
        ),
        ("{aliv: true}", "aliv", "unknown field", 'did you mean "alive"?'),
        ("{previous: {helthy: true}}", "previous.helthy", "unknown field", "healthy"),
    ],
)
def test_a_value_that_no_diagnostic_gives_is_told_in_plain_words(
    facts: str, field: str, message: str, remedy: str
) -> None:
    (fault,) = faults_of(facts)
    assert fault.path == f"tests[0].given.after.facts.after.{field}"
    assert fault.message == message
    assert remedy in fault.remedy


def test_each_wrong_value_is_told_and_missing_ones_are_not() -> None:
    found = faults_of("{restarts: many, tags: 3}")
    assert [f.path.rpartition(".")[2] for f in found] == ["restarts", "tags"]


def test_what_only_resembles_its_type_is_no_fault_beside_one() -> None:
    (fault,) = faults_of('{alive: dead, restarts: "3"}')
    assert fault.path.endswith(".alive")
