"""The plans of a runbook: what is done, the proof that it helped, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.catalog.document import Path
from agent.catalog.expressions import Scope
from agent.catalog.quantities import format_duration
from agent.catalog.runbook_calls import (
    BEFORE,
    IDENTIFIER,
    Checked,
    act_calls,
    read_calls,
    scope_after,
)
from agent.catalog.runbook_document import RunbookDocument
from agent.catalog.runbook_plan_document import (
    AUTO,
    CallSection,
    DecaySection,
    PlanSection,
    RollbackSection,
    VerifySection,
)
from agent.model.effect import Effect, Reversal
from agent.model.runbook import Call, Decay, Lifecycle, OnHeld, OnInconclusive, Plan, Verify
from agent.ports.plugin import Action

PROOF = "HS206"
"""The proof of a plan cannot work as it is written."""
OPAQUE = "HS208"
"""An active runbook uses an action that can neither be repeated nor checked."""
DURATION = "HS209"
"""Two durations contradict each other."""
DESTRUCTIVE = "HS219"
"""A step that destroys something lacks an explicit target, a floor or a proof of its own."""
IRREVERSIBLE = "HS220"
"""An active runbook destroys something with neither a way back nor a person who approves."""
NOTHING_BEFORE = "HS221"
"""`must_not_worsen` stands in a proof that observes nothing to compare."""
SETTLES = "HS222"
"""A plan that settles has steps or a way back, or one without steps does not say it settles."""
NO_SNAPSHOT = "HS223"
"""`rollback: snapshot`, and no step of the plan records a way back."""

ALERT_CLEARED = "alert_cleared"
ENDINGS = ("escalate", "settle")


def compile_plan(
    checked: Checked, name: str, section: PlanSection, document: RunbookDocument, scope: Scope
) -> Plan:
    path: Path = ("plans", name)
    if name in ENDINGS:
        checked.complain(IDENTIFIER, path, f"a plan cannot be called {name}", key=True)
    steps = act_calls(checked, section.steps, (*path, "steps"), scope)
    back, way_back, proof_back = _way_back(checked, section, path, scope)
    verify = _verify(checked, section.verify, (*path, "verify"), scope)
    _check_settles(checked, section, path)
    _check_reversal(checked, section, document, path)
    if document.lifecycle.state is Lifecycle.ACTIVE and not checked.is_broken(("lifecycle",)):
        _no_opaque(checked, section.steps, (*path, "steps"))
        _no_opaque(checked, way_back, _steps_path(section, path))
    return Plan(
        name=name,
        steps=steps,
        verify=verify,
        settles=section.do == "settle",
        rollback=back,
        rollback_snapshot=section.goes_back_by_snapshot(),
        rollback_verify=proof_back,
        on_inconclusive=OnInconclusive(section.on_inconclusive),
        on_held=OnHeld(section.on_held),
    )


def _steps_path(section: PlanSection, path: Path) -> Path:
    is_mapping = isinstance(section.rollback, RollbackSection)
    return (*path, "rollback", "steps") if is_mapping else (*path, "rollback")


def _way_back(
    checked: Checked, section: PlanSection, path: Path, scope: Scope
) -> tuple[tuple[Call, ...], Sequence[CallSection], Verify | None]:
    way_back = section.way_back()
    back = act_calls(checked, way_back, _steps_path(section, path), scope)
    proof = None
    if isinstance(section.rollback, RollbackSection) and section.rollback.verify is not None:
        proof = _verify(checked, section.rollback.verify, (*path, "rollback", "verify"), scope)
    return back, way_back, proof


def _check_settles(checked: Checked, section: PlanSection, path: Path) -> None:
    if section.do == "settle":
        for key, is_there in (("steps", section.steps), ("rollback", section.rollback)):
            if is_there:
                message = f"a plan that settles does nothing, so it has no {key}"
                checked.complain(SETTLES, (*path, key), message, "take it away", key=True)
    elif not section.steps and not any(checked.is_broken((*path, k)) for k in ("do", "steps")):
        remedy = "write steps, or do: settle for a plan that only waits for its proof"
        checked.complain(SETTLES, path, "the plan has no steps", remedy, key=True)


def _check_reversal(
    checked: Checked, section: PlanSection, document: RunbookDocument, path: Path
) -> None:
    """What a step destroys must not go wrong by a default: the target is written out, enough stays
    that is well, and success is seen in the thing itself."""
    back = _steps_path(section, path)
    for calls, at in ((section.steps, (*path, "steps")), (section.way_back(), back)):
        for number, call in enumerate(calls):
            if _destroys(checked, call):
                _check_destructive(checked, section, document, path, call, (*at, number))
    _check_way_back(checked, section, document, path)


def _destroys(checked: Checked, call: CallSection) -> bool:
    plugin = checked.plugins.get(call.use)
    return isinstance(plugin, Action) and plugin.reversal is Reversal.NONE


def _check_destructive(
    checked: Checked,
    section: PlanSection,
    document: RunbookDocument,
    path: Path,
    call: CallSection,
    at: Path,
) -> None:
    plugin = checked.plugins[call.use]
    aims = isinstance(plugin, Action) and "target" in plugin.params.model_fields
    has_target = not aims or "target" in call.with_ or checked.is_broken((*at, "with"))
    for is_there, lack, remedy in (
        (has_target, "an explicit target", "write with: {target: ...}"),
        (_has_floor(checked, document), "a floor", "write guard: {budget: {min_healthy: 80%}}"),
        (
            _has_proof(checked, section, path),
            "a proof of its own",
            "write verify.observe, and conditions of success over it",
        ),
    ):
        if not is_there:
            message = f"{call.use} destroys something and lacks {lack}"
            checked.complain(DESTRUCTIVE, (*at, "use"), message, remedy)


def _check_way_back(
    checked: Checked, section: PlanSection, document: RunbookDocument, path: Path
) -> None:
    lost = [n for n, call in enumerate(section.steps) if _destroys(checked, call)]
    is_active = document.lifecycle.state is Lifecycle.ACTIVE
    if section.rollback is None and is_active and not checked.is_broken(("lifecycle",)):
        for number in () if checked.is_broken((*path, "rollback")) else lost:
            message = f"{section.steps[number].use} destroys something, with no way back"
            remedy = "write rollback, or lifecycle: {state: assisted}, so that a person approves"
            checked.complain(IRREVERSIBLE, (*path, "steps", number, "use"), message, remedy)
    all_lost = len(lost) == len(section.steps) and not checked.is_broken((*path, "steps"))
    if section.goes_back_by_snapshot() and section.steps and all_lost:
        message = "no step records a way back"
        remedy = "write the steps of the way back"
        checked.complain(NO_SNAPSHOT, (*path, "rollback"), message, remedy)


def _has_floor(checked: Checked, document: RunbookDocument) -> bool:
    budget = document.guard.budget
    is_written = budget is not None and budget.min_healthy is not None
    return is_written or checked.is_broken(("guard", "budget"))


def _has_proof(checked: Checked, section: PlanSection, path: Path) -> bool:
    success = section.verify.success
    conditions = [t for t in (*(success.all or ()), *(success.any or ())) if t != ALERT_CLEARED]
    is_written = bool(section.verify.observe) and bool(conditions)
    return is_written or checked.is_broken((*path, "verify"))


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
    for name in checked.dropped(*path, "observe"):
        after = after.with_unchecked(name)
    texts = list(_texts(checked, (*path, "success"), ("all", "any")))
    conditions = [(text, where) for text, where in texts if text != ALERT_CLEARED]
    cleared = len(conditions) < len(texts)
    _check_proof(checked, section, path, texts=len(texts), conditions=len(conditions))
    fail = checked.predicates(_texts(checked, (*path, "fail"), ("any",)), after)
    return Verify(
        alert_cleared=cleared,
        settle_seconds=section.settle,
        within_seconds=section.within,
        decay=_decay(checked, section, path),
        every_seconds=section.success.every,
        consecutive=section.success.consecutive,
        observe=observe,
        success=checked.predicates(conditions, after),
        success_any=section.success.any is not None,
        fail=fail,
        must_not_worsen=checked.predicates(
            _texts(checked, (*path, "must_not_worsen"), ()),
            _with_before(checked, section, path, after),
        ),
    )


def _with_before(checked: Checked, section: VerifySection, path: Path, after: Scope) -> Scope:
    """The same observations once more, as `before.ID.FIELD`."""
    ids = [*(call.id for call in section.observe), *checked.dropped(*path, "observe")]
    typed = tuple(f"{name}." for name in ids)
    names = {f"{BEFORE}.{n}": kind for n, kind in after.types.items() if n.startswith(typed)}
    names |= {f"{BEFORE}.{name}": "dyn" for name in ids if name in after.types}
    scope = after.with_names(names)
    later = {name: phase for name, phase in scope.later.items() if name != BEFORE}
    return Scope(types=scope.types, later=later)


def _decay(checked: Checked, section: VerifySection, path: Path) -> Decay:
    written = section.decay
    if isinstance(written, DecaySection):
        checked.promql(written.expression, (*path, "decay", "expression"))
        return Decay(
            expression=written.expression,
            for_seconds=written.for_,
            keep_firing_for_seconds=written.keep_firing_for,
            group_interval_seconds=written.group_interval,
        )
    return Decay() if written == AUTO else Decay(seconds=float(written))


def _check_proof(
    checked: Checked, section: VerifySection, path: Path, *, texts: int, conditions: int
) -> None:
    """Whether this proof can succeed at all, and looks at what it observes. Where a key could not
    be read, nothing is said that hangs on it."""

    def is_sound(*keys: str) -> bool:
        return not any(checked.is_broken((*path, key)) for key in keys)

    success = (*path, "success")
    if not texts and is_sound("success"):
        checked.complain(PROOF, success, "no condition of success", "write one")
    if section.success.all is not None and section.success.any is not None:
        checked.complain(PROOF, success, "write all or any, not both")
    if conditions < texts and section.success.any is not None:
        remedy = "write it under all, or alone"
        checked.complain(PROOF, success, "alert_cleared cannot be one of any", remedy)
    is_looked_at = conditions or section.fail is not None or section.must_not_worsen is not None
    if section.observe and not is_looked_at and is_sound("success", "fail", "must_not_worsen"):
        remedy = "write conditions over it, or take observe away"
        checked.complain(PROOF, (*path, "observe"), "what is observed is not looked at", remedy)
    if section.must_not_worsen is not None and not section.observe and is_sound("observe"):
        where = (*path, "must_not_worsen")
        remedy = "write observe: what is gathered before the first step and at each look"
        checked.complain(NOTHING_BEFORE, where, "nothing is observed to compare", remedy, key=True)
    if is_sound("success", "within"):
        _check_durations(checked, section, path, conditions=conditions)


def _check_durations(
    checked: Checked, section: VerifySection, path: Path, *, conditions: int
) -> None:
    looking = (section.success.consecutive - 1) * section.success.every
    if conditions and looking >= section.within:
        message = "the proof cannot be complete before its time is up"
        remedy = f"allow more than {format_duration(looking)}"
        checked.complain(DURATION, (*path, "within"), message, remedy)
    decay = section.decay
    if not conditions and isinstance(decay, float) and decay > section.within:
        message = "within is shorter than decay"
        checked.complain(DURATION, (*path, "within"), message, "allow at least the decay time")


def _texts(checked: Checked, path: Path, words: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Conditions as they were written: one text, a list, or a list under `all` or `any`."""
    value: Any = checked.data
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
