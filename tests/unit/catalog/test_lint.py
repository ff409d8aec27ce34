"""What is said of a runbook that could be loaded, besides what its tests prove."""

from __future__ import annotations

import pytest

from agent.catalog.lint import lint, places_in, unproven
from agent.catalog.runbooks import RunbookSet, load_files
from agent.model.fault import FaultSeverity
from tests.support.runbook_plugins import FULL, PLUGINS, SMALL

MEANT = SMALL.replace("match:", "about: {meaning: it hangs}\nmatch:")


def load(*texts: str) -> RunbookSet:
    found = load_files([(f"{n}.yaml", text) for n, text in enumerate(texts)], PLUGINS)
    assert not found.faults, "\n".join(map(str, found.faults))
    return found


def codes(text: str, **known: str) -> list[str]:
    return [fault.code for fault in lint(load(text), **known)]


def test_a_good_runbook_is_not_complained_about() -> None:
    assert codes(MEANT) == []


def test_faults_come_in_order_of_file_and_place() -> None:
    bare = SMALL.split("tests:")[0].replace("web-hung", "bare").replace("NotAnswering", "Other")
    found = lint(load(bare, FULL), teams=["team-shops"])
    assert [(f.file, f.line, f.column, f.code, f.path) for f in found] == [
        ("0.yaml", 3, 18, "HS251", "about"),
        ("0.yaml", 3, 18, "HS252", "metadata.owner"),
        ("0.yaml", 3, 18, "HS250", "tests"),
        ("1.yaml", 3, 18, "HS252", "metadata.owner"),
    ]
    assert found[1].remedy == 'did you mean "team-shops"?'


@pytest.mark.parametrize("state", ["draft", "shadow", "assisted", "active", "retired"])
def test_no_test_is_an_error_where_the_runbook_may_act(state: str) -> None:
    text = f"{MEANT.split('tests:')[0]}lifecycle: {{state: {state}}}\n"
    (fault,) = lint(load(text))
    assert fault.code == "HS250"
    assert (fault.severity is FaultSeverity.ERROR) == (state in ("assisted", "active"))


@pytest.mark.parametrize(
    ("today", "found"), [("2026-01-30", []), ("2026-01-31", []), ("2026-02-01", ["HS258"])]
)
def test_a_review_is_due_the_day_after_its_date(today: str, found: list[str]) -> None:
    text = MEANT.replace("tests:", "lifecycle: {state: active, review_by: 2026-01-31}\ntests:")
    assert codes(text, today=today) == found
    assert codes(text) == [], "where nobody says which day it is, none is due"


def test_a_review_that_is_due_is_told_where_its_date_stands() -> None:
    text = MEANT.replace("tests:", "lifecycle: {state: active, review_by: 2026-01-31}\ntests:")
    (fault,) = lint(load(text), today="2030-01-01")
    assert (fault.line, fault.column) == (10, 28)
    assert fault.severity is FaultSeverity.WARNING


def test_a_table_ends_with_a_default() -> None:
    rows = 'decide:\n  - {when: entity.name == "web", plan: restart}\n'
    text = MEANT.replace("plans:", f"{rows}plans:")
    (fault,) = lint(load(text))
    assert (fault.code, fault.path, fault.line) == ("HS259", "decide", 6)
    assert fault.severity is FaultSeverity.ERROR
    assert codes(text.replace("plans:", "  - {default: escalate}\nplans:")) == []


def test_a_place_is_that_of_the_file_and_not_of_the_document_in_it() -> None:
    other = MEANT.replace("web-hung", "other").replace("NotAnswering", "Other")
    found = load(f"# first\n{other}--- # second\n{MEANT}")
    first, second = (places_in(found, r) for r in found.runbooks)
    assert first(("plans", "restart")) == ("0.yaml", (8, 3))
    assert second(("plans", "restart")) == ("0.yaml", (8 + 1 + MEANT.count("\n"), 3))
    assert second(()) == ("0.yaml", (4 + 1 + MEANT.count("\n"), 18))


def test_what_is_not_there_has_the_place_of_what_it_would_stand_in() -> None:
    found = load(MEANT)
    (runbook,) = found.runbooks
    (fault,) = unproven(found, runbook, [("HS256", ("plans", "restart", "x", 7), "m", "r")])
    assert (fault.line, fault.column, fault.path) == (8, 5, "plans.restart.x[7]")
    assert unproven(found, runbook, []) == ()
