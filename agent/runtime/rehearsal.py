"""Rehearsal: the runbooks' own tests, played through the real decision with a virtual clock.

The registry of a test is made from the test: the entity its labels name, in one product. A runbook
that is not active yet is rehearsed as if it were, alone and without its competitors, except where
the test expects to be stopped by just that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.catalog.quantities import format_duration
from agent.catalog.runbook_document import Expect, Given
from agent.catalog.runbooks import LoadedTest, RunbookSet
from agent.core.guard import ASKS
from agent.core.matching import MatchIndex
from agent.core.view import RunbookIndex
from agent.model.decision import JournalEntry
from agent.model.effect import Verdict
from agent.model.incident import Ending, Incident, PlanRun, State
from agent.model.policy import Policy
from agent.model.reason import Reason
from agent.model.runbook import Branch, Facts, Lifecycle, Predicate, Runbook, Truth
from agent.ports.plugin import Plugin
from agent.runtime.registry import plugin_facts
from agent.runtime.rehearsal_given import START
from agent.runtime.rehearsal_stage import Ended, Stage
from agent.runtime.rehearsal_world import World

LIFECYCLE_REASONS = frozenset(
    {
        Reason.RUNBOOK_IN_SHADOW.value,
        Reason.RUNBOOK_NOT_RUNNABLE.value,
        Reason.NO_RUNBOOK.value,
        *(reason.value for reason in ASKS),
    }
)


@dataclass(frozen=True)
class TestResult:
    """What one test expected, and for the same keys what came of it.

    Keys of a moment have its time before them, as in `at 5m state`.
    """

    __test__ = False

    file: str
    line: int
    runbook: str
    name: str
    passed: bool
    expected: Mapping[str, Any]
    got: Mapping[str, Any]
    journal: tuple[JournalEntry, ...] = ()
    """What happened, by the virtual clock."""
    rows: tuple[tuple[int, Truth], ...] = ()
    """Numbers of the decide rows that were true, and so chosen, or unknown, and so ended it."""
    plans: tuple[PlanRun, ...] = ()
    ended: tuple[Ended, ...] = ()
    why: str = ""
    """The reason the incident has at the end, as its code, its sentence and what it is about."""

    @property
    def differences(self) -> tuple[str, ...]:
        """One line for each key that is not as expected."""
        return tuple(
            f"{key}: expected {self.expected.get(key)!r}, got {self.got.get(key)!r}"
            for key in self.differing
        )

    @property
    def differing(self) -> tuple[str, ...]:
        keys = dict.fromkeys((*self.expected, *self.got))
        return tuple(key for key in keys if self.got.get(key) != self.expected.get(key))

    @property
    def timeline(self) -> tuple[str, ...]:
        """The journal for people, each line with its time since the first message."""
        return tuple(
            f"{format_duration(round(e.at - START, 3)):>7}  {e.kind}: {e.reason.sentence}"
            + (f" ({e.text})" if e.text else "")
            for e in self.journal
        )


def rehearse(
    runbooks: RunbookSet,
    plugins: Mapping[str, Plugin],
    *,
    policy: Policy | None = None,
    only: str | None = None,
    test: str = "",
) -> list[TestResult]:
    """Plays the tests of every runbook (or of the one named `only`), in order of names; with `test`
    those whose name contains it."""
    company = Company(runbooks, plugins, policy=policy)
    return [
        result
        for runbook in runbooks.runbooks
        if only is None or runbook.name == only
        for result in company.play_all(runbook, test=test)
    ]


class Company:
    """What all tests of a set share: the runbooks that compete, the plugins and the policy."""

    def __init__(
        self,
        runbooks: RunbookSet,
        plugins: Mapping[str, Plugin],
        *,
        policy: Policy | None = None,
    ) -> None:
        self.runbooks = runbooks
        self.plugins = plugins
        self._policy = policy or Policy()
        self._facts = {plugin.name: plugin_facts(plugin) for plugin in plugins.values()}
        self._index: MatchIndex | None = None

    def play_all(self, runbook: Runbook, *, test: str = "") -> list[TestResult]:
        """Plays the tests of this runbook; with `test` those whose name contains it."""
        tests = self.runbooks.tests(runbook.name)
        return [self.play(runbook, loaded) for loaded in tests if test in loaded.test.name]

    def play(self, runbook: Runbook, loaded: LoadedTest) -> TestResult:
        """Plays one test of this runbook, which may differ from the one that was loaded."""
        given = _inherited(loaded, self.runbooks.tests(loaded.runbook)[0].test.given)
        seen: list[tuple[int, Truth]] = []
        world = World(runbook, given, self.plugins, self._policy)
        stage = Stage(
            world,
            self._around(runbook, loaded, seen),
            self._facts,
            loaded.test.at,
            approves=not _expects_to_be_kept(loaded),
        )
        stage.play()
        expected, got = _compared(loaded, stage, world.policy)
        return TestResult(
            file=loaded.file,
            line=loaded.line,
            runbook=loaded.runbook,
            name=loaded.test.name,
            passed=got == expected,
            expected=expected,
            got=got,
            journal=tuple(stage.journal),
            rows=tuple(seen),
            plans=tuple(run for incident in stage.incidents for run in incident.plans),
            ended=tuple(stage.ended),
            why=_why(stage.last),
        )

    def _around(
        self, runbook: Runbook, loaded: LoadedTest, seen: list[tuple[int, Truth]]
    ) -> RunbookIndex:
        """The runbooks this one competes with, itself among them, its rows being watched."""
        is_alone = runbook.lifecycle is not Lifecycle.ACTIVE
        if is_alone and not _expects_to_be_kept(loaded):
            runbook = msgspec.structs.replace(runbook, lifecycle=Lifecycle.ACTIVE)
        decide = tuple(
            msgspec.structs.replace(row, when=_Watched(row, number, seen))
            for number, row in enumerate(runbook.decide)
        )
        watched = msgspec.structs.replace(runbook, decide=decide)
        if is_alone:
            return MatchIndex((watched,))
        if self._index is None:
            self._index = MatchIndex(self.runbooks.runbooks)
        return _Exchanged(self._index, watched)


class _Watched:
    """The condition of a row that also tells when it decided. The default row is always true."""

    __slots__ = ("_number", "_seen", "_when", "text")

    def __init__(self, row: Branch, number: int, seen: list[tuple[int, Truth]]) -> None:
        self._when: Predicate | None = row.when
        self._number, self._seen = number, seen
        self.text = row.when.text if row.when is not None else "default"

    def __call__(self, facts: Facts) -> Truth:
        truth = self._when(facts) if self._when is not None else Truth.TRUE
        if truth is not Truth.FALSE:
            self._seen.append((self._number, truth))
        return truth


class _Exchanged:
    """An index with one runbook in the place of another of its name. To make an index anew for
    each test would cost more than the test."""

    def __init__(self, index: MatchIndex, mine: Runbook) -> None:
        self._index, self._mine = index, mine

    @property
    def runbooks(self) -> Sequence[Runbook]:
        return self._exchanged(self._index.runbooks)

    def candidates(self, labels: Mapping[str, str]) -> Sequence[Runbook]:
        return self._exchanged(self._index.candidates(labels))

    def by_digest(self, digest: str) -> Runbook | None:
        return self._mine if digest == self._mine.digest else self._index.by_digest(digest)

    def _exchanged(self, runbooks: Sequence[Runbook]) -> Sequence[Runbook]:
        return [self._mine if r.name == self._mine.name else r for r in runbooks]


def _expects_to_be_kept(loaded: LoadedTest) -> bool:
    """Whether the test is about what its lifecycle keeps the runbook from."""
    expects = [loaded.test.expect, *(moment.expect for moment in loaded.test.at)]
    return any(
        e is not None
        and (e.stopped_by in LIFECYCLE_REASONS or e.state == State.AWAITING_APPROVAL.value)
        for e in expects
    )


def _inherited(loaded: LoadedTest, first: Given) -> Given:
    """A test without an alert of its own takes the alert of the first one, and what it does not say
    itself of the entity, the object, the facts and how it was before."""
    given = loaded.test.given
    if given.alert is not None:
        return given
    changed: dict[str, Any] = {"alert": first.alert, "entity": first.entity}
    changed |= {"facts": given.facts or first.facts, "before": given.before or first.before}
    changed["object"] = given.object if given.object is not None else first.object
    return given.model_copy(update=changed)


def _compared(
    loaded: LoadedTest, stage: Stage, policy: Policy
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was expected, and what came, by the same keys."""
    expected, got = _pair(loaded.test.expect, stage.last, policy)
    times = Counter(moment.time for moment in loaded.test.at if moment.expect is not None)
    for number, moment in enumerate(loaded.test.at):
        if moment.expect is None:
            continue
        before = f"at {format_duration(moment.time)}"
        if times[moment.time] > 1:
            before += f" (at[{number}])"
        wanted, came = _pair(moment.expect, stage.seen.get(number), policy)
        expected |= {f"{before} {key}": value for key, value in wanted.items()}
        got |= {f"{before} {key}": value for key, value in came.items()}
    if stage.stuck:
        got["stuck"] = stage.stuck
    return expected, got


def _pair(
    expect: Expect, incident: Incident | None, policy: Policy
) -> tuple[dict[str, Any], dict[str, Any]]:
    expected = expect.model_dump(exclude_none=True)
    everything = _all_of(incident, policy)
    return expected, {key: everything.get(key) for key in expected}


def _all_of(incident: Incident | None, policy: Policy) -> dict[str, Any]:
    if incident is None:
        return {}
    ended_well = incident.outcome in (Ending.HEALED, Ending.SETTLED)
    outcome = incident.outcome
    if outcome is None and incident.routed_to is not None:
        outcome = Ending.ROUTED  # it ends as that, once people have ended it
    route = "nobody"
    if incident.routed_to is not None:
        route = "platform" if incident.routed_to == policy.platform else "builder"
    taken_back = [run.rollback_verdict for run in incident.plans if run.rollback_verdict]
    return {
        "runbook": incident.runbook,
        "plan": incident.plan,
        "actions": [step.use for step in incident.steps],
        "verdict": _word(incident.verdict),
        "outcome": outcome.value if outcome else None,
        "stopped_by": None if ended_well or not incident.reason else incident.reason.value,
        "route": route,
        "state": incident.state.value,
        "rollback": _word(taken_back[-1]) if taken_back else None,
    }


def _why(incident: Incident | None) -> str:
    """What decided last. Without an incident the alert itself opened none."""
    if incident is None:
        return "the alert opened no incident"
    reason = incident.reason
    if reason is None:
        return ""
    about = incident.reason_text if incident.reason_text != reason.sentence else ""
    return f"{reason.value}: {reason.sentence}" + (f": {about}" if about else "")


def _word(verdict: Verdict | None) -> str | None:
    return verdict.value if verdict is not None else None
