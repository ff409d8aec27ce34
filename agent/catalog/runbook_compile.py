"""From the document of a runbook to the compiled one, section by section in the order they run.

Every fault of a document is found in one reading. What each expression may read grows with the
phases: the match sees the alert and the entity, the diagnostics no more than that (they run side by
side), decide, guards and steps see what was found, and a proof also what it observes itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agent.catalog.document import Path
from agent.catalog.expressions import Scope
from agent.catalog.faults import suggest
from agent.catalog.quantities import format_duration
from agent.catalog.runbook_calls import IDENTIFIER, Checked, act_calls, read_calls, scope_after
from agent.catalog.runbook_document import (
    CallSection,
    DecideRow,
    PlanSection,
    RunbookDocument,
    VerifySection,
)
from agent.model.effect import Effect
from agent.model.runbook import (
    Branch,
    Cooldown,
    Guard,
    Lifecycle,
    Match,
    Plan,
    Predicate,
    Runbook,
    Verify,
)
from agent.ports.plugin import Action

DECIDE = "HS206"
UNKNOWN_PLAN = "HS207"
OPAQUE = "HS208"
DURATION = "HS209"
EVIDENCE = "HS215"
MATCH = "HS216"
COOLDOWN = "HS217"

ALERT_CLEARED = "alert_cleared"
_ENDINGS = ("escalate", "settle")


def compile_runbook(
    checked: Checked, document: RunbookDocument, *, digest: str, text: str, path: str
) -> Runbook:
    """The runbook; its faults are in `checked`, and with any of them it must not be used."""
    scopes = _Scopes(checked, document)
    match = _match(checked, document, scopes.start)
    diagnose = read_calls(checked, document.diagnose, ("diagnose",), scopes.diagnose)
    guard = _guard(checked, document, scopes.facts)
    decide = _decide(checked, document, scopes.facts)
    plans = tuple(
        _plan(checked, name, section, document, scopes.facts)
        for name, section in document.plans.items()
    )
    known = {section.id for section in document.diagnose}
    for number, name in enumerate(document.escalate.evidence):
        if name not in known:
            where = ("escalate", "evidence", number)
            checked.complain(EVIDENCE, where, f"unknown diagnostic {name}", suggest(name, known))
    meta = document.metadata
    return Runbook(
        name=meta.name,
        digest=digest,
        path=path,
        text=text,
        owner=meta.owner,
        layer=meta.layer,
        tier=meta.tier,
        lifecycle=document.lifecycle.state,
        match=match,
        guard=guard,
        diagnose=diagnose,
        decide=decide,
        plans=plans,
        evidence=tuple(document.escalate.evidence),
        meaning=document.about.meaning,
        impact=document.about.impact,
        author=meta.author,
    )


class _Scopes:
    """What may be read at the start, by the diagnostics, and once they are done."""

    def __init__(self, checked: Checked, document: RunbookDocument) -> None:
        found = [s.id for s in document.diagnose]
        observed = {
            section.id: f"plan {name} observes it"
            for name, plan in document.plans.items()
            for section in plan.verify.observe
        }
        start = Scope().with_later(found, "diagnose finds it")
        facts = scope_after(document.diagnose, checked.plugins, Scope())
        for name, phase in observed.items():
            start = start if name in found else start.with_later([name], phase)
            facts = facts.with_later([name], phase)
        self.start = start
        self.diagnose = start
        self.facts = facts


def _match(checked: Checked, document: RunbookDocument, scope: Scope) -> Match:
    section = document.match
    if not section.alert and not section.labels:
        remedy = "name the alert, or labels it carries"
        checked.complain(MATCH, ("match",), "this would match every alert", remedy)
    when = None
    if section.when is not None:
        when = checked.predicate(section.when, ("match", "when"), scope)
    return Match(
        alert=section.alert or (),
        labels=dict(section.labels),
        layer=section.layer,
        product=section.product,
        when=when,
    )


def _guard(checked: Checked, document: RunbookDocument, scope: Scope) -> Guard:
    section = document.guard
    cooldown = None
    if section.cooldown is not None:
        given = section.cooldown
        path = ("guard", "cooldown")
        if (given.most is None) != (given.within is None):
            checked.complain(COOLDOWN, path, "max and in belong together", "write both")
        if given.every is None and given.most is None:
            checked.complain(COOLDOWN, path, "the cooldown limits nothing", "write every: 15m")
        cooldown = Cooldown(every_seconds=given.every, most=given.most, within_seconds=given.within)
    texts = ((text, ("guard", "require", n)) for n, text in enumerate(section.require))
    return Guard(cooldown=cooldown, require=_predicates(checked, texts, scope))


def _predicates(
    checked: Checked, texts: Iterable[tuple[str, Path]], scope: Scope
) -> tuple[Predicate, ...]:
    found = [checked.predicate(text, path, scope) for text, path in texts]
    return tuple(p for p in found if p is not None)


def _decide(checked: Checked, document: RunbookDocument, scope: Scope) -> tuple[Branch, ...]:
    rows = document.decide
    if not rows:
        if not document.plans:
            remedy = "write plans, or decide: [{default: settle}]"
            checked.complain(DECIDE, (), "the runbook decides nothing", remedy)
        return ()
    branches = []
    for number, row in enumerate(rows):
        path: Path = ("decide", number)
        if row.default is not None and number != len(rows) - 1:
            checked.complain(DECIDE, path, "rows after the default are never reached")
        branch = _branch(checked, document, row, path, scope)
        if branch is not None:
            branches.append(branch)
    if rows[-1].default is None and len(document.plans) > 1:
        remedy = "end it with {default: escalate, why: ...} or the plan to fall back to"
        checked.complain(DECIDE, ("decide",), "the default row is missing", remedy)
    return tuple(branches)


def _branch(
    checked: Checked, document: RunbookDocument, row: DecideRow, path: Path, scope: Scope
) -> Branch | None:
    when = None
    if row.default is not None:
        word, key = row.default, "default"
        if row.when is not None or row.plan is not None or row.do is not None:
            checked.complain(DECIDE, path, "a default row has only default and why")
    elif row.when is None or (row.plan is None) == (row.do is None):
        remedy = "write {when, plan}, {when, do} or {default}"
        checked.complain(DECIDE, path, "the row is not complete", remedy)
        return None
    else:
        word, key = (row.plan, "plan") if row.plan is not None else (str(row.do), "do")
        when = checked.predicate(row.when, (*path, "when"), scope)
    if word in _ENDINGS:
        return Branch(when=when, plan=None, settle=word == "settle", why=row.why)
    if word not in document.plans:
        remedy = suggest(word, [*document.plans, *_ENDINGS], what="possible")
        checked.complain(UNKNOWN_PLAN, (*path, key), f"unknown plan {word}", remedy)
    return Branch(when=when, plan=word, why=row.why)


def _plan(
    checked: Checked, name: str, section: PlanSection, document: RunbookDocument, scope: Scope
) -> Plan:
    path: Path = ("plans", name)
    if name in _ENDINGS:
        checked.complain(IDENTIFIER, path, f"a plan cannot be called {name}", key=True)
    steps = act_calls(checked, section.steps, (*path, "steps"), scope)
    rollback = section.rollback if isinstance(section.rollback, list) else []
    back = act_calls(checked, rollback, (*path, "rollback"), scope)
    if document.lifecycle.state is Lifecycle.ACTIVE:
        _no_opaque(checked, section.steps, (*path, "steps"))
        _no_opaque(checked, rollback, (*path, "rollback"))
    return Plan(
        name=name,
        steps=steps,
        verify=_verify(checked, section.verify, (*path, "verify"), scope),
        rollback=back,
        rollback_snapshot=section.rollback == "snapshot",
    )


def _no_opaque(checked: Checked, calls: Sequence[CallSection], path: Path) -> None:
    for number, call in enumerate(calls):
        plugin = checked.plugins.get(call.use)
        if isinstance(plugin, Action) and plugin.effect is Effect.OPAQUE:
            message = f"{call.use} is opaque: it can neither be repeated nor checked"
            remedy = "set lifecycle.state: assisted, so that a person runs it"
            checked.complain(OPAQUE, (*path, number, "use"), message, remedy)


def _verify(checked: Checked, section: VerifySection, path: Path, scope: Scope) -> Verify:
    observe = read_calls(checked, section.observe, (*path, "observe"), scope)
    after = scope_after(section.observe, checked.plugins, scope)
    texts = list(_texts(checked, (*path, "success"), ("all", "any")))
    conditions = [(text, where) for text, where in texts if text != ALERT_CLEARED]
    cleared = len(conditions) < len(texts)
    _check_proof(checked, section, path, texts=len(texts), conditions=len(conditions))
    fail = _predicates(checked, _texts(checked, (*path, "fail"), ("any",)), after)
    return Verify(
        alert_cleared=cleared,
        settle_seconds=section.settle,
        within_seconds=section.within,
        decay_seconds=section.decay,
        every_seconds=section.success.every,
        consecutive=section.success.consecutive,
        observe=observe,
        success=_predicates(checked, conditions, after),
        success_any=section.success.any is not None,
        fail=fail,
    )


def _check_proof(
    checked: Checked, section: VerifySection, path: Path, *, texts: int, conditions: int
) -> None:
    """Whether this proof can succeed at all, and looks at what it observes."""
    if not texts:
        checked.complain(DECIDE, (*path, "success"), "no condition of success", "write one")
    if section.success.all is not None and section.success.any is not None:
        checked.complain(DECIDE, (*path, "success"), "write all or any, not both")
    if conditions < texts and section.success.any is not None:
        remedy = "write it under all, or alone"
        checked.complain(DECIDE, (*path, "success"), "alert_cleared cannot be one of any", remedy)
    if section.observe and not conditions and section.fail is None:
        remedy = "write conditions over it, or take observe away"
        checked.complain(DECIDE, (*path, "observe"), "what is observed is not looked at", remedy)
    looking = (section.success.consecutive - 1) * section.success.every
    if conditions and looking >= section.within:
        message = "the proof cannot be complete before its time is up"
        remedy = f"allow more than {format_duration(looking)}"
        checked.complain(DURATION, (*path, "within"), message, remedy)
    if not conditions and section.decay > section.within:
        message = "within is shorter than decay"
        checked.complain(DURATION, (*path, "within"), message, "allow at least the decay time")


def _texts(checked: Checked, path: Path, words: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Conditions as they were written: one text, a list, or a list under `all` or `any`."""
    value: Any = checked.document.data
    for step in path:
        if isinstance(value, str):  # `verify: alert_cleared`
            if path[-1] == "success":
                yield value, path[:-1]
            return
        value = value.get(step) if isinstance(value, Mapping) else value[step]
        if value is None:
            return
    if isinstance(value, Mapping):
        for word in words:
            for number, text in enumerate(value.get(word) or ()):
                yield text, (*path, word, number)
    elif isinstance(value, list):
        for number, text in enumerate(value):
            yield text, (*path, number)
    else:
        yield value, path
