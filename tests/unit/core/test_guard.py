"""Each guard stops what it is for, and nothing else would have stopped it.

The parametrised tests ask all guards, and then all but the one in question: where the first says
no and the second does not, the test proves that this guard is needed and that it is in `GUARDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from agent.core import guard as guards
from agent.core.guard import DAY_SECONDS, GUARDS, Question, ask, recheck
from agent.model.alert import Layer
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import Incident, PlanRun, State
from agent.model.reason import Reason
from agent.model.records import Act, Halt
from agent.model.runbook import Cooldown, Guard, Lifecycle
from tests.support.cases import REGISTRY, START, World, fact, requiring, runbook

HALT = Halt(at=START, who="bob", why="fire drill")


def incident(**fields: Any) -> Incident:
    told: dict[str, Any] = {
        "id": "i-1",
        "key": "k",
        "title": "Hung",
        "state": State.OPEN,
        "layer": Layer.PRODUCT,
        "product": "shop",
        "entity": "shop-worker",
        "severity": "critical",
        "opened_at": START,
        "updated_at": START,
        "runbook": "hung",
        "plan": "restart",
        **fields,
    }
    return Incident(**told)


def act(**fields: Any) -> Act:
    told: dict[str, Any] = {
        "key": "i-0/1/restart/restart",
        "target": "shop-worker",
        "product": "shop",
        "incident_id": "i-0",
        "runbook": "other",
        "plan": "restart",
        "step": "restart",
        "use": "process.restart",
        "by": "agent",
        "at": START - 4000,
        "status": OutcomeStatus.DONE,
        "verdict": Verdict.HELD,
        **fields,
    }
    return Act(**told)


def question(*acts: Act, halt: Halt | None = None, **fields: Any) -> Question:
    world = World(runbook())
    for one in acts:
        world.keep("act", one.key, one)
    world.view.halt = halt
    told: dict[str, Any] = {
        "at": START,
        "incident": incident(),
        "view": world.view,
        "runbook": runbook(),
        "use": "process.restart",
        "target": "shop-worker",
        "key": "i-1/1/restart/restart",
        "facts": {},
        **fields,
    }
    return Question(**told)


def failed(number: int, **fields: Any) -> Act:
    return act(
        key=f"k{number}",
        incident_id=f"i-{number + 10}",
        at=START - 4000 * (number + 1),
        verdict=Verdict.FAILED,
        **fields,
    )


CASES: list[tuple[str, Reason, Callable[[], Question]]] = [
    ("halted", Reason.HALTED, lambda: question(halt=HALT)),
    ("plugin_loaded", Reason.PLUGIN_MISSING, lambda: question(use="process.status")),
    ("effect_repeatable", Reason.EFFECT_OPAQUE, lambda: question(use="process.pull")),
    (
        "layer_allows",
        Reason.OUTCOME_LAYER,
        lambda: question(incident=incident(layer=Layer.OUTCOME)),
    ),
    ("target_known", Reason.TARGET_MISSING, lambda: question(target=None)),
    ("target_known", Reason.TARGET_UNKNOWN, lambda: question(target="ghost")),
    ("target_known", Reason.TARGET_OF_ANOTHER_PRODUCT, lambda: question(target="pay-api")),
    ("target_known", Reason.TARGET_OF_ANOTHER_PRODUCT, lambda: question(target="cache")),
    (
        "target_known",
        Reason.TARGET_OF_ANOTHER_PRODUCT,
        lambda: question(incident=incident(product=None, entity="scout"), target="cache"),
    ),
    ("target_free", Reason.TARGET_BUSY, lambda: question(act(status=None))),
    (
        "target_free",
        Reason.TARGET_BUSY,
        lambda: question(act(incident_id="i-1", by="bob", status=None)),
    ),
    (
        "radius_allows",
        Reason.RADIUS_SYSTEMIC,
        lambda: question(
            incident=incident(entity="shop-web", findings={"status": {"sick": ["cache"]}}),
            target="shop-web",
        ),
    ),
    ("cooled_down", Reason.COOLDOWN, lambda: question(act(at=START - 899))),
    (
        "cooled_down",
        Reason.COOLDOWN,
        lambda: question(
            act(at=START - 1000),
            runbook=runbook(guard=Guard(cooldown=Cooldown(every_seconds=2000.0))),
        ),
    ),
    (
        "cooled_down",
        Reason.COOLDOWN,
        lambda: question(
            act(key="a", incident_id="a", at=START - 1000),
            act(key="b", incident_id="b", at=START - 2000),
            runbook=runbook(guard=Guard(cooldown=Cooldown(most=2, within_seconds=3600.0))),
        ),
    ),
    (
        "attempts_left",
        Reason.ATTEMPTS_EXHAUSTED,
        lambda: question(incident=incident(plans=tuple(PlanRun(plan=p) for p in ("a", "b", "c")))),
    ),
    (
        "attempts_left",
        Reason.DAILY_ATTEMPTS_EXHAUSTED,
        lambda: question(*(failed(n) for n in range(5))),
    ),
    (
        "requirements_hold",
        Reason.REQUIREMENT_FALSE,
        lambda: question(
            runbook=runbook(guard=requiring(fact("status.spare"))),
            facts={"status": {"spare": False}},
        ),
    ),
    (
        "requirements_hold",
        Reason.REQUIREMENT_UNKNOWN,
        lambda: question(runbook=runbook(guard=requiring(fact("status.spare")))),
    ),
    (
        "lifecycle_allows",
        Reason.RUNBOOK_IN_SHADOW,
        lambda: question(runbook=runbook(lifecycle=Lifecycle.SHADOW)),
    ),
    (
        "lifecycle_allows",
        Reason.RUNBOOK_NEEDS_APPROVAL,
        lambda: question(runbook=runbook(lifecycle=Lifecycle.ASSISTED)),
    ),
    (
        "lifecycle_allows",
        Reason.RUNBOOK_NOT_RUNNABLE,
        lambda: question(runbook=runbook(lifecycle=Lifecycle.SUSPENDED)),
    ),
]


@pytest.mark.parametrize(("name", "reason", "asked"), CASES)
def test_the_guard_and_no_other_says_no(
    monkeypatch: pytest.MonkeyPatch, name: str, reason: Reason, asked: Callable[[], Question]
) -> None:
    stop = ask(asked())
    assert stop is not None
    assert stop.reason is reason
    rest = tuple(g for g in GUARDS if g.__name__ != name)
    assert len(rest) == len(GUARDS) - 1
    monkeypatch.setattr(guards, "GUARDS", rest)
    assert ask(asked()) is None, "another guard stands behind it: this case proves nothing"


def test_what_belongs_to_nobody_is_never_acted_on() -> None:
    """Two guards stand here: the product is asked about first, the target would not pass either."""
    nobody = incident(product=None, entity=None)
    stop = ask(question(incident=nobody))
    assert stop is not None
    assert stop.reason is Reason.PRODUCT_UNKNOWN


def test_every_guard_has_a_case() -> None:
    assert {c[0] for c in CASES} | {"product_known"} == {g.__name__ for g in GUARDS}


def test_all_agree_on_an_ordinary_step() -> None:
    assert ask(question()) is None


def test_a_guard_that_raises_has_said_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(q: Question) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(guards, "GUARDS", (broken,))
    stop = ask(question())
    assert stop is not None
    assert stop.reason is Reason.GUARD_FAILED


def test_a_requirement_that_raises_is_a_no() -> None:
    class Broken:
        text = "broken"

        def __call__(self, facts: Any) -> Any:
            raise ZeroDivisionError

    stop = ask(question(runbook=runbook(guard=Guard(require=(Broken(),)))))
    assert stop is not None
    assert stop.reason is Reason.GUARD_FAILED


@pytest.mark.parametrize(
    ("status", "verdict", "counts"),
    [
        (OutcomeStatus.DONE, Verdict.FAILED, True),
        (OutcomeStatus.DONE, Verdict.INCONCLUSIVE, True),
        (OutcomeStatus.DONE, None, True),
        (OutcomeStatus.FAILED, None, True),
        (OutcomeStatus.UNKNOWN, None, True),
        (OutcomeStatus.DONE, Verdict.HELD, False),
        (OutcomeStatus.REFUSED, None, False),
    ],
)
def test_every_outcome_that_is_not_success_counts(
    status: OutcomeStatus, verdict: Verdict | None, counts: bool
) -> None:
    acts = [msgspec.structs.replace(failed(n), status=status, verdict=verdict) for n in range(5)]
    assert (ask(question(*acts)) is not None) is counts


def test_a_success_that_came_back_counts_too() -> None:
    held = [
        msgspec.structs.replace(failed(n), verdict=Verdict.HELD, runbook="hung") for n in range(5)
    ]
    stop = ask(question(*held))
    assert stop is not None
    assert stop.reason is Reason.DAILY_ATTEMPTS_EXHAUSTED
    assert ask(question(*held[:4])) is None


def test_yesterday_is_over() -> None:
    old = [msgspec.structs.replace(failed(n), at=START - DAY_SECONDS - 1) for n in range(5)]
    assert ask(question(*old)) is None


def test_a_runbook_may_not_loosen_the_policy() -> None:
    loose = runbook(guard=Guard(cooldown=Cooldown(every_seconds=1.0)))
    stop = ask(question(act(at=START - 100), runbook=loose))
    assert stop is not None
    assert stop.reason is Reason.COOLDOWN


def test_a_refused_act_starts_no_cooldown() -> None:
    assert ask(question(act(at=START - 1, status=OutcomeStatus.REFUSED, verdict=None))) is None


def test_a_person_is_held_back_by_less() -> None:
    by_person: dict[str, Any] = {"by": "bob", "runbook": None}
    assert ask(question(use="process.pull", **by_person)) is None
    assert ask(question(act(at=START - 1), **by_person)) is None
    assert ask(question(target="cache", **by_person)) is None
    assert ask(question(act(status=None), **by_person)) is not None
    assert ask(question(halt=HALT, **by_person)) is not None
    assert ask(question(target="ghost", **by_person)) is not None


def test_the_way_back_is_not_held_up_by_cooldown_or_attempts() -> None:
    tired = incident(plans=tuple(PlanRun(plan=p) for p in ("a", "b", "c")))
    asked = question(act(at=START - 1), incident=tired, runbook=None, is_rollback=True)
    assert ask(asked) is None


# at the moment of acting


def acting(**fields: Any) -> World:
    world = World(runbook(**fields))
    world.fire(entity="pay-api")
    world.wait(0)
    return world


def again(world: World, *, at: float | None = None) -> Reason | None:
    command = world.only(CommandKind.ACT)
    found = world.state.incidents.get(command.subject)
    stop = recheck(command, found, world.view, at=world.now if at is None else at)
    return stop.reason if stop else None


def test_the_step_itself_is_not_in_its_own_way() -> None:
    assert again(acting()) is None


def test_an_old_decision_is_not_acted_on() -> None:
    world = acting()
    assert again(world, at=START + 299) is None
    assert again(world, at=START + 301) is Reason.TIMED_OUT


def test_a_retry_that_was_to_wait_is_not_old_by_that() -> None:
    world = acting()
    world.answer(world.only(CommandKind.ACT), OutcomeStatus.TEMPORARY)
    command = msgspec.structs.replace(world.only(CommandKind.ACT), not_before=START + 600)
    assert recheck(command, world.case, world.view, at=START + 601) is None


def test_the_kill_switch_stops_what_was_decided_before() -> None:
    world = acting()
    world.keep("halt", "halt", HALT)
    assert again(world) is Reason.HALTED


def test_an_incident_that_is_closed_is_not_acted_on() -> None:
    world = acting()
    command = world.only(CommandKind.ACT)
    closed = msgspec.structs.replace(world.case, state=State.RESOLVED)
    for found in (None, closed):
        stop = recheck(command, found, world.view, at=START)
        assert stop is not None
        assert stop.reason is Reason.MOVE_REFUSED


def test_what_became_systemic_meanwhile_is_not_acted_on() -> None:
    world = acting()
    world.fire(name="Down", entity="cache")
    assert again(world) is Reason.RADIUS_SYSTEMIC


def test_a_target_that_left_the_registry_is_not_acted_on() -> None:
    world = acting()
    gone = {n: e for n, e in REGISTRY.entities.items() if n != "pay-api"}
    world.view.registry = msgspec.structs.replace(REGISTRY, entities=gone)
    assert again(world) is Reason.TARGET_UNKNOWN
