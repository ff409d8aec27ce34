"""The tests of a proposed runbook: the incidents it was learned from, those it must leave alone,
and one for each guard.

Each is given only what something in the runbook reads. They prove every row, guard, plan and way
back, so that whoever deletes one is told by `homeostat check` or `homeostat test`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agent.core.identify import ENTITY_LABELS
from agent.core.origins import fields_of, is_readable
from agent.core.proposed_parts import Row, Way, proof_id, span
from agent.model.learning import Resolution

MOST_TESTS = 5
"""Incidents of each kind that become tests: the latest."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What a runbook reads of an incident, as expressions."""

    fields: frozenset[str]
    targets: frozenset[str]
    """Those that a step takes its target from. Nothing is registered in a test but the incident's
    own entity, so there it stands for what is acted on."""


def _read_by(ways: Sequence[Way]) -> Read:
    targets = {str(step["with"].get("target", "")) for way in ways for step in way.steps}
    return Read(
        fields=frozenset(e for way in ways for e in (way.field, *way.reads) if e),
        targets=frozenset(t.removeprefix("=") for t in targets if t.startswith("=")),
    )


def tests_of(
    ways: Sequence[Way],
    rows: Sequence[Row],
    shared: Sequence[Resolution],
    guard: Mapping[str, Any],
    calls: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """`shared` are the incidents that no way is for."""
    read = _read_by(ways)
    made_up = next((row.made_up for row in rows if row.made_up is not None), None)
    found = [_as_resolved(r, way, read, calls) for way in ways for r in way.likes[-MOST_TESTS:]]
    if rows:
        left = [(f"left to people as {r.incident_id}", _given(r, read)) for r in shared]
        if made_up is not None:
            name = "what nobody has seen is left to people"
            left.append((name, _given(ways[0].likes[-1], read, instead=made_up)))
        found += [_left(name, given) for name, given in left[-MOST_TESTS:]]
    found += [_taken_back(way, read) for way in ways if way.goes_back]
    return [*found, *_stopped(guard, ways[0].plan)]


def _left(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    expect = {"actions": [], "stopped_by": "decided_to_escalate"}
    return {"name": name, "given": dict(given), "expect": expect}


def _as_resolved(r: Resolution, way: Way, read: Read, calls: Mapping[str, Any]) -> dict[str, Any]:
    given = _given(r, read)
    if way.observed is not None:
        facts = _nested([(way.observed.field, not way.observed.was)])
        given["after"] = {"facts": {proof_id(calls): facts}}
    actions = [step["use"] for step in way.steps]
    return {
        "name": f"as resolved in {r.incident_id}",
        "given": given,
        "expect": {"plan": way.plan, "actions": actions, "verdict": "held", "outcome": "healed"},
    }


def _taken_back(way: Way, read: Read) -> dict[str, Any]:
    """Nothing cleared: what was done is taken back."""
    return {
        "name": f"{way.plan} is taken back where it does not help",
        "given": {**_given(way.likes[-1], read), "after": {"alert": "firing"}},
        "expect": {"verdict": "failed", "outcome": "routed"},
    }


def _stopped(guard: Mapping[str, Any], plan: str) -> Iterator[dict[str, Any]]:
    """A test for each guard: without it, it would fail."""
    cooldown = guard.get("cooldown", {})
    if "every" in cooldown:
        # One run is as long ago as half of the time it is spread over.
        ago = span(1.5 * 60.0 * _minutes(cooldown["every"]))
        yield _stop("a target is left alone for a while", {"history": f"1 {plan} in {ago}"})
    if "max" in cooldown:
        runs = f"{cooldown['max']} {plan} in {cooldown['in']}"
        yield _stop("it does not run again and again", {"history": runs})
    name = "one target at a time"
    yield _stop(name, {"busy": guard["budget"]["concurrent"]}, "budget_concurrent")
    if "min_healthy" in guard["budget"]:
        yield _stop("enough has to stay well", {"healthy": "10%"}, "budget_min_healthy")


def _stop(name: str, given: Mapping[str, Any], by: str = "cooldown") -> dict[str, Any]:
    return {"name": name, "given": dict(given), "expect": {"actions": [], "stopped_by": by}}


def _minutes(written: str) -> int:
    return int(written[:-1]) * (60 if written.endswith("h") else 1)


def _given(r: Resolution, read: Read, *, instead: tuple[str, Any] | None = None) -> dict[str, Any]:
    """The incident as far as anything reads it: no label that says nothing here, and of what was
    found only the fields."""
    labels = {"alertname": r.alertname}
    for name, value in sorted(r.labels.items()):
        is_own = name in ENTITY_LABELS and value == r.entity
        label = f"alert.labels.{name}"
        if (is_own or name == "severity" or label in read.fields) and is_readable(value):
            is_aim = label in read.targets and r.entity is not None
            labels[name] = str(r.entity) if is_aim else value
    given: dict[str, Any] = {"alert": {"labels": labels}}
    if r.entity is not None:
        given["entity"] = {"name": r.entity, "kind": r.kind}
    found = [
        (field, r.entity if field in read.targets and r.entity is not None else value)
        for name, finding in r.findings.items()
        for field, value in fields_of(name, finding)
        if field in read.fields
    ]
    if instead is not None:
        found = [(field, value) for field, value in found if field != instead[0]] + [instead]
    if found:
        given["facts"] = _nested(found)
    return given


def _nested(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """`a.b` as it stands in data."""
    found: dict[str, Any] = {}
    for path, value in pairs:
        inner = found
        *above, last = path.split(".")
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return found
