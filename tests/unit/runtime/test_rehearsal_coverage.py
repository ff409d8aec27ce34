"""What the tests of a runbook prove, and what is said of the rest."""

from __future__ import annotations

import pytest

from agent.catalog.runbooks import RunbookSet, load_files
from agent.model.fault import FaultSeverity
from agent.runtime.rehearsal import Company
from agent.runtime.rehearsal_coverage import Coverage, Kind, count, cover, faults_of
from tests.support.proven_runbook import PLUGINS, PROVEN
from tests.support.runbook_mutations import complaints, mutations

MUTATIONS = dict(mutations(PROVEN))


def covered(text: str) -> tuple[RunbookSet, Coverage]:
    found = load_files([("runbook.yaml", text)], PLUGINS)
    assert not found.faults, "\n".join(map(str, found.faults))
    (runbook,) = found.runbooks
    company = Company(found, PLUGINS)
    return found, cover(company, runbook, company.play_all(runbook))


def lacking(text: str) -> list[tuple[str, int, int, str]]:
    """Code, line, column and message of everything that is not proven."""
    return [(f.code, f.line, f.column, f.message) for f in faults_of(*covered(text))]


def without(start: str) -> str:
    """The runbook without the test whose name starts so."""
    head, tests = PROVEN.split("tests:\n")
    kept = [t for t in tests.split("  - name: ") if t and not t.startswith(start)]
    assert len(kept) == tests.count("  - name: ") - 1
    return f"{head}tests:\n" + "".join(f"  - name: {t}" for t in kept)


def test_everything_is_counted() -> None:
    _, coverage = covered(PROVEN)
    assert count([coverage]) == {
        Kind.BRANCH: (4, 4),
        Kind.GUARD: (7, 7),
        Kind.PLAN: (3, 3),
        Kind.CONDITION: (3, 3),
        Kind.ROLLBACK: (1, 1),
    }
    assert coverage.uncovered == ()
    assert coverage.idle == ()


@pytest.mark.parametrize("part", MUTATIONS)
def test_whatever_is_taken_out_is_missed(part: str) -> None:
    assert complaints(MUTATIONS[part], PLUGINS)


@pytest.mark.parametrize(
    ("test", "faults"),
    [
        ("a busy one", [("HS255", 16, 5, "no test chooses this row")]),
        (
            "a few restarts",
            [
                ("HS255", 17, 5, "no test chooses this row"),
                ("HS253", 21, 3, "no test reaches this plan and sees its proof hold"),
            ],
        ),
        ("without a change", [("HS255", 19, 5, "no test chooses this row")]),
        (
            "where nothing is left",
            [
                ("HS256", 32, 13, "no test ends by this condition"),
                ("HS257", 36, 5, "no test sees the proof of this way back hold"),
                ("HS253", 43, 3, "no test reaches this plan and sees its proof hold"),
            ],
        ),
        (
            "what makes it worse",
            [
                ("HS256", 33, 24, "no test ends by this condition"),
                ("HS256", 41, 15, "no test ends by this condition"),
            ],
        ),
        (
            "twice within",
            [("HS254", 9, 27, "no test is stopped by it alone: without it none would fail")],
        ),
        ("where much is broken", [("HS254", 10, 28, "no test is stopped by it")]),
        ("one at a time", [("HS254", 10, 46, "no test is stopped by it")]),
        ("not outside", [("HS254", 11, 3, "no test is stopped by it")]),
        (
            "a single replica",
            [("HS254", 12, 13, "no test is stopped by it alone: without it none would fail")],
        ),
    ],
)
def test_what_no_test_proves_is_told_with_its_place(
    test: str, faults: list[tuple[str, int, int, str]]
) -> None:
    assert lacking(without(test)) == faults


def test_a_test_that_fails_proves_nothing() -> None:
    text = PROVEN.replace("{stopped_by: window_closed}", "{stopped_by: window_open}")
    text = text.replace("window_open", "window_unknown")
    ((code, line, _, message),) = lacking(text)
    assert (code, line) == ("HS254", 11)
    assert message == "no test is stopped by it; tests of it that fail: 1"


def test_a_cooldown_that_the_policy_has_anyway_guards_nothing() -> None:
    text = PROVEN.replace("every: 30m", "every: 15m").replace("1 pin in 40m", "1 pin in 20m")
    ((code, line, _, message),) = lacking(text)
    assert (code, line) == ("HS254", 9)
    assert "without it none would fail" in message


def test_a_row_that_changes_nothing_is_not_needed() -> None:
    row = "  - {when: now.restarts == 45, do: escalate, why: too often}\n  - {default: escalate"
    test = (
        "  - name: too often\n"
        "    given: {facts: {now: {ready: 1, restarts: 45, changed_ago: 3h}}}\n"
        "    expect: {stopped_by: decided_to_escalate}\n"
    )
    text = PROVEN.replace("  - {default: escalate", row) + test
    assert lacking(text) == [("HS255", 19, 5, "without this row no test would fail")]
    told = text.replace("restarts: 45, changed_ago: 3h", "restarts: 45, changed_ago: 1m")
    moved = told.replace("  - {when: now.restarts == 45, do: escalate, why: too often}\n", "")
    first = moved.replace(
        "  - {when: now.is_busy",
        "  - {when: now.restarts == 45, do: escalate}\n  - {when: now.is_busy",
    )
    assert lacking(first) == [], "without it the plan would run"


def test_a_row_may_be_needed_for_what_is_not_known() -> None:
    row = "  - {when: now.is_busy, do: escalate}\n  - {default: escalate"
    text = PROVEN.replace(
        "  - {when: now.is_busy, do: settle, within: 20m, why: somebody is at it}\n", ""
    )
    text = text.replace("  - {default: escalate", row).replace(
        "outcome: settled}\n  - name: a few", "outcome: routed}\n  - name: a few"
    )
    text = text.replace(
        "restarts: 9, changed_ago: 10m, is_busy: true",
        "restarts: 9, changed_ago: 3h, is_busy: true",
    )
    assert [fault[0] for fault in lacking(text)] == ["HS255"]
    unknown = (
        "  - name: one of which nothing is known\n"
        "    given: {facts: {now: {restarts: 9, changed_ago: 3h}}}\n"
        "    expect: {stopped_by: facts_unknown}\n"
    )
    assert lacking(text + unknown) == []


def test_a_test_that_adds_nothing_is_named() -> None:
    again = "  - name: again\n    given: {busy: 2}\n    expect: {stopped_by: budget_concurrent}\n"
    _, coverage = covered(PROVEN + again)
    assert coverage.idle == ("one at a time", "again"), "one of them is enough"
    assert coverage.uncovered == ()


@pytest.mark.parametrize("state", ["draft", "shadow", "assisted", "active", "suspended"])
def test_it_is_an_error_only_where_the_runbook_may_act(state: str) -> None:
    text = without("not outside").replace("state: active", f"state: {state}")
    (fault,) = faults_of(*covered(text))
    is_error = fault.severity is FaultSeverity.ERROR
    assert is_error == (state in ("assisted", "active"))


def test_the_second_document_of_a_file_has_its_own_lines() -> None:
    other = PROVEN.replace("web-crash-loop", "other").replace("CrashLoop", "Other")
    found = load_files(
        [("two.yaml", f"# one\n{other}---\n# two\n{without('not outside')}")], PLUGINS
    )
    assert not found.faults, "\n".join(map(str, found.faults))
    company = Company(found, PLUGINS)
    faults = [
        fault
        for runbook in found.runbooks
        for fault in faults_of(found, cover(company, runbook, company.play_all(runbook)))
    ]
    assert [(f.line, f.path) for f in faults] == [(1 + PROVEN.count("\n") + 2 + 11, "guard.window")]


def test_an_empty_snapshot_has_not_to_be_walked() -> None:
    text = PROVEN.replace(
        "    verify: {success: alert_cleared, within: 10m}\n",
        "    verify: {success: alert_cleared, within: 10m}\n    rollback: snapshot\n",
    )
    assert lacking(text) == [], "a restart records nothing that could be taken back"
