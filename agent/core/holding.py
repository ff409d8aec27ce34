"""Held under a root: one page speaks for many incidents.

An incident that stands on what another one is about is held under it: nobody is paged for it. So is
one that is part of a storm whose people were told. When the root ends, or the storm, or
the root is silenced or held itself, and this one still burns after a moment, it starts anew. A root
never speaks for what is more severe than itself.

Where the root was thought to be one product's own and turns out to hit another one, it is widened:
the platform is told of it as well.
"""

from __future__ import annotations

import msgspec

from agent.core.blast_radius import Assessment, assess
from agent.core.delivery import page
from agent.core.graph import graph_of, numbers_in
from agent.core.lifecycle import Move
from agent.core.release import let_go_of_all
from agent.core.rollback import is_in_doubt
from agent.core.signs import ABOUT, OWN, UNTOLD, WAITING_STATES, is_as_severe
from agent.core.storm import keep
from agent.core.turn import Todo, Turn
from agent.core.view import signs
from agent.model.decision import LedgerMove, LedgerState
from agent.model.event import Held, Released, Widened
from agent.model.incident import Incident, Radius, State
from agent.model.reason import Reason
from agent.model.records import Storm

TOLD_STATES = (State.ESCALATED, State.ACKNOWLEDGED, State.AWAITING_APPROVAL)
"""People have been called for it, and nothing is under way that could still heal it."""


def root_of(turn: Turn, found: Assessment) -> Incident | None:
    """The open incident whose page already covers this suspect, or is about to. One that is about
    the suspect itself comes first."""
    if found.suspect is None:
        return None
    view, mine = turn.view, turn.case.id
    told = (view.incidents[i] for i in signs(view).ids(ABOUT, found.suspect) if i != mine)
    able = [i for i in told if is_as_severe(i, turn.case)]
    if able:
        return min(able, key=lambda i: (i.entity != found.suspect, i.opened_at, i.id))
    own = (view.incidents[i] for i in signs(view).ids(OWN, found.suspect) if i != mine)
    return next((i for i in own if is_as_severe(i, turn.case)), None)


def held_back(turn: Turn, found: Assessment) -> list[Held]:
    """Those that stand on the suspect and whose people were not told yet."""
    graph = graph_of(turn.view.registry)
    suspect = graph.number.get(found.suspect or "")
    if suspect is None:
        return []
    waiting = signs(turn.view)
    nodes = graph.all.above[suspect] & waiting.nodes(UNTOLD, graph)
    return [
        Held(at=turn.at, subject=name, root=turn.case.id)
        for number in numbers_in(nodes)
        for name in sorted(waiting.ids(UNTOLD, graph.names[number]))
        if name != turn.case.id and is_as_severe(turn.case, turn.view.incidents[name])
    ]


def widened(turn: Turn, root: Incident) -> Turn:
    """Tells the root, where its people think that it is their product's alone."""
    if root.radius is Radius.SYSTEMIC or root.state not in TOLD_STATES:
        return turn
    return turn.emit(Widened(at=turn.at, subject=root.id, by=turn.case.id))


def hold(turn: Turn, root: str) -> Turn:
    """Held back under a systemic incident: nobody is paged for this one."""
    turn = turn.change(radius=Radius.SYSTEMIC, storm=None)
    return _hold(turn, root, Reason.HELD_UNDER_ROOT, turn.view.policy.platform)


def hold_in_storm(turn: Turn, root: Incident, storm: Storm, scope: str) -> Turn:
    """Held back as part of a storm: the page of the root of this scope speaks for this one."""
    if scope == storm.scope and storm.root != root.id:
        turn = keep(turn, msgspec.structs.replace(storm, root=root.id))
    turn = turn.change(storm=storm.scope)
    team = root.routed_to or turn.view.policy.platform
    return _hold(turn, root.id, Reason.HELD_IN_STORM, team)


def _hold(turn: Turn, root: str, reason: Reason, team: str) -> Turn:
    turn = turn.move(
        Move.ESCALATE,
        held_by=root,
        routed_to=team,
        reason=reason,
        reason_text=root,
        waiting=(),
        updated_at=turn.at,
    )
    turn = turn.ledger(
        LedgerMove(
            incident_id=turn.case.id, state=LedgerState.SUPPRESSED, reason=reason, at=turn.at
        )
    )
    turn = let_go_of_all(turn.timer("page_hold", None))
    return turn.note("route", reason, root).then(Todo.REST)


def take_hold(turn: Turn) -> Turn:
    """The stage: another incident became the root of this one, or ended as such, or showed that
    this one reaches further."""
    if turn.todo is not Todo.RECEIVE:
        return turn
    event, case = turn.event, turn.case
    if isinstance(event, Held):
        is_told = bool(case.pages) or case.held_by is not None or is_in_doubt(case)
        root = turn.view.incidents.get(event.root)
        is_able = root is not None and is_as_severe(root, case)
        if is_told or not is_able or case.state not in WAITING_STATES:
            return turn.then(Todo.REST)
        return hold(turn, event.root)
    if isinstance(event, Released):
        if case.held_by != event.root or not case.is_open:
            return turn.then(Todo.REST)
        due = turn.at + turn.view.policy.release_seconds + event.after
        return turn.timer("release", due).then(Todo.REST)
    if isinstance(event, Widened):
        return _widen(turn, event)
    return turn


def _widen(turn: Turn, event: Widened) -> Turn:
    """The builder keeps it, and the platform is told once. Whoever has acknowledged has what is his
    product's: for the platform nobody has it yet, and its page would not be sent."""
    case, platform = turn.case, turn.view.policy.platform
    if case.radius is Radius.SYSTEMIC or case.state not in TOLD_STATES:
        return turn.then(Todo.REST)
    if case.state is not State.ESCALATED:
        # What several products share is not healed from inside one of them, approved or not.
        turn = turn.move(Move.ESCALATE)
    found = assess(case, turn.view, turn.at)
    about = found.suspect or case.entity
    turn = turn.change(
        radius=Radius.SYSTEMIC,
        suspect=about,
        radius_path=found.path or tuple(name for name in (about,) if name is not None),
        radius_doubt=found.doubt,
        routed_to=platform,
        reason=Reason.WIDENED,
        reason_text=event.by,
        updated_at=turn.at,
    )
    turn = turn.note("widened", Reason.WIDENED, event.by)
    return page(turn, platform, found).then(Todo.REST)


def outgrow(turn: Turn) -> Turn:
    """The stage: what is held became more severe than what it is held under."""
    case = turn.incident
    before = turn.view.incidents.get(case.id) if case is not None else None
    if case is None or before is None or before.severity == case.severity:
        return turn
    root = turn.view.incidents.get(case.held_by or "")
    if root is None or is_as_severe(root, case):
        return turn
    return turn.timer("release", turn.at)


def release(turn: Turn) -> Turn:
    """The release timer: the root is over and this one still burns. It starts anew."""
    case = turn.case
    if case.held_by is None or not turn.can(Move.RELEASE):
        return turn.then(Todo.REST)
    turn = turn.start_over(
        held_by=None,
        was_under=case.held_by,
        routed_to=None,
        radius=None,
        suspect=None,
        radius_path=(),
        radius_doubt=(),
        storm=None,
    )
    turn = turn.unsuppressed(Reason.RELEASED_FROM_ROOT)
    turn = turn.note("released", Reason.RELEASED_FROM_ROOT)
    # What flaps stays open while it is quiet, and is told when it fires again.
    return turn.then(Todo.MATCH if case.is_firing else Todo.REST)
