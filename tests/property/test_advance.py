"""Whatever happens in whatever order: what must hold of every decision.

Random interleavings of alert messages, outcomes, timers and people's words run through the same
batch the decision lane uses. Nothing is forgotten, nothing is done twice, nobody is paged for what
was healed, and no message is lost from the ledger.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.lifecycle import MOVES
from agent.model.alert import Alert, AlertStatus
from agent.model.command import Command, CommandKind
from agent.model.decision import LedgerState
from agent.model.effect import OutcomeStatus, Probed
from agent.model.event import (
    Acknowledged,
    ActionRequested,
    Approved,
    Rejected,
    ResolvedByPerson,
)
from agent.model.incident import Ending, Incident, Radius, State
from agent.model.policy import Policy
from agent.model.records import Halt, Silence, SilenceMatcher
from agent.model.runbook import Branch, Lifecycle
from tests.support.careful import CAREFUL, RISKY, UNSEEN, WAIT
from tests.support.cases import (
    START,
    STATUS,
    WATCHED,
    World,
    alert,
    fact,
    plan,
    received,
    resolved,
    runbook,
    settle,
    step,
)

WORSE = msgspec.structs.replace(RISKY, verify=CAREFUL)
RUNBOOKS = (
    runbook(
        "hung",
        plan("restart", step(), step("process.flush", id="flush"), verify=WATCHED),
        plan("rollback", step("process.rollback", id="back"), rollback_snapshot=True),
        diagnose=(STATUS,),
        decide=(
            Branch(when=fact("status.lost"), plan=None, why="lost"),
            Branch(when=None, plan="restart"),
        ),
    ),
    runbook("slow", plan(), plan("second"), alert="Slow", lifecycle=Lifecycle.ASSISTED),
    runbook("odd", alert="Odd", lifecycle=Lifecycle.SHADOW),
    runbook("batch", alert="Batch", decide=settle(), plans=()),
    runbook("flaky", WORSE, plan("second", verify=CAREFUL), alert="Flaky*"),
    runbook("unseen", UNSEEN, alert="Unseen"),
    runbook("passing", WAIT, plan("restart"), alert="Passing"),
)
POLICY = Policy(
    cooldown_seconds=30.0,
    default_diagnostics={"service": ("process.log",), "substrate": ("process.log",)},
)
NAMES = ("Hung", "Slow", "Odd", "Batch", "Flaky", "Unseen", "Passing", "Strange")
ALERTS = (
    ("Hung", "shop-worker"),
    ("Hung", "shop-web"),
    ("Hung", "pay-api"),
    ("Slow", "shop-worker"),
    ("Odd", "shop-worker"),
    ("Batch", "pay-api"),
    ("Flaky", "shop-worker"),
    ("Flaky", "shop-web"),
    ("Unseen", "shop-web"),
    ("Passing", "pay-api"),
    ("Strange", "shop-web"),
    ("Strange", "scout"),
    ("Down", "cache"),
    ("Down", "nobody"),
)
PEOPLE = ("anna", "bob")
MACHINE_STATES = (State.OPEN, State.DIAGNOSING, State.ACTING, State.VERIFYING)
WAITED_FOR = ("page_hold", "look", "deadline", "silence_end", "release")

Op = tuple[Any, ...]
alerts = st.tuples(
    st.just("alert"),
    st.sampled_from(ALERTS),
    st.integers(0, 1),
    st.booleans(),
)
answers = st.tuples(
    st.just("answer"),
    st.integers(0, 3),
    st.sampled_from(tuple(OutcomeStatus)),
    st.booleans(),
    st.sampled_from(tuple(Probed)),
)
good = st.tuples(
    st.just("answer"), st.integers(0, 3), st.just(OutcomeStatus.DONE), st.just(True), st.just("")
)
goes_well = st.tuples(st.just("goes_well"))
waits = st.tuples(st.just("wait"), st.sampled_from((1.0, 6.0, 12.0, 70.0, 700.0)))
words = st.tuples(
    st.just("word"),
    st.sampled_from(("ack", "approve", "reject", "run", "resolve")),
    st.sampled_from(PEOPLE),
    st.integers(0, 3),
)
others = st.one_of(
    st.tuples(st.just("beat"), st.booleans()),
    st.tuples(st.just("measure"), st.integers(0, 1)),
    st.tuples(st.just("silence"), st.sampled_from(NAMES), st.integers(0, 2)),
    st.tuples(st.just("halt"), st.integers(0, 3)),
    st.tuples(st.just("clear"), st.integers(0, 3)),
)
ops = st.lists(
    st.one_of(alerts, alerts, answers, answers, good, goes_well, waits, waits, words, others),
    min_size=25,
    max_size=60,
)


def play(world: World, op: Op) -> None:
    match op:
        case ("alert", (name, entity), number, firing):
            play_alert(world, variant(name, entity, number, at=world.now), firing=firing)
        case ("answer", number, status, is_well, probed) if world.under_way:
            command = nth(list(world.under_way.values()), number)
            world.answer(command, status, **values(command, is_well=is_well, probed=probed))
        case ("goes_well",):
            for command in list(world.under_way.values()):
                world.answer(command, **values(command, is_well=True, probed="happened"))
        case ("wait", seconds):
            world.wait(seconds)
        case ("word", what, who, number) if world.incidents:
            world.tell(word(nth(world.incidents, number), what, who, at=world.now))
        case ("beat", alive):
            world.beat(alive=alive)
        case ("measure", value):
            world.measure(value)
        case ("silence", name, number):
            world.keep("silence", f"s{number}", silence_of(name, number, at=world.now))
        case ("halt", is_on):
            world.keep(
                "halt", "halt", Halt(at=world.now, who="bob", why="") if is_on == 0 else None
            )
        case ("clear", number) if world.incidents:
            world.last = nth(world.incidents, number).id
            world.clear()


def nth(things: list[Any], number: int) -> Any:
    return things[number % len(things)]


def variant(name: str, entity: str, number: int, *, at: float) -> Alert:
    return alert(name, entity, labels={"pod": str(number)}, starts_at=at - at % 50)


def play_alert(world: World, what: Alert, *, firing: bool) -> None:
    world.tell(received(what if firing else resolved(what, world.now), world.now))


def values(command: Command, *, is_well: bool, probed: Any) -> dict[str, Any]:
    if command.kind is CommandKind.PROBE:
        return {"probed": str(probed)}
    if command.kind is CommandKind.ACT:
        return {"undo": {"use": "process.rollback", "with": {"target": command.target}}}
    if command.kind is CommandKind.NOTIFY:
        return {}
    healthy = ["cache"] if is_well else []
    seen = {"alive": is_well, "fine": is_well, "lost": False, "restarts": 1 if is_well else 2}
    return {**seen, "healthy": healthy}


def word(incident: Incident, what: str, who: str, *, at: float) -> Any:
    about: dict[str, Any] = {"at": at, "subject": incident.id, "who": who}
    match what:
        case "ack":
            return Acknowledged(**about)
        case "approve":
            return Approved(**about)
        case "reject":
            return Rejected(**about)
        case "run":
            return ActionRequested(**about, use="process.flush")
        case _:
            return ResolvedByPerson(**about, cause="it was")


def silence_of(name: str, number: int, *, at: float) -> Silence:
    return Silence(
        id=f"s{number}",
        matchers=(
            SilenceMatcher(name="alertname", value=name),
            SilenceMatcher(name="pod", value=str(number)),
        ),
        starts_at=at,
        ends_at=at + 100.0,
        created_by="bob",
        comment="",
        updated_at=at,
    )


def check(world: World) -> None:
    """What must hold after every event."""
    ids = Counter(c.id for c in world.commands)
    assert [i for i, n in ids.items() if n > 1] == [], "a command was written twice"
    acting = {c.key for c in world.under_way.values() if c.kind in (CommandKind.ACT, PROBE)}
    acts = [a for of in world.state.acts.values() for a in of]
    assert {a.key for a in acts if a.status is None} == acting
    busy = Counter(a.target for a in acts if a.status is None)
    assert [t for t, n in busy.items() if n > 1] == [], "two acts on one target"
    for incident in world.incidents:
        if incident.is_open:
            check_not_forgotten(world, incident)
        if incident.outcome is Ending.HEALED:
            assert incident.radius is Radius.ROUTINE
            assert incident.approved_by is not None or incident.pages == ()
        assert incident.approved_by != "anna", "the author of every runbook"
        if incident.runbook == "slow" and incident.state in (State.ACTING, State.VERIFYING):
            approved = incident.approval.plan if incident.approval is not None else None
            assert approved == incident.plan, "each plan of it has an approval of its own"


PROBE = CommandKind.PROBE


def check_not_forgotten(world: World, incident: Incident) -> None:
    timers = [n for n in WAITED_FOR if (incident.id, n) in world.state.timers]
    asked = [
        c
        for c in world.under_way.values()
        if c.subject == incident.id and c.kind is not CommandKind.NOTIFY
    ]
    commands = [c for c in asked if c.by == "agent"]
    # What is quiet waits for what came of a person's act; what burns does not.
    waits = bool(timers or commands or (asked and not incident.is_firing))
    if incident.held_by is not None:
        assert incident.held_by in world.state.incidents or "release" in timers, incident
    elif incident.state in MACHINE_STATES:
        assert waits, f"forgotten: {incident}"
    elif incident.state is not State.ACKNOWLEDGED:
        assert incident.pages, f"nobody was told: {incident}"
    if incident.state is State.ACTING:
        assert [c for c in commands if c.key in incident.waiting], incident


def check_moves(world: World) -> None:
    """Every change of state is a path of few moves of the table."""
    by_incident: dict[str, list[State]] = {}
    for decision in world.batch.decisions:
        if decision.incident is not None:
            states = by_incident.setdefault(decision.incident.id, [State.OPEN])
            states.append(decision.incident.state)
    for states in by_incident.values():
        for before, after in pairwise(states):
            near = {before}
            for _ in range(3):
                near |= {to for state in near for to in MOVES[state].values()}
            assert after in near, (before, after)
            assert before is not State.RESOLVED or after is State.RESOLVED


async def check_ledger(world: World) -> None:
    store = await world.stored()
    totals = await store.totals()
    assert totals.balanced
    ended = {i.id for i in world.incidents if not i.is_open}
    for entry in await store.ledger(limit=10_000):
        if entry.incident_id in ended:
            assert entry.state is not LedgerState.OPEN, entry


@settings(
    max_examples=1000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(ops)
def test_whatever_happens(story: list[Op]) -> None:
    world = World(*RUNBOOKS, policy=POLICY)
    for op in story:
        play(world, op)
        check(world)
    check_moves(world)
    asyncio.run(check_ledger(world))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ops)
def test_everything_comes_to_an_end(story: list[Op]) -> None:
    """When all alerts clear, every command is answered well and time passes, what is still open
    waits for a person: it was paged and something is in doubt, or somebody has to approve."""
    world = World(*RUNBOOKS, policy=POLICY)
    for op in story:
        play(world, op)
    world.keep("halt", "halt", None)
    for incident in list(world.state.incidents.values()):
        world.last = incident.id
        world.clear()
    for _ in range(30):
        for command in list(world.under_way.values()):
            told = values(command, is_well=True, probed=Probed.HAPPENED.value)
            world.answer(command, OutcomeStatus.DONE, **told)
        world.wait(60.0)
    check(world)
    for incident in world.state.incidents.values():
        if not incident.is_firing:
            assert incident.state in (State.ESCALATED, State.ACKNOWLEDGED), incident
            assert incident.steps or incident.plans, incident


messages = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from((None, 10.0, 20.0))), min_size=1, max_size=6
)


def message(episode: int, length: float | None) -> Alert:
    starts = START - 1000.0 + episode * 100.0
    status = AlertStatus.FIRING if length is None else AlertStatus.RESOLVED
    ends = None if length is None else starts + length
    return alert(status=status, starts_at=starts, ends_at=ends)


def known_at_the_end(told: list[Alert], *, kept_open: bool) -> tuple[Any, ...]:
    world = World()
    if kept_open:
        world.fire(alert(labels={"pod": "other"}))
    for number, what in enumerate(told):
        world.tell(received(what, START + number))
    live = world.state.live.get(told[0].identity)
    if live is not None:
        state = world.incident(live).alerts[told[0].identity]
        return state.status, state.starts_at, state.ends_at
    return AlertStatus.RESOLVED, None, None


def expected(told: list[Alert]) -> tuple[Any, ...]:
    newest = max(a.starts_at for a in told)
    if any(a.starts_at == newest and a.status is AlertStatus.RESOLVED for a in told):
        return AlertStatus.RESOLVED, None, None
    return AlertStatus.FIRING, newest, None


@settings(max_examples=150, deadline=None)
@given(messages, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_messages_does_not_matter(
    drawn: list[tuple[int, float | None]], kept_open: bool, random: Any
) -> None:
    told = [message(*m) for m in drawn]
    shuffled = list(told)
    random.shuffle(shuffled)
    assert known_at_the_end(told, kept_open=kept_open) == expected(told)
    assert known_at_the_end(shuffled, kept_open=kept_open) == expected(told)


@settings(max_examples=100, deadline=None)
@given(messages, st.randoms(use_true_random=False))
def test_the_end_of_an_alert_does_not_depend_on_the_order(
    drawn: list[tuple[int, float | None]], random: Any
) -> None:
    """Within one incident the whole state of the alert is the same for every order."""
    first = message(0, None)

    def folded(told: list[Alert]) -> tuple[Any, ...]:
        world = World()
        world.fire(alert(labels={"pod": "other"}))
        world.fire(first)
        for number, what in enumerate(told):
            world.tell(received(what, START + number))
        state = world.case.alerts[first.identity]
        return state.status, state.starts_at, state.ends_at

    told = [message(*m) for m in drawn]
    shuffled = list(told)
    random.shuffle(shuffled)
    assert folded(told) == folded(shuffled)
