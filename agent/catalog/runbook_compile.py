"""From the document of a runbook to the compiled one, section by section in the order they run.

Every fault of a document is found in one reading. What each expression may read grows with the
phases: the match sees the alert and the entity, the diagnostics also what the kind of the entity
declares (they run side by side), decide, guards and steps see what was found, and a proof also what
it observes itself, now and before the first step.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from agent.catalog.document import Path
from agent.catalog.entity_kinds import OBJECT_KINDS
from agent.catalog.expressions import Scope
from agent.catalog.faults import suggest
from agent.catalog.runbook_calls import BEFORE, Checked, read_calls, scope_after
from agent.catalog.runbook_document import DecideRow, EntitySection, RunbookDocument
from agent.catalog.runbook_plans import ENDINGS, compile_plan
from agent.model.runbook import (
    Branch,
    Budget,
    BudgetScope,
    Cooldown,
    EntityQuery,
    Guard,
    Match,
    Predicate,
    Runbook,
)

DECIDE = "HS206"
"""The decide table cannot work as it is written."""
UNKNOWN_PLAN = "HS207"
"""A row of the decide table names a plan that is not there."""
EVIDENCE = "HS215"
"""`escalate.evidence` names something that `diagnose` does not gather."""
MATCH = "HS216"
"""The match would take every alert."""
COOLDOWN = "HS217"
"""The cooldown or the budget limits nothing, or half of it is missing."""
ENTITY = "HS218"
"""`match.entity` asks for a kind that nobody knows, or by a key its kind does not have."""


def compile_runbook(
    checked: Checked, document: RunbookDocument, *, digest: str, text: str, path: str
) -> Runbook:
    """The runbook; its faults are in `checked`, and with any of them it must not be used."""
    scopes = Scopes(checked, document)
    match = _match(checked, document, scopes)
    diagnose = read_calls(checked, document.diagnose, ("diagnose",), scopes.diagnose)
    guard = _guard(checked, document, scopes.facts)
    decide = _decide(checked, document, scopes.facts)
    plans = tuple(
        compile_plan(checked, name, section, document, scopes.facts)
        for name, section in document.plans.items()
    )
    known = [section.id for section in document.diagnose]
    known += checked.dropped("diagnose")
    for number, name in enumerate(document.escalate.evidence):
        if name not in known and not checked.has_nameless:
            where = ("escalate", "evidence", number)
            checked.complain(EVIDENCE, where, f"unknown diagnostic {name}", suggest(name, known))
    meta, about, lifecycle = document.metadata, document.about, document.lifecycle
    return Runbook(
        name=meta.name,
        digest=digest,
        path=path,
        text=text,
        owner=meta.owner,
        layer=meta.layer,
        tier=meta.tier,
        lifecycle=lifecycle.state,
        match=match,
        guard=guard,
        diagnose=diagnose,
        decide=decide,
        plans=plans,
        evidence=tuple(document.escalate.evidence),
        meaning=about.meaning,
        impact=about.impact,
        not_for=about.not_for,
        review_by=lifecycle.review_by,
        promoted_from=tuple(lifecycle.promoted_from),
        plans_by_effect=lifecycle.plans_by_effect,
        author=meta.author,
    )


class Scopes:
    """What may be read at the start, by the diagnostics, and once they are done."""

    def __init__(self, checked: Checked, document: RunbookDocument) -> None:
        found = [s.id for s in document.diagnose]
        observed = {
            section.id: f"plan {name} observes it"
            for name, plan in document.plans.items()
            for section in plan.observed()
            if section.id not in found
        }
        later = Scope().with_later([BEFORE], "only must_not_worsen compares with it")
        for name, phase in observed.items():
            later = later.with_later([name], phase)
        self.start = later.with_later(found, "diagnose finds it")
        self.diagnose = _with_entity(checked, document.match.entity, self.start)
        facts = _with_entity(checked, document.match.entity, later)
        facts = scope_after(document.diagnose, checked.plugins, facts)
        for name in checked.dropped("diagnose"):
            facts = facts.with_unchecked(name)
        self.facts = facts


def _with_entity(checked: Checked, section: EntitySection | None, scope: Scope) -> Scope:
    """The names of its kind; where the kind is not known, those of every kind."""
    kind = None if section is None else OBJECT_KINDS.get(section.kind)
    if kind is not None:
        return scope.with_names(kind.names)
    if section is None and not checked.is_broken(("match", "entity")):
        return scope
    return scope.with_names({name: "dyn" for k in OBJECT_KINDS.values() for name in k.names})


def _match(checked: Checked, document: RunbookDocument, scopes: Scopes) -> Match:
    section = document.match
    names = [name for name in section.alert or () if name.strip("*")]
    if not names and not section.labels and not checked.is_broken(("match",)):
        remedy = "name the alert, or labels it carries"
        checked.complain(MATCH, ("match",), "this would match every alert", remedy)
    when = None
    if section.when is not None:
        when = checked.predicate(section.when, ("match", "when"), scopes.start)
    return Match(
        alert=section.alert or (),
        labels=dict(section.labels),
        layer=section.layer,
        product=section.product,
        when=when,
        entity=None if section.entity is None else _entity(checked, section.entity, scopes.start),
    )


def _entity(checked: Checked, section: EntitySection, scope: Scope) -> EntityQuery:
    path: Path = ("match", "entity")
    kind = OBJECT_KINDS.get(section.kind)
    if kind is None:
        remedy = suggest(section.kind, OBJECT_KINDS, what="known kinds")
        message = f"unknown kind of entity {section.kind}"
        checked.complain(ENTITY, (*path, "kind"), message, remedy)
    of: dict[str, Any] = {}
    for key, value in section.of.items():
        if kind is not None and kind.keys is not None and key not in kind.keys:
            message = f"a {section.kind} is not found by {key}"
            remedy = suggest(key, kind.keys, what="it is found by")
            checked.complain(ENTITY, (*path, "of", key), message, remedy, key=True)
        of[key] = value
        if value.startswith("="):
            found = checked.expression(value, (*path, "of", key), scope)
            of[key] = value if found is None else found
    return EntityQuery(kind=section.kind, of=of)


def _guard(checked: Checked, document: RunbookDocument, scope: Scope) -> Guard:
    section = document.guard
    texts = ((text, ("guard", "require", n)) for n, text in enumerate(section.require))
    return Guard(
        cooldown=_cooldown(checked, document),
        budget=_budget(checked, document),
        window=section.window,
        dwell_seconds=section.dwell,
        require=checked.predicates(texts, scope),
    )


def _cooldown(checked: Checked, document: RunbookDocument) -> Cooldown | None:
    given = document.guard.cooldown
    if given is None:
        return None
    path = ("guard", "cooldown")
    if not checked.is_broken(path):
        if (given.most is None) != (given.within is None):
            checked.complain(COOLDOWN, path, "max and in belong together", "write both")
        if given.every is None and given.most is None and given.within is None:
            checked.complain(COOLDOWN, path, "the cooldown limits nothing", "write every: 15m")
    return Cooldown(every_seconds=given.every, most=given.most, within_seconds=given.within)


def _budget(checked: Checked, document: RunbookDocument) -> Budget | None:
    given = document.guard.budget
    if given is None:
        return None
    path = ("guard", "budget")
    if given.min_healthy is None and given.concurrent is None and not checked.is_broken(path):
        remedy = "write min_healthy: 80%, or concurrent: 1"
        checked.complain(COOLDOWN, path, "the budget limits nothing", remedy)
    return Budget(
        scope=BudgetScope(given.scope), min_healthy=given.min_healthy, concurrent=given.concurrent
    )


def _decide(checked: Checked, document: RunbookDocument, scope: Scope) -> tuple[Branch, ...]:
    rows = document.decide
    plans = {*document.plans, *checked.dropped("plans")}
    if not rows:
        if not plans and not checked.is_broken(("plans",)) and not checked.is_broken(("decide",)):
            remedy = "write plans, or decide: [{default: settle}]"
            checked.complain(DECIDE, (), "the runbook decides nothing", remedy)
        return ()
    branches = []
    for number, row in enumerate(rows):
        path: Path = ("decide", number)
        if row.default is not None and number != len(rows) - 1:
            checked.complain(DECIDE, path, "rows after the default are never reached")
        branch = _branch(checked, plans, row, path, scope)
        if branch is not None:
            branches.append(branch)
    is_lacking = not any(row.default for row in rows) and not checked.is_end_broken(("decide",))
    if is_lacking and len(plans) != 1 and not (checked.is_broken(("plans",)) and not plans):
        remedy = "end it with {default: escalate, why: ...} or the plan to fall back to"
        checked.complain(DECIDE, ("decide",), "the default row is missing", remedy)
    return tuple(branches)


def _branch(
    checked: Checked, plans: Set[str], row: DecideRow, path: Path, scope: Scope
) -> Branch | None:
    when: Predicate | None = None
    if row.when is not None:
        when = checked.predicate(row.when, (*path, "when"), scope)
    if row.default is not None:
        word, key = row.default, "default"
        if row.when is not None or row.plan is not None or row.do is not None:
            checked.complain(DECIDE, path, "a default row has only default, within and why")
    elif row.when is None or (row.plan is None) == (row.do is None):
        if not checked.is_broken(path):
            remedy = "write {when, plan}, {when, do} or {default}"
            checked.complain(DECIDE, path, "the row is not complete", remedy)
        return None
    else:
        word, key = (row.plan, "plan") if row.plan is not None else (str(row.do), "do")
    if row.within is not None and word != "settle":
        message = "within is for a row that settles"
        remedy = "take it away; a plan has verify.within"
        checked.complain(DECIDE, (*path, "within"), message, remedy, key=True)
    if word in ENDINGS:
        return Branch(
            when=when,
            plan=None,
            settle=word == "settle",
            settle_within_seconds=row.within,
            why=row.why,
        )
    if word not in plans and (plans or not checked.is_broken(("plans",))):
        remedy = suggest(word, [*plans, *ENDINGS], what="possible")
        checked.complain(UNKNOWN_PLAN, (*path, key), f"unknown plan {word}", remedy)
    return Branch(when=when, plan=word, why=row.why)
