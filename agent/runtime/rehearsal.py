"""Rehearsal: the runbooks' own tests, played through the real decision with a virtual clock.

Nothing is imitated but the outside. The alert goes through the same door, `advance` decides, the
view changes by the same rules; only the outbox is replaced by what the test says the world would
answer. Time jumps to whatever is due next, so that a proof over ten minutes takes no time.

The registry of a test is made from the test: the entity its labels name, in one product. A runbook
that is not active yet is rehearsed as if it were, except where the test expects to be stopped by
just that.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec
from pydantic import ValidationError

from agent.catalog.quantities import parse_duration
from agent.catalog.runbook_document import Expect, Given
from agent.catalog.runbooks import LoadedTest, RunbookSet
from agent.core.advance import advance
from agent.core.identify import ENTITY_LABELS
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.alert import Alert, AlertStatus
from agent.model.command import Command, CommandKind
from agent.model.decision import Decision, Record
from agent.model.effect import Outcome, OutcomeStatus, Probed, Verdict
from agent.model.event import CommandFinished, Event, TimerFired
from agent.model.incident import Ending, Incident, State
from agent.model.policy import PluginFacts, Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.model.reason import Reason
from agent.model.records import Act
from agent.model.runbook import Call, Lifecycle, Runbook
from agent.ports.plugin import Action, Diagnostic, Plugin, Verification
from agent.runtime.intake import event_of
from agent.runtime.view_state import ViewState

START = 1_750_000_000.0
CLEARS_AFTER_SECONDS = 1.0
MAX_EVENTS = 5_000
MAX_SECONDS = 7 * 86_400.0
PRODUCT = "test-product"
BUILDER = "builder"

LIFECYCLE_REASONS = frozenset(
    {
        Reason.RUNBOOK_IN_SHADOW.value,
        Reason.RUNBOOK_NEEDS_APPROVAL.value,
        Reason.RUNBOOK_NOT_RUNNABLE.value,
        Reason.NO_RUNBOOK.value,
    }
)


@dataclass(frozen=True)
class TestResult:
    """What one test expected, and for the same keys what came of it."""

    __test__ = False

    file: str
    line: int
    runbook: str
    name: str
    passed: bool
    expected: Mapping[str, Any]
    got: Mapping[str, Any]

    @property
    def differences(self) -> tuple[str, ...]:
        """One line for each key that is not as expected."""
        return tuple(
            f"{key}: expected {wanted!r}, got {self.got.get(key)!r}"
            for key, wanted in self.expected.items()
            if self.got.get(key) != wanted
        )


def rehearse(
    runbooks: RunbookSet,
    plugins: Mapping[str, Plugin],
    *,
    policy: Policy | None = None,
    only: str | None = None,
) -> list[TestResult]:
    """Plays the tests of every runbook (or of the one named `only`), in order of names."""
    results = []
    for runbook in runbooks.runbooks:
        if only is not None and runbook.name != only:
            continue
        tests = runbooks.tests(runbook.name)
        for loaded in tests:
            given = _inherited(loaded.test.given, tests[0].test.given)
            stage = _Stage(runbook, runbooks.runbooks, given, loaded.test.expect, plugins, policy)
            results.append(_compared(loaded, stage.play(), stage))
    return results


def _inherited(given: Given, first: Given) -> Given:
    """A test without an alert of its own takes alert, entity and facts of the first one."""
    if given.alert is not None:
        return given
    changed: dict[str, Any] = {"alert": first.alert, "entity": first.entity}
    return given.model_copy(update={**changed, "facts": given.facts or first.facts})


def _compared(loaded: LoadedTest, incident: Incident | None, stage: _Stage) -> TestResult:
    expected = loaded.test.expect.model_dump(exclude_none=True)
    everything = _got(incident, stage)
    got = {key: everything.get(key) for key in expected}
    if stage.stuck:
        got["stuck"] = stage.stuck
    return TestResult(
        file=loaded.file,
        line=loaded.line,
        runbook=loaded.runbook,
        name=loaded.test.name,
        passed=got == expected,
        expected=expected,
        got=got,
    )


def _got(incident: Incident | None, stage: _Stage) -> dict[str, Any]:
    if incident is None:
        return {}
    ended_well = incident.outcome in (Ending.HEALED, Ending.SETTLED)
    outcome = incident.outcome
    if outcome is None and incident.routed_to is not None:
        outcome = Ending.ROUTED  # it ends as that, once people have ended it
    route = "nobody"
    if incident.routed_to is not None:
        route = "platform" if incident.routed_to == stage.policy.platform else "builder"
    return {
        "runbook": incident.runbook,
        "plan": incident.plan,
        "actions": [step.use for step in incident.steps],
        "verdict": incident.verdict.value if incident.verdict else None,
        "outcome": outcome.value if outcome else None,
        "stopped_by": None if ended_well or not incident.reason else incident.reason.value,
        "route": route,
    }


@dataclass(order=True)
class _Due:
    at: float
    number: int
    command: Command = field(compare=False)


class _Stage:
    """One test: a world of its own, from its start until nothing is due any more."""

    def __init__(
        self,
        runbook: Runbook,
        others: Sequence[Runbook],
        given: Given,
        expect: Expect,
        plugins: Mapping[str, Plugin],
        policy: Policy | None,
    ) -> None:
        self.policy = policy or Policy()
        self.stuck = ""
        self._runbook = runbook
        self._given = given
        self._plugins = plugins
        self._now = START
        self._numbers = count()
        self._due: list[_Due] = []
        self._last: Incident | None = None
        self._alert = _alert(runbook, given)
        if runbook.lifecycle is not Lifecycle.ACTIVE:
            if expect.stopped_by not in LIFECYCLE_REASONS:
                runbook = msgspec.structs.replace(runbook, lifecycle=Lifecycle.ACTIVE)
            others = (runbook,)
        view = View(
            policy=self.policy,
            registry=_registry(runbook, given, self._alert.labels),
            runbooks=MatchIndex(others),
            plugins={plugin.name: _plugin_facts(plugin) for plugin in plugins.values()},
        )
        self._state = ViewState(view)
        for act in _history(runbook, given, view.registry):
            self._state.apply(Decision(records=(Record(kind="act", key=act.key, body=act),)))

    def play(self) -> Incident | None:
        """The incident at the end."""
        self._take(event_of(self._alert, at=self._now, view=self._state.view))
        for _ in range(MAX_EVENTS):
            event = self._next()
            if event is None:
                return self._last
            self._take(event)
        self.stuck = f"still going on after {MAX_EVENTS} events"
        return self._last

    def _take(self, event: Event) -> None:
        decision = advance(self._last, event, self._state.view)
        self._state.apply(decision)
        if decision.incident is not None:
            self._last = decision.incident
        for command in decision.commands:
            at = max(self._now, command.not_before)
            heapq.heappush(self._due, _Due(at, next(self._numbers), command))

    def _next(self) -> Event | None:
        """What happens next: an answer, the alert clearing, or a timer; earliest first."""
        incident = self._last
        if incident is None or incident.state is State.RESOLVED:
            return None
        options: list[tuple[float, int, Any]] = []
        if self._due:
            options.append((self._due[0].at, 0, self._due[0].command))
        if incident.verify_started_at is not None and self._clears(incident):
            options.append((incident.verify_started_at + CLEARS_AFTER_SECONDS, 1, None))
        for key, due in self._state.timers.items():
            options.append((due, 2, key))
        if not options:
            return None
        at, kind, what = min(options, key=lambda option: option[:2])
        self._now = max(self._now, at)
        if self._now - START > MAX_SECONDS:
            self.stuck = "still going on after a week"
            return None
        if kind == 0:
            heapq.heappop(self._due)
            return CommandFinished(at=self._now, command=what, outcome=self._answer(what))
        if kind == 1:
            return event_of(self._cleared(), at=self._now, view=self._state.view)
        del self._state.timers[what]
        return TimerFired(at=self._now, subject=what[0], name=what[1])

    def _clears(self, incident: Incident) -> bool:
        return self._given.after.alert == "resolved" and incident.is_firing

    def _cleared(self) -> Alert:
        return msgspec.structs.replace(
            self._alert, status=AlertStatus.RESOLVED, ends_at=self._now, starts_at=START
        )

    def _answer(self, command: Command) -> Outcome:
        """What the test says the world would answer."""
        if command.kind is CommandKind.ACT:
            word = self._given.outcomes.get(command.step, "done")
            status = OutcomeStatus(word)
            reason = {
                OutcomeStatus.DONE: Reason.STEP_DONE,
                OutcomeStatus.FAILED: Reason.STEP_FAILED,
            }.get(status, Reason.STEP_UNKNOWN)
            return Outcome(status=status, reason=reason, detail=f"the test says {word}")
        if command.kind is CommandKind.PROBE:
            value = {"probed": Probed.UNCLEAR.value}
            return Outcome(status=OutcomeStatus.DONE, reason=Reason.PROBE_UNCLEAR, value=value)
        if command.kind is CommandKind.NOTIFY:
            return Outcome(status=OutcomeStatus.DONE, reason=Reason.PAGE_DELIVERED)
        facts = self._given.facts.get(command.step)
        if command.kind is CommandKind.OBSERVE:
            facts = self._given.after.facts.get(command.step, facts)
        if facts is None:
            detail = f"the test gives no facts for {command.step}"
            return Outcome(
                status=OutcomeStatus.FAILED, reason=Reason.DIAGNOSTIC_FAILED, detail=detail
            )
        found = _finding(self._plugins.get(command.use), facts)
        return Outcome(status=OutcomeStatus.DONE, reason=Reason.FACTS_GATHERED, value=found)


def _finding(plugin: Plugin | None, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The facts with the defaults of the diagnostic's result, where they are enough for one."""
    if not isinstance(plugin, (Diagnostic, Verification)):
        return facts
    try:
        value: Mapping[str, Any] = plugin.result.model_validate(dict(facts)).model_dump(mode="json")
        return value
    except ValidationError:
        return facts


def _alert(runbook: Runbook, given: Given) -> Alert:
    labels: dict[str, str] = dict(given.alert.labels) if given.alert else {}
    if "alertname" not in labels and len(runbook.match.alert) == 1:
        labels["alertname"] = runbook.match.alert[0]
    return Alert(
        source="test",
        fingerprint="",
        status=AlertStatus.FIRING,
        labels=labels,
        annotations=given.alert.annotations if given.alert else {},
        starts_at=START,
    )


def _entity_label(labels: Mapping[str, str]) -> str | None:
    return next((name for name in ENTITY_LABELS if name in labels), None)


def _registry(runbook: Runbook, given: Given, labels: Mapping[str, str]) -> Registry:
    product = runbook.match.product or labels.get("product") or PRODUCT
    label = _entity_label(labels)
    name = given.entity.name or (labels[label] if label else None)
    entities = {}
    if name is not None:
        kind = EntityKind(given.entity.kind or ("agent" if label == "agent" else "service"))
        shared = kind is EntityKind.SUBSTRATE
        owner = "platform" if shared else BUILDER
        entities[name] = Entity(
            name=name, kind=kind, product=None if shared else product, owner=owner
        )
    return Registry(
        products={product: Product(name=product, builder=BUILDER, tier=runbook.tier)},
        entities=entities,
    )


def _plugin_facts(plugin: Plugin) -> PluginFacts:
    if isinstance(plugin, Action):
        return PluginFacts(
            name=plugin.name,
            kind=plugin.kind,
            effect=plugin.effect.value,
            has_probe=plugin.probe_function is not None,
        )
    return PluginFacts(name=plugin.name, kind=plugin.kind)


def _history(runbook: Runbook, given: Given, registry: Registry) -> list[Act]:
    """`3 restart in 6h`: so many runs that held (or `failed`), spread evenly over that time."""
    entity = next(iter(registry.entities.values()), None)
    acts = []
    for number, told in enumerate(given.history):
        what, _, span = told.partition(" in ")
        words = what.split(" ")
        times, seconds = int(words[0]), parse_duration(span)
        plan, step = _run_of(runbook, words[-1])
        target = step.params.get("target") if step else None
        for run in range(times):
            key = f"history-{number}-{run}"
            acts.append(
                Act(
                    key=key,
                    target=target if isinstance(target, str) else entity.name if entity else "",
                    product=entity.product if entity else None,
                    incident_id=key,
                    runbook=runbook.name,
                    plan=plan,
                    step=step.id if step else "",
                    use=step.use if step else words[-1],
                    by="agent",
                    at=START - seconds * (times - run) / (times + 1),
                    status=OutcomeStatus.DONE,
                    verdict=Verdict.FAILED if "failed" in words[1:-1] else Verdict.HELD,
                )
            )
    return acts


def _run_of(runbook: Runbook, name: str) -> tuple[str, Call | None]:
    """The plan of that name, or the one with a step that uses that plugin."""
    for plan in runbook.plans:
        if plan.name == name:
            return plan.name, plan.steps[0]
    for plan in runbook.plans:
        for step in plan.steps:
            if step.use == name:
                return plan.name, step
    return name, None
