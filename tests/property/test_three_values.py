"""Three values, by the compiled conditions themselves: what is unknown is never taken for true."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalog.expressions import CompiledPredicate, Scope, compile_predicate
from agent.core.matching import MatchIndex
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.runbook import Guard, Match, Truth
from tests.support.cases import World, runbook

ATOMS = ("a", "b", "c")
SCOPE = Scope(types={**Scope().types, "d.a": "bool", "d.b": "bool", "d.c": "bool", "d.n": "int"})
TRUTHS = tuple(Truth)
NOT = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}

values = st.sampled_from(TRUTHS)
formulas = st.recursive(
    st.sampled_from([f"d.{a}" for a in ATOMS]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda text: f"!({text})"),
    ),
    max_leaves=5,
)
worlds = st.tuples(values, values, values).map(lambda told: dict(zip(ATOMS, told, strict=True)))


@cache
def compiled(text: str) -> CompiledPredicate:
    return compile_predicate(text, SCOPE)


def facts(told: Mapping[str, Truth]) -> dict[str, Any]:
    known = {
        name: truth is Truth.TRUE for name, truth in told.items() if truth is not Truth.UNKNOWN
    }
    return {"d": known}


def truth(text: str, told: Mapping[str, Truth]) -> Truth:
    return compiled(text)(facts(told))


def both(one: Truth, other: Truth) -> Truth:
    if Truth.FALSE in (one, other):
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in (one, other) else Truth.TRUE


def either(one: Truth, other: Truth) -> Truth:
    return NOT[both(NOT[one], NOT[other])]


@settings(max_examples=150, deadline=None)
@given(formulas, formulas, worlds)
def test_and_or_and_not_are_those_of_three_values(p: str, q: str, told: dict[str, Truth]) -> None:
    one, other = truth(p, told), truth(q, told)
    assert truth(f"{p} && {q}", told) is both(one, other)
    assert truth(f"{p} || {q}", told) is either(one, other)
    assert truth(f"!({p})", told) is NOT[one]


@settings(max_examples=150, deadline=None)
@given(formulas, formulas, worlds)
def test_the_laws_of_logic_hold(p: str, q: str, told: dict[str, Truth]) -> None:
    assert truth(f"{p} && {q}", told) is truth(f"{q} && {p}", told)
    assert truth(f"{p} || {q}", told) is truth(f"{q} || {p}", told)
    assert truth(f"!({p} && {q})", told) is truth(f"!({p}) || !({q})", told)
    assert truth(f"!({p} || {q})", told) is truth(f"!({p}) && !({q})", told)
    assert truth(f"!(!({p}))", told) is truth(p, told)


@settings(max_examples=150, deadline=None)
@given(formulas, worlds, worlds)
def test_learning_more_never_turns_a_known_answer_around(
    p: str, told: dict[str, Truth], more: dict[str, Truth]
) -> None:
    """What was true or false while something was unknown stays so, whatever that turns out to be:
    so an answer may be acted on before everything is known."""
    learned = {n: more[n] if told[n] is Truth.UNKNOWN else told[n] for n in ATOMS}
    if truth(p, told) is not Truth.UNKNOWN:
        assert truth(p, learned) is truth(p, told)


def test_true_or_unknown_is_true() -> None:
    told = {"a": Truth.TRUE, "b": Truth.UNKNOWN, "c": Truth.UNKNOWN}
    assert truth("d.a || d.b", told) is Truth.TRUE
    assert truth("d.b || d.a", told) is Truth.TRUE
    assert truth("d.a && d.b", told) is Truth.UNKNOWN
    assert truth("d.b || d.c", told) is Truth.UNKNOWN


def test_neither_a_missing_label_nor_a_broken_value_is_an_answer() -> None:
    nothing: dict[str, Any] = {"alert": {"labels": {}}, "d": {}}
    for text in (
        "alert.labels.zone == 'a'",
        "alert.labels.zone != 'a'",
        "!(alert.labels.zone == 'a')",
        "d.n > 0",
        "!(d.n > 0)",
        "1 / d.n > 0",
    ):
        assert compiled(text)(nothing | {"d": {}}) is Truth.UNKNOWN, text
    assert compiled("1 / d.n > 0")({"d": {"n": 0}}) is Truth.UNKNOWN


@settings(max_examples=60, deadline=None)
@given(formulas, worlds)
def test_unknown_is_no_match_and_stops_at_a_guard(p: str, told: dict[str, Truth]) -> None:
    names = {f"d.{name}": f"alert.labels.{name} == 'true'" for name in ATOMS}
    for name, text in names.items():
        p = p.replace(name, text)
    labels = {n: t.value for n, t in told.items() if t is not Truth.UNKNOWN}
    condition = compiled(p)
    answer = condition({"alert": {"labels": labels}})
    world = World(runbook(match=Match(alert=("Hung",), when=condition)))
    assert (world.fire(labels=labels).runbook is not None) is (answer is Truth.TRUE)
    world.view.runbooks = MatchIndex([runbook(owner="team-pay", guard=Guard(require=(condition,)))])
    case = world.fire(entity="pay-api", labels=labels)
    reasons = {
        Truth.TRUE: None,
        Truth.FALSE: Reason.REQUIREMENT_FALSE,
        Truth.UNKNOWN: Reason.REQUIREMENT_UNKNOWN,
    }
    if case.runbook is not None and case.state is State.ACTING:
        assert answer is Truth.TRUE
    else:
        assert case.reason is reasons[answer]
