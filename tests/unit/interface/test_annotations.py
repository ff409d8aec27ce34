"""Faults as CI systems read them."""

from __future__ import annotations

from pathlib import Path

from agent.interface.cli.annotations import github, gitlab
from agent.model.fault import Fault, FaultSeverity


def fault(**changed: object) -> Fault:
    fields = {"file": "a.yaml", "line": 3, "column": 7, "code": "HS200", "message": "wrong"}
    return Fault(**{**fields, **changed})  # type: ignore[arg-type]


def test_a_fault_is_one_command() -> None:
    told = fault(path="match.when", remedy="mend it", severity=FaultSeverity.WARNING)
    assert github([fault(), told]).splitlines() == [
        "::error file=a.yaml,line=3,col=7,title=HS200::wrong",
        "::warning file=a.yaml,line=3,col=7,title=HS200::match.when: wrong (mend it)",
    ]


def test_no_text_of_a_fault_can_begin_a_command_of_its_own() -> None:
    told = github([fault(file="a:b,c%.yaml", message="100%\r\n::set-output name=x::y")])
    assert told == (
        "::error file=a%3Ab%2Cc%25.yaml,line=3,col=7,title=HS200::"
        "100%25%0D%0A::set-output name=x::y"
    )
    assert "\n" not in told


def test_files_are_named_from_where_the_command_runs() -> None:
    here = Path.cwd()
    assert "file=runbooks/a.yaml," in github([fault(file=str(here / "runbooks" / "a.yaml"))])
    assert "file=/elsewhere/a.yaml," in github([fault(file="/elsewhere/a.yaml")])


def test_a_report_for_gitlab() -> None:
    (one,) = gitlab([fault(path="match", severity=FaultSeverity.WARNING)])
    assert one["description"] == "match: wrong"
    assert one["check_name"] == "HS200"
    assert one["severity"] == "minor"
    assert one["location"] == {"path": "a.yaml", "lines": {"begin": 3}}


def test_a_fault_that_only_moved_is_the_same_fault() -> None:
    moved = gitlab([fault(line=9)])[0]["fingerprint"]
    assert gitlab([fault()])[0]["fingerprint"] == moved
    alike = {row["fingerprint"] for row in gitlab([fault(), fault(line=9), fault(code="HS201")])}
    assert len(alike) == 3
