"""What would become of an alert, graded by playing the decision: healed, settled, routed, unknown.

The runbook is the one the real index chooses for the alert with the labels it would carry, among
all others and in the state it is in. `healed` is proven by a test of that runbook which ends healed
and still does with this alert put in the place of its own, and which acts. `settled` is proven by
two tests: one that ends settled with this alert, and one that with other facts and this alert does
not, so that the check could have said the opposite. Otherwise the alert is played with nothing
known and everything failing: `routed` is one of which people are told, with something that was
looked at first.

What is assumed: the alert is about one entity of one registered product, what the runbook looks up
in the inventory is there, and what plugins need is connected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

import msgspec

from agent.catalog.runbook_test_document import (
    After,
    Expect,
    Given,
    GivenAlert,
    GivenEntity,
    RunbookTest,
)
from agent.catalog.runbooks import LoadedTest, RunbookSet
from agent.core.identify import ENTITY_LABELS
from agent.core.matching import RUNNABLE, MatchIndex
from agent.model.command import Command, CommandKind
from agent.model.effect import Outcome
from agent.model.incident import Ending, Incident, State
from agent.model.policy import Policy
from agent.model.runbook import Lifecycle, Match, Runbook
from agent.ports.plugin import Plugin
from agent.runtime.corpus import Entry
from agent.runtime.registry import plugin_facts
from agent.runtime.rehearsal import Company
from agent.runtime.rehearsal_stage import Stage
from agent.runtime.rehearsal_world import World

ENTITY = "covered"
NO_FAMILY = "(no runbook)"
ASSUMED = (
    "each alert is about one entity of one registered product, by its namespace, instance or other"
    " labels",
    "a rule's alert carries the labels its expression shows, with plausible values",
    "what the runbook looks up in the inventory is there, and what plugins need is connected",
)


class Grade(StrEnum):
    """From best to worst."""

    HEALED = "healed"
    SETTLED = "settled"
    ROUTED = "routed"
    UNKNOWN = "unknown"


class Graded(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of the corpus. `proof` names the test, or tests, that the grade rests on;
    `evidence` what is looked at before people are told."""

    alert: str
    severity: str
    where: str
    grade: Grade
    family: str = NO_FAMILY
    runbook: str | None = None
    state: str | None = None
    proof: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    routed_to: str | None = None


class _Watched(World):
    """A world that remembers what it was asked."""

    def __init__(
        self, runbook: Runbook, given: Given, plugins: Mapping[str, Plugin], policy: Policy
    ) -> None:
        super().__init__(runbook, given, plugins, policy)
        self.asked: list[Command] = []

    def answer(self, command: Command) -> Outcome:
        self.asked.append(command)
        return super().answer(command)


class Grader:
    """Grades alerts against one set of runbooks."""

    def __init__(
        self, runbooks: RunbookSet, plugins: Mapping[str, Plugin], *, policy: Policy | None = None
    ) -> None:
        self._runbooks, self._plugins = runbooks, plugins
        self._policy = policy or Policy()
        self._company = Company(runbooks, plugins, policy=self._policy)
        self._index = MatchIndex(runbooks.runbooks)
        self._named = {r.name: r for r in runbooks.runbooks}
        self._facts = {plugin.name: plugin_facts(plugin) for plugin in plugins.values()}
        self._endings: dict[tuple[str, str], Ending | None] = {}

    def grade(self, entry: Entry) -> Graded:
        case, evidence = self._alone(entry, _nothing(entry))
        runbook = self._named.get(case.runbook or "") if case is not None else None
        if runbook is not None and runbook.match.entity is not None:
            # Once more, with the object it is about.
            case, evidence = self._alone(entry, runbook)
        grade, proof = self._proven(entry, runbook) if runbook is not None else (None, ())
        is_told = case is not None and (
            case.routed_to is not None or case.state is State.AWAITING_APPROVAL
        )
        if grade is None:
            grade = Grade.ROUTED if is_told and evidence else Grade.UNKNOWN
        return Graded(
            alert=entry.name,
            severity=entry.labels.get("severity", ""),
            where=entry.where,
            grade=grade,
            family=family_of(runbook),
            runbook=runbook.name if runbook is not None else None,
            state=runbook.lifecycle.value if runbook is not None else None,
            proof=proof,
            evidence=evidence,
            routed_to=case.routed_to if case is not None else None,
        )

    def _alone(self, entry: Entry, about: Runbook) -> tuple[Incident | None, tuple[str, ...]]:
        """The alert without any test: nothing is found, nothing helps. What was looked at."""
        given = _given(Given(after=After(alert="firing")), entry, about)
        world = _Watched(about, given, self._plugins, self._policy)
        case = Stage(world, self._index, self._facts).play()
        looked = (c.use for c in world.asked if c.kind is CommandKind.DIAGNOSE)
        return case, tuple(dict.fromkeys(use for use in looked if use in self._plugins))

    def _proven(self, entry: Entry, runbook: Runbook) -> tuple[Grade | None, tuple[str, ...]]:
        if runbook.lifecycle not in RUNNABLE:
            return None, ()  # one in shadow heals nobody
        tests = self._runbooks.tests(runbook.name)
        for test in self._ending(runbook, tests, Ending.HEALED):
            ending, actions = self._played(runbook, _with(test, tests, entry, runbook))
            if ending is Ending.HEALED and actions:
                return Grade.HEALED, (test.test.name,)
        for test in self._ending(runbook, tests, Ending.SETTLED):
            if self._played(runbook, _with(test, tests, entry, runbook))[0] is Ending.SETTLED:
                opposite = self._opposite(test, tests, entry, runbook)
                if opposite is not None:
                    return Grade.SETTLED, (test.test.name, opposite)
        return None, ()

    def _opposite(
        self, settled: LoadedTest, tests: Sequence[LoadedTest], entry: Entry, runbook: Runbook
    ) -> str | None:
        """A test that with other facts, and with this alert, does not end settled."""
        for test in tests:
            if _shown(test, tests) == _shown(settled, tests):
                continue
            if self._ended(runbook, test) is Ending.SETTLED:
                continue
            played = _with(test, tests, entry, runbook)
            if self._played(runbook, played)[0] is not Ending.SETTLED:
                return test.test.name
        return None

    def _ending(
        self, runbook: Runbook, tests: Sequence[LoadedTest], wanted: Ending
    ) -> Iterable[LoadedTest]:
        return (test for test in tests if self._ended(runbook, test) is wanted)

    def _ended(self, runbook: Runbook, test: LoadedTest) -> Ending | None:
        """How the test ends as it is written."""
        key = (runbook.name, test.test.name)
        if key not in self._endings:
            self._endings[key] = self._played(runbook, _asking(test))[0]
        return self._endings[key]

    def _played(self, runbook: Runbook, test: LoadedTest) -> tuple[Ending | None, bool]:
        """How it ends, and whether anything was done."""
        got = self._company.play(runbook, test).got
        word = got.get("outcome")
        is_own = got.get("runbook") == runbook.name
        return Ending(word) if word and is_own else None, bool(got.get("actions"))


def family_of(runbook: Runbook | None) -> str:
    """The folder a runbook stands in."""
    return Path(runbook.path).parent.name or NO_FAMILY if runbook is not None else NO_FAMILY


def _asking(test: LoadedTest, given: Given | None = None) -> LoadedTest:
    """The test so that its result tells how it ended, whatever it expects itself."""
    told = test.test
    asked = RunbookTest(
        name=told.name,
        given=given or told.given,
        at=[moment.model_copy(update={"expect": None}) for moment in told.at],
        expect=Expect(outcome="healed", runbook=test.runbook, actions=[]),
    )
    return LoadedTest(runbook=test.runbook, file=test.file, line=test.line, test=asked)


def _inherited(test: LoadedTest, tests: Sequence[LoadedTest]) -> Given:
    """As in a rehearsal: what a test without an alert of its own takes from the first one."""
    given, first = test.test.given, tests[0].test.given
    if given.alert is not None:
        return given
    return given.model_copy(
        update={
            "entity": first.entity,
            "facts": given.facts or first.facts,
            "before": given.before or first.before,
            "object": given.object if given.object is not None else first.object,
        }
    )


def _with(
    test: LoadedTest, tests: Sequence[LoadedTest], entry: Entry, runbook: Runbook
) -> LoadedTest:
    """The test with this alert in the place of its own."""
    return _asking(test, _given(_inherited(test, tests), entry, runbook))


def _given(given: Given, entry: Entry, runbook: Runbook) -> Given:
    """The alert with just the labels it carries, about an entity that is registered."""
    alert = GivenAlert(
        labels=dict(entry.labels),
        annotations=dict(entry.annotations),
        expression=entry.expression,
    )
    entity = given.entity
    is_named = entity.name is not None or any(name in entry.labels for name in ENTITY_LABELS)
    if not is_named and runbook.match.entity is None:
        entity = GivenEntity(name=ENTITY, kind=entity.kind)
    return given.model_copy(update={"alert": alert, "entity": entity})


def _shown(test: LoadedTest, tests: Sequence[LoadedTest]) -> object:
    """Every fact the test gives, to tell whether two tests differ in any."""
    given = _inherited(test, tests)
    return (
        given.facts,
        given.before,
        given.after.facts,
        given.restored.facts,
        [(moment.time, moment.facts) for moment in test.test.at],
    )


def _nothing(entry: Entry) -> Runbook:
    """Stands for no runbook where a test world wants to know whose it is."""
    return Runbook(
        name="",
        digest="",
        path="",
        text="",
        owner="",
        layer=None,
        tier="low",
        lifecycle=Lifecycle.DRAFT,
        match=Match(alert=(entry.name,)),
    )
