"""A runbook to begin with: short enough to be read at once, and true as it stands.

What is written loads and passes its own test; the rest of the language stands beside it as comments
in the place where it would go. A comment with a space after the # is for reading; one without is an
example, and becomes part of the runbook when the # is taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agent.catalog.draft import draft
from agent.core.globs import fits
from agent.core.identify import ENTITY_LABELS
from agent.model.alert import Layer

SCHEMA_FILE = "runbook.schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
_WIDTH = 96
_LABEL = re.compile(r"[a-z_]\w*")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    use: str
    params: Mapping[str, Any] = {}


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the runbook before anybody wrote it."""

    name: str
    owner: str
    layer: Layer
    alert: str
    """A name, or a glob for a family of them."""
    fired: str = ""
    """The name of an alert that came, where one did."""
    labels: Mapping[str, str]
    """Labels of the alert in its test; without the name."""
    entity: str | None = None
    """Where the labels of that alert do not name it."""
    expression: str | None = None
    meaning: str = ""
    impact: str = ""
    diagnose: Mapping[str, str] = {}
    """Diagnostics by the id of what they found."""
    facts: Mapping[str, Mapping[str, Any]] = {}
    steps: tuple[Step, ...] = ()
    """Empty: nothing is done, and people are told."""
    remarks: tuple[str, ...] = ()
    """Sentences about where it comes from."""


def alert_of(name: str) -> str:
    """`shop-hangs` as the name of an alert: `ShopHangs`."""
    return "".join(part.capitalize() for part in name.split("-"))


def text_of(wish: Wish, *, has_schema: bool) -> str:
    """The file. `has_schema`: the schema lies beside it, and the editor is told so."""
    parts = [
        *([MODELINE] if has_schema else []),
        _HEAD,
        *(_comment(remark) for remark in wish.remarks),
        _yaml(apiVersion="homeostat/v1", kind="Runbook"),
        _yaml(metadata=_metadata(wish)),
        "",
        _ABOUT,
        _yaml(about={"meaning": wish.meaning, "impact": wish.impact}),
        "",
        _MATCH,
        _match(wish),
        _GUARD,
        *_diagnose(wish),
        *_plans(wish),
        _LIFECYCLE,
        _yaml(lifecycle={"state": "shadow"}),
        "",
        _TESTS,
        _first_test(wish),
        _test_hints(wish),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


_HEAD = """\
# Passes `homeostat check` and `homeostat test` as it is. Change it section by section. Examples
# stand behind a # without a space: take it away to use them. Every fault has a page:
# `homeostat explain-code CODE`."""
_ABOUT = "# What people read at night: what is broken, and what users notice of it."
_MATCH = """\
# Which alerts. `*` and `?` make a name a family, labels narrow it, `when` is a condition in CEL.
# The most specific runbook wins; `homeostat explain ALERT.json` says why."""
_GUARD = """
# What has to hold before anything is done, beyond the policy. Unknown stops as well.
#guard:
  #cooldown: {per: entity, max: 3, in: 6h}
"""
_DIAGNOSE = """\
# What is looked at first; it cannot change anything. What is found is read under the id, as in
# `status.alive`. See `homeostat plugins --kind diagnostic`."""
_DECIDE = """
# Rows from top to bottom, the first that is true. Not needed where there is one plan."""
_PLANS = """
# Remedies, tried in this order. See `homeostat plugins --kind action`."""
_PROOF = """\
    verify:
      # How to see that it helped: at each look `observe` is gathered anew.
      success: alert_cleared
      within: 5m
      #observe: [{id: up, use: process.up}]
      #fail: up.verdict == "failed"
    # The way back where it did not help: what each step recorded before it acted, or steps.
    #rollback: snapshot"""
_LIFECYCLE = """
# draft never runs, shadow decides and records, assisted waits for one click, active runs alone."""
_TESTS = "# Played in milliseconds by a virtual clock: given this, it comes to that."


def _metadata(wish: Wish) -> dict[str, str]:
    return {"name": wish.name, "owner": wish.owner, "layer": wish.layer.value, "tier": "low"}


def _yaml(**sections: Any) -> str:
    return draft(sections).rstrip("\n")


def _comment(text: str) -> str:
    """As many lines as it takes; nothing of it can become YAML."""
    words = re.sub(r"[^\x20-\x7e\xa0-\u1fff]+", " ", text).split()
    lines, line = [], "#"
    for word in words:
        if len(line) + 1 + len(word) > _WIDTH and line != "#":
            lines.append(line)
            line = "#"
        line += " " + word[:_WIDTH]
    return "\n".join([*lines, line])


def _match(wish: Wish) -> str:
    """With labels the alert carried: one of them may be what makes this one special."""
    own = [n for n in wish.labels if n not in ENTITY_LABELS and _LABEL.fullmatch(n)][:3]
    lines = ["match:", "  " + _flow("alert", [wish.alert])]
    if own:
        pairs = ", ".join(_flow(name, [wish.labels[name]]) for name in own)
        lines += [f"  #labels: {{{pairs}}}", f'  #when: alert.labels.{own[0]} != ""']
    return "\n".join(lines)


def _flow(name: str, value: Any) -> str:
    return draft({name: value}).rstrip("\n")


def _diagnose(wish: Wish) -> Iterator[str]:
    yield _DIAGNOSE
    if wish.diagnose:
        yield _yaml(diagnose=[{"id": name, "use": use} for name, use in wish.diagnose.items()])
    else:
        yield "#diagnose:\n  #- {id: status, use: process.status}"
    yield _DECIDE
    if wish.steps:
        plan = _plan_name(wish.steps)
        yield f"#decide:\n  #- {{default: {plan}, why: nothing speaks against it}}"
    else:
        yield _yaml(decide=[{"default": "escalate", "why": "a person has to look"}])


def _plans(wish: Wish) -> Iterator[str]:
    yield _PLANS
    if not wish.steps:
        yield "#plans:\n  #restart:\n    #steps: [{id: restart, use: process.restart}]"
        yield "    #verify: alert_cleared"
        return
    plan = _yaml(plans={_plan_name(wish.steps): {"steps": _steps(wish.steps), "verify": ""}})
    yield plan.removesuffix('    verify: ""') + _PROOF


def _plan_name(steps: Sequence[Step]) -> str:
    return _id(steps[-1].use)


def _id(use: str) -> str:
    word = re.sub(r"[^a-z0-9_-]+", "-", use.rpartition(".")[2].lower()).strip("-_")
    word = word if re.match(r"[a-z]", word) else f"step-{word}"
    return word[:40] if word not in ("settle", "escalate") else f"{word}-it"


def _steps(steps: Sequence[Step]) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for step in steps:
        name = _id(step.use)
        taken = {one["id"] for one in written}
        number = 2
        while name in taken:
            name, number = f"{_id(step.use)}-{number}", number + 1
        one: dict[str, Any] = {"id": name, "use": step.use}
        written.append({**one, "with": dict(step.params)} if step.params else one)
    return written


def _fitting(alert: str) -> str:
    """A name that could be an alert's: of `Foo*`, FooX."""
    return alert.replace("*", "X").replace("?", "x")


def _test(wish: Wish) -> dict[str, Any]:
    name = wish.fired if wish.fired and fits(wish.alert, wish.fired) else _fitting(wish.alert)
    alert: dict[str, Any] = {"labels": {"alertname": name, **wish.labels}}
    if wish.expression:
        alert["expression"] = wish.expression
    given: dict[str, Any] = {"alert": alert}
    if wish.entity is not None:
        given["entity"] = {"name": wish.entity}
    if wish.facts:
        given["facts"] = {name: dict(found) for name, found in wish.facts.items()}
    if not wish.steps:
        expect: dict[str, Any] = {"actions": [], "outcome": "routed"}
        return {"name": "people are told", "given": given, "expect": expect}
    expect = {
        "plan": _plan_name(wish.steps),
        "actions": [step.use for step in wish.steps],
        "verdict": "held",
        "outcome": "healed",
    }
    return {"name": "it is done, and the alert clears", "given": given, "expect": expect}


def _first_test(wish: Wish) -> str:
    """With what the proof of the examples would look at, as one more example."""
    text = _yaml(tests=[_test(wish)])
    given, expect, rest = text.rpartition("\n    expect:")
    if not wish.steps or "\n    given:\n" not in given:
        return text
    return f"{given}\n      #after: {{facts: {{up: {{verdict: held}}}}}}{expect}{rest}"


def _test_hints(wish: Wish) -> str:
    if not wish.steps:
        return ""
    plan = _plan_name(wish.steps)
    return f"""\
  #- name: the fourth run in six hours is stopped
    #given: {{history: 3 {plan} in 6h}}
    #expect: {{stopped_by: cooldown}}
  #- name: where the proof fails people are told
    #given: {{after: {{alert: firing, facts: {{up: {{verdict: failed}}}}}}}}
    #expect: {{verdict: failed, outcome: routed}}"""
