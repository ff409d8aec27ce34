"""What the tests of a runbook prove, and what none of them does.

A part of a runbook that no test reaches may be wrong, or missing, and nobody would know before the
night it is needed. So every decide row has to be chosen, every plan has to hold, every condition
that ends a proof has to end one, every way back has to be walked; and for rows and guards that is
not enough: they are taken away, one at a time, and some test has to come to something else.

Only a test that comes true proves anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from agent.catalog.document import Path
from agent.catalog.lint import (
    CONDITION_UNTESTED,
    GUARD_UNTESTED,
    PLAN_UNTESTED,
    ROLLBACK_UNTESTED,
    ROW_UNTESTED,
    unproven,
)
from agent.catalog.runbooks import LoadedTest, RunbookSet
from agent.model.effect import Reversal, Verdict
from agent.model.fault import Fault
from agent.model.reason import Reason
from agent.model.runbook import Plan, Predicate, Runbook, Truth, Verify
from agent.ports.plugin import Action
from agent.runtime.rehearsal import Company, TestResult
from agent.runtime.rehearsal_parts import Part, parts_of
from agent.runtime.rehearsal_stage import Ended


class Kind(StrEnum):
    """The value is the word people read in `14 of 14 branches`."""

    BRANCH = "branches"
    GUARD = "guards"
    PLAN = "plans"
    CONDITION = "conditions"
    ROLLBACK = "rollbacks"


CODES = {
    Kind.BRANCH: ROW_UNTESTED,
    Kind.GUARD: GUARD_UNTESTED,
    Kind.PLAN: PLAN_UNTESTED,
    Kind.CONDITION: CONDITION_UNTESTED,
    Kind.ROLLBACK: ROLLBACK_UNTESTED,
}


@dataclass(frozen=True)
class Lack:
    """One thing tests have to show, those that do, and what to say where none does."""

    shown_by: frozenset[str]
    message: str
    remedy: str


@dataclass(frozen=True)
class Item:
    """One part of a runbook that its tests have to prove."""

    kind: Kind
    path: Path
    text: str
    asked: tuple[Lack, ...]

    @property
    def lack(self) -> Lack | None:
        """The first thing that no test shows."""
        return next((lack for lack in self.asked if not lack.shown_by), None)

    @property
    def is_covered(self) -> bool:
        return self.lack is None


@dataclass(frozen=True)
class Coverage:
    """Of one runbook."""

    runbook: Runbook
    items: tuple[Item, ...]
    tests: tuple[str, ...]
    failed: int
    """How many of its tests prove nothing, because they do not come true."""
    lent: frozenset[str]
    """Tests others take their alert from."""

    @property
    def uncovered(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if not item.is_covered)

    @property
    def idle(self) -> tuple[str, ...]:
        """Tests without which the others would prove as much."""
        needed = {
            name
            for item in self.items
            for lack in item.asked
            if len(lack.shown_by) == 1
            for name in lack.shown_by
        }
        return tuple(name for name in self.tests if name not in needed | self.lent)


def count(coverages: Iterable[Coverage]) -> Mapping[Kind, tuple[int, int]]:
    """By kind: how many are covered, and how many there are. Kinds that do not occur are left
    out."""
    found: dict[Kind, tuple[int, int]] = {}
    items = [item for coverage in coverages for item in coverage.items]
    for kind in Kind:
        of_kind = [item for item in items if item.kind is kind]
        if of_kind:
            found[kind] = (sum(item.is_covered for item in of_kind), len(of_kind))
    return found


def cover(company: Company, runbook: Runbook, results: Sequence[TestResult]) -> Coverage:
    """`results` are those of all tests of this runbook."""
    loaded = {test.test.name: test for test in company.runbooks.tests(runbook.name)}
    tests = _Tests(company, [r for r in results if r.passed and r.name in loaded], loaded)
    names = tuple(loaded)
    is_lender = any(test.test.given.alert is None for test in loaded.values())
    return Coverage(
        runbook=runbook,
        items=tuple(_items(tests, runbook)),
        tests=names,
        failed=sum(not result.passed for result in results),
        lent=frozenset(names[:1] if is_lender else ()),
    )


def _items(tests: _Tests, runbook: Runbook) -> Iterator[Item]:
    for number in range(len(runbook.decide)):
        yield _branch(tests, runbook, number)
    for part in parts_of(runbook.guard):
        yield _guard(tests, runbook, part)
    for plan in runbook.plans:
        yield _plan(tests, runbook, plan)
        yield from _conditions(tests, plan, plan.verify, is_back=False)
        if _can_go_back(tests.company, plan):
            yield _rollback(tests, plan)
        if plan.rollback_verify is not None:
            yield from _conditions(tests, plan, plan.rollback_verify, is_back=True)


def faults_of(runbooks: RunbookSet, coverage: Coverage) -> tuple[Fault, ...]:
    """What is not proven, each with its place. A runbook without tests is told of elsewhere."""
    if not coverage.tests:
        return ()
    more = f"; tests of it that fail: {coverage.failed}" if coverage.failed else ""
    found = [
        (CODES[item.kind], item.path, f"{lack.message}{more}", lack.remedy)
        for item in coverage.items
        if (lack := item.lack) is not None
    ]
    return unproven(runbooks, coverage.runbook, found)


class _Tests:
    """The tests that came true, to be asked what they show."""

    def __init__(
        self, company: Company, results: Sequence[TestResult], loaded: Mapping[str, LoadedTest]
    ) -> None:
        self.company, self._results, self._loaded = company, results, loaded

    def that(self, shows: Callable[[TestResult], bool]) -> frozenset[str]:
        return frozenset(r.name for r in self._results if shows(r))

    def that_change(
        self, without: Runbook, concerned: Callable[[TestResult], bool]
    ) -> frozenset[str]:
        """Those of the concerned that come to something else on a runbook that lacks a part."""
        return self.that(
            lambda r: concerned(r) and not self.company.play(without, self._loaded[r.name]).passed
        )


def _branch(tests: _Tests, runbook: Runbook, number: int) -> Item:
    row = runbook.decide[number]
    chosen = tests.that(lambda r: (number, Truth.TRUE) in r.rows)
    remedy = "write a test whose facts lead to this row"
    asked = [Lack(chosen, "no test chooses this row", remedy)]
    if row.when is not None:
        rest = runbook.decide[:number] + runbook.decide[number + 1 :]
        changed = tests.that_change(
            msgspec.structs.replace(runbook, decide=rest),
            lambda r: any(seen == number for seen, _ in r.rows),
        )
        remedy = (
            "write a test that the rows below it would end differently, or one in which a fact "
            "this row needs is unknown"
        )
        asked.append(Lack(changed, "without this row no test would fail", remedy))
    text = row.when.text if row.when is not None else "default"
    return Item(Kind.BRANCH, ("decide", number), text, tuple(asked))


def _guard(tests: _Tests, runbook: Runbook, part: Part) -> Item:
    def is_stopped(result: TestResult) -> bool:
        return any(entry.reason in part.reasons for entry in result.journal)

    without = msgspec.structs.replace(runbook, guard=part.without)
    changed = tests.that_change(without, is_stopped)
    message = "no test is stopped by it"
    if tests.that(is_stopped):
        message = "no test is stopped by it alone: without it none would fail"
    return Item(Kind.GUARD, part.path, part.text, (Lack(changed, message, part.remedy),))


def _plan(tests: _Tests, runbook: Runbook, plan: Plan) -> Item:
    held = tests.that(
        lambda r: any(run.plan == plan.name and run.verdict is Verdict.HELD for run in r.plans)
    )
    remedy = f"write a test with expect: {{plan: {plan.name}, verdict: held}}"
    asked = [Lack(held, "no test reaches this plan and sees its proof hold", remedy)]
    if all(row.plan != plan.name for row in runbook.decide):
        rest = tuple(other for other in runbook.plans if other is not plan)
        changed = tests.that_change(
            msgspec.structs.replace(runbook, plans=rest),
            lambda r: any(run.plan == plan.name for run in r.plans),
        )
        asked.append(Lack(changed, "without this plan no test would fail", remedy))
    return Item(Kind.PLAN, ("plans", plan.name), plan.name, tuple(asked))


def _conditions(tests: _Tests, plan: Plan, proof: Verify, *, is_back: bool) -> Iterator[Item]:
    within: Path = ("plans", plan.name, *(("rollback",) if is_back else ()), "verify")
    for n, condition in enumerate(proof.fail):
        told = _told(plan, Reason.VERIFICATION_FAILED, condition, is_back=is_back)
        yield _condition(tests, (*within, "fail", "any", n), condition, told, "true")
    for n, condition in enumerate(proof.must_not_worsen):
        told = _told(plan, Reason.WORSENED, condition, is_back=is_back)
        yield _condition(tests, (*within, "must_not_worsen", n), condition, told, "false")


def _told(plan: Plan, reason: Reason, condition: Predicate, *, is_back: bool) -> Ended:
    """What the journal says where this condition ended the proof."""
    if is_back:
        text = f"{reason.sentence}: {condition.text}"
        return Ended(plan.name, True, Reason.ROLLBACK_FAILED, text)
    return Ended(plan.name, False, reason, condition.text)


def _condition(tests: _Tests, path: Path, condition: Predicate, told: Ended, truth: str) -> Item:
    shown = tests.that(lambda r: told in r.ended)
    when = "the way back is done (given.restored)" if told.is_back else "the steps are done"
    remedy = f"write a test in which it is {truth} once {when}"
    lack = Lack(shown, "no test ends by this condition", remedy)
    return Item(Kind.CONDITION, path, condition.text, (lack,))


def _rollback(tests: _Tests, plan: Plan) -> Item:
    walked = tests.that(lambda r: any(run.plan == plan.name and run.rolled_back for run in r.plans))
    remedy = "write a test in which the proof of the plan fails"
    asked = [Lack(walked, "no test walks this way back", remedy)]
    if plan.rollback_verify is not None:
        held = tests.that(
            lambda r: any(
                run.plan == plan.name and run.rollback_verdict is Verdict.HELD for run in r.plans
            )
        )
        remedy = "write a test with expect: {rollback: held}"
        asked.append(Lack(held, "no test sees the proof of this way back hold", remedy))
    return Item(Kind.ROLLBACK, ("plans", plan.name, "rollback"), plan.name, tuple(asked))


def _can_go_back(company: Company, plan: Plan) -> bool:
    """Whether there is anything to walk: a snapshot of what takes nothing back is empty."""
    if plan.rollback:
        return True
    used = [company.plugins.get(step.use) for step in plan.steps]
    return plan.rollback_snapshot and any(
        isinstance(p, Action) and p.reversal is Reversal.SNAPSHOT for p in used
    )
