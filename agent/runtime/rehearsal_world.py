"""The world of one test: what is going on around the incident, and what it answers.

The test says it. What is shown changes while the test runs, and what the test says last counts:
that the steps are done, that the way back is done, or what it says of a moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from fractions import Fraction
from functools import cache
from typing import Any

import msgspec
from pydantic import BaseModel, ValidationError, create_model

from agent.catalog.quantities import parse_duration
from agent.catalog.runbook_test_document import Given
from agent.core.facts import BACK, resolve_params
from agent.model.alert import AlertStatus, Layer
from agent.model.command import Command, CommandKind
from agent.model.decision import Decision, Record
from agent.model.effect import Outcome, OutcomeStatus, Probed, Reversal, Verdict
from agent.model.incident import AlertState, Incident, State
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, InventoryObject, Registry
from agent.model.reason import Reason
from agent.model.records import Act
from agent.model.runbook import Call, Runbook
from agent.ports.plugin import Action, Diagnostic, Plugin, Result, Verification
from agent.runtime.rehearsal_given import START, alert_of, keys_of, policy_of, registry_of, thing_of

FINEST_SHARE = 1_000

Findings = Mapping[str, Mapping[str, Any]]
"""By id of the diagnostic."""


class World:
    """What one test is given. Only what is shown changes: it is what the test says last."""

    def __init__(
        self, runbook: Runbook, given: Given, plugins: Mapping[str, Plugin], policy: Policy
    ) -> None:
        self._given, self._plugins = given, plugins
        self.alert = alert_of(runbook, given)
        keys = keys_of(runbook, self.alert)
        self.registry = registry_of(runbook, given, self.alert.labels, keys)
        self.entity = next(iter(self.registry.entities.values()), None)
        self.thing = thing_of(runbook, given, self.entity, keys)
        self.policy = policy_of(runbook, given, policy)
        self._runbook = runbook
        self._before = {**given.after.facts, **given.before}
        self._shown: list[Findings] = []

    @property
    def clears(self) -> bool:
        """Whether the alert clears once the steps are done."""
        return self._given.after.alert == "resolved"

    @property
    def says_so(self) -> bool:
        """Whether the test itself says what becomes of the alert then."""
        return "alert" in self._given.after.model_fields_set

    def inventory(self) -> Mapping[str, InventoryObject]:
        return {} if self.thing is None else {self.thing.name: self.thing}

    def past(self) -> Iterator[Decision]:
        """What was decided before the test begins, and what is going on beside it."""
        for act in (*self._history(), *self._busy()):
            yield Decision(records=(Record(kind="act", key=act.key, body=act),))
        for incident in self._burning():
            yield Decision(incident=incident)

    def with_more(self) -> Registry:
        """The registry with the other entities of the product, as many as the share needs."""
        members, _ = _members(self._healthy())
        entity = self.entity
        if not members or entity is None:
            return self.registry
        others = {
            name: Entity(
                name=name, kind=EntityKind.SERVICE, product=entity.product, owner=entity.owner
            )
            for name in map(_other, range(members))
        }
        return msgspec.structs.replace(self.registry, entities={**self.registry.entities, **others})

    def shows(self, facts: Findings) -> None:
        """From now on diagnostics and observations show this."""
        self._shown.append(facts)

    def shows_after(self) -> None:
        """The steps are done."""
        self.shows(self._given.after.facts)

    def shows_restored(self) -> None:
        """The way back is done: as it was before, where the test says nothing else."""
        self.shows({**self._before, **self._given.restored.facts})

    def answer(self, command: Command) -> Outcome:
        """What the test says the world would answer."""
        if command.kind is CommandKind.ACT:
            return self._acted(command)
        if command.kind is CommandKind.PROBE:
            value = {"probed": Probed.UNCLEAR.value}
            return Outcome(status=OutcomeStatus.DONE, reason=Reason.PROBE_UNCLEAR, value=value)
        if command.kind is CommandKind.NOTIFY:
            return Outcome(status=OutcomeStatus.DONE, reason=Reason.PAGE_DELIVERED)
        facts = self._finding(command)
        if facts is None:
            detail = f"the test gives no facts for {command.step}"
            return Outcome(
                status=OutcomeStatus.FAILED, reason=Reason.DIAGNOSTIC_FAILED, detail=detail
            )
        found = _complete(self._plugins.get(command.use), facts)
        return Outcome(status=OutcomeStatus.DONE, reason=Reason.FACTS_GATHERED, value=found)

    def _finding(self, command: Command) -> Mapping[str, Any] | None:
        name = command.step.removeprefix(BACK)
        layers = [*reversed(self._shown)]
        if command.kind is CommandKind.OBSERVE:
            layers.append(self._before)
        layers.append(self._given.facts)
        return next((layer[name] for layer in layers if name in layer), None)

    def _acted(self, command: Command) -> Outcome:
        word = self._given.outcomes.get(command.step, "done")
        status = OutcomeStatus(word)
        reason = {
            OutcomeStatus.DONE: Reason.STEP_DONE,
            OutcomeStatus.FAILED: Reason.STEP_FAILED,
        }.get(status, Reason.STEP_UNKNOWN)
        plugin = self._plugins.get(command.use)
        value: dict[str, Any] = {}
        if isinstance(plugin, Action) and plugin.reversal is Reversal.SNAPSHOT:
            value["undo"] = {"use": (plugin.undone_by or plugin.name), "with": dict(command.params)}
        return Outcome(status=status, reason=reason, detail=f"the test says {word}", value=value)

    def _history(self) -> Iterator[Act]:
        """`3 restart in 6h`: so many runs that held (or `failed`), spread evenly over that time."""
        for number, told in enumerate(self._given.history):
            what, _, span = told.partition(" in ")
            words = what.split(" ")
            times, seconds = int(words[0]), parse_duration(span)
            plan, step = _run_of(self._runbook, words[-1])
            for run in range(times):
                yield Act(
                    key=f"history-{number}-{run}",
                    target=self._target(step),
                    product=self.entity.product if self.entity else None,
                    incident_id=f"history-{number}-{run}",
                    runbook=self._runbook.name,
                    plan=plan,
                    step=step.id if step else "",
                    use=step.use if step else words[-1],
                    by="agent",
                    at=START - seconds * (times - run) / (times + 1),
                    status=OutcomeStatus.DONE,
                    verdict=Verdict.FAILED if "failed" in words[1:-1] else Verdict.HELD,
                )

    def _target(self, step: Call | None) -> str:
        """What the step acts on, as far as that can be said before anything was found."""
        named = self.thing or self.entity
        default = named.name if named else ""
        if step is None or "target" not in step.params:
            return default
        facts: dict[str, Any] = {
            "alert": {"name": self.alert.name, "labels": self.alert.labels},
            **self._given.facts,
        }
        if named is not None:
            known = self.thing.facts if self.thing else {}
            facts["entity"] = {**known, "name": named.name}
        try:
            target = resolve_params({"target": step.params["target"]}, facts)["target"]
        except LookupError:
            return default
        return target if isinstance(target, str) else default

    def _busy(self) -> Iterator[Act]:
        for number in range(self._given.busy):
            yield Act(
                key=f"busy-{number}",
                target=f"busy-{number}",
                product=self.entity.product if self.entity else None,
                incident_id=f"busy-{number}",
                runbook=self._runbook.name,
                plan="",
                step="",
                use="",
                by="agent",
                at=START,
            )

    def _healthy(self) -> float | None:
        """Where a floor is counted and the test says nothing of it, there is somebody, and well."""
        budget = self._runbook.guard.budget
        if self._given.healthy is None and budget is not None and budget.min_healthy is not None:
            return 1.0
        return self._given.healthy

    def _burning(self) -> Iterator[Incident]:
        _, burning = _members(self._healthy())
        for number in range(burning if self.entity is not None else 0):
            name = _other(number)
            alert = AlertState(
                identity=f"other/{name}",
                name="Other",
                status=AlertStatus.FIRING,
                labels={"service": name},
                starts_at=START,
            )
            yield Incident(
                id=f"other-{number}",
                key=f"other-{number}",
                title="Other",
                state=State.ESCALATED,
                layer=Layer.PRODUCT,
                product=self.entity.product if self.entity else None,
                entity=name,
                severity="warning",
                opened_at=START,
                updated_at=START,
                alerts={alert.identity: alert},
            )


def _other(number: int) -> str:
    return f"other-{number}"


def _members(healthy: float | None) -> tuple[int, int]:
    """The smallest number of others of which just this share is healthy, and how many are not."""
    if healthy is None:
        return 0, 0
    share = Fraction(healthy).limit_denominator(FINEST_SHARE)
    return share.denominator, share.denominator - share.numerator


def _run_of(runbook: Runbook, name: str) -> tuple[str, Call | None]:
    """The plan of that name, or the one with a step that uses that plugin."""
    for plan in runbook.plans:
        if plan.name == name:
            return plan.name, plan.steps[0] if plan.steps else None
    for plan in runbook.plans:
        for step in plan.steps:
            if step.use == name:
                return plan.name, step
    return name, None


def _complete(plugin: Plugin | None, facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """The finding as the diagnostic would give it: with the defaults of its result where what is
    given is enough for one, otherwise only what is given."""
    if not isinstance(plugin, (Diagnostic, Verification)):
        return facts
    found: Mapping[str, Any]
    try:
        found = plugin.result.model_validate(dict(facts)).model_dump(mode="json")
    except ValidationError:
        try:
            part = _partial(plugin.result).model_validate(dict(facts))
        except ValidationError:
            return facts
        found = part.model_dump(mode="json", exclude_unset=True)
    return found


@cache
def _partial(result: type[Result]) -> type[BaseModel]:
    """The same result with nothing in it required."""
    fields: dict[str, Any] = {}
    for name, info in result.model_fields.items():
        bare = copy(info)
        bare.default = None
        fields[name] = (info.annotation, bare)
    return create_model(f"Partial{result.__name__}", **fields)
