"""Who is told: nobody, the builder, or the platform team. The blast radius is the route.

A systemic failure pages the platform once; the incidents that stand on the same suspect are held
under it and released when it ends (core/holding.py). A page waits a moment where the product stands
on something shared that nobody vouches for, so that the common cause can show first, and where the
same people were told of something else a moment ago: in a storm that first page speaks for all of
it. So the first page of a quiet product goes out at once, whatever storm there is elsewhere.
"""

from __future__ import annotations

import msgspec

from agent.core.blast_radius import Assessment, assess, stands_on_something_unvouched
from agent.core.delivery import page
from agent.core.diagnosis import default_calls, diagnose
from agent.core.holding import held_back, hold, hold_in_storm, root_of, widened
from agent.core.lifecycle import Move
from agent.core.own_alert import OURSELVES
from agent.core.receiving import close_cleared
from agent.core.rollback import is_in_doubt
from agent.core.signs import FLEET, TOLD, WAITING_STATES
from agent.core.silence import silence
from agent.core.storm import covering, fleet_sick, in_force, is_told, keep, root_of_storm
from agent.core.turn import Todo, Turn
from agent.core.view import signs
from agent.model.alert import Layer
from agent.model.decision import LedgerMove, LedgerState
from agent.model.incident import Incident, Radius, State
from agent.model.product import EntityKind
from agent.model.reason import Reason
from agent.model.records import Storm

CRITICAL = "critical"
OWN_ALERTS = f"{OURSELVES}/"
"""Start of the identity of what the agent says of itself: that a source is silent, that a channel
is broken. It must not drown in what else burns."""


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """The storm an incident is part of, and whose page speaks for it: its product's, or the one to
    the platform."""

    storm: Storm
    scope: str
    root: Incident | None
    """None: nobody was told of it yet."""


FOR_PLATFORM = (Reason.CAUSE_CHAIN,)
"""Reasons that are no builder's to mend, however far it reaches: the agent's own doing."""


def route(turn: Turn) -> Turn:
    """The stage: what nobody healed goes to the person whose it is."""
    if turn.todo is not Todo.ROUTE:
        return turn
    case = turn.case
    quiet = not case.is_firing and not case.is_gone_silent
    if quiet and not is_in_doubt(case):
        return close_cleared(turn)  # it went away while something was tried: nobody is woken
    found = assess(case, turn.view, turn.at)
    if case.state is State.AWAITING_APPROVAL and case.approved_by is None:
        return page(turn, _team(turn, found), found).then(Todo.REST)
    stands_out = is_in_doubt(case) or _is_about_the_agent(case)
    cover = _cover(turn, found) if not stands_out else None
    if cover is not None:
        return _in_storm(turn, found, cover)  # without findings: thousands would be looked at
    if _wants_findings(turn):
        turn = diagnose(turn.change(after_diagnosis="route").then(Todo.DIAGNOSE))
        if turn.todo is not Todo.ROUTE:
            return turn
    return _told(turn, found)


def _is_about_the_agent(case: Incident) -> bool:
    is_own = all(identity.startswith(OWN_ALERTS) for identity in case.alerts)
    return is_own and case.product is None and case.entity is None


def _wants_findings(turn: Turn) -> bool:
    case = turn.case
    return (
        not case.findings
        and case.after_diagnosis != "route"
        and turn.can(Move.DIAGNOSE)
        and bool(default_calls(turn))
    )


def _team(turn: Turn, found: Assessment) -> str:
    """Owner of the sub-agent or proxy it is about, builder of the product, else the platform team.

    A member of the machinery has an owner of its own, who may be another than the builder of what
    it works for, and who is the one to release it from quarantine.
    """
    view, case = turn.view, turn.case
    if found.radius is Radius.SYSTEMIC or case.reason in FOR_PLATFORM:
        return view.policy.platform
    entity = view.registry.entities.get(case.entity or "")
    if case.layer is Layer.MACHINERY and entity is not None and entity.kind is EntityKind.AGENT:
        return entity.owner
    if case.product is not None and case.product in view.registry.products:
        return view.registry.products[case.product].builder
    return entity.owner if entity is not None else view.policy.platform


# in a storm


def _cover(turn: Turn, found: Assessment) -> Cover | None:
    """Of a storm of the fleet the platform is told first. Where many products burn, that is all for
    a while: the signal is suspect. Where only many incidents opened, and where it lasts so long
    that the signal is right, each product is told once."""
    view, case, at = turn.view, turn.case, turn.at
    fleet = in_force(view, FLEET, at)
    own = covering(view, case.product, at) if case.product is not None else None
    if fleet is not None:
        root = root_of_storm(view, fleet, FLEET, of=case, at=at)
        is_fleets = found.radius is Radius.SYSTEMIC or case.product is None
        is_first = root is None and not is_told(view, fleet, FLEET, besides=case)
        is_suspect = root is not None and bool(fleet_sick(view, at, case))
        if is_fleets or is_first or is_suspect:
            return Cover(storm=fleet, scope=FLEET, root=root)
    storm = own or fleet
    if storm is None or case.product is None or found.radius is Radius.SYSTEMIC:
        return None
    root = root_of_storm(view, storm, case.product, of=case, at=at)
    return Cover(storm=storm, scope=case.product, root=root)


def _in_storm(turn: Turn, found: Assessment, cover: Cover) -> Turn:
    case = turn.case
    if found.radius is Radius.SYSTEMIC:
        own_root = root_of(turn, found)
        if own_root is not None:
            return _under_root(turn, found, own_root)
    if cover.root is not None:
        turn = _judged(turn, found)
        return hold_in_storm(turn, cover.root, cover.storm, cover.scope)
    turn = turn.change(storm=cover.storm.scope)
    if cover.scope == cover.storm.scope:
        turn = keep(turn, msgspec.structs.replace(cover.storm, root=case.id))
    if cover.scope == FLEET and found.radius is not Radius.SYSTEMIC:
        turn = turn.change(radius=Radius.SYSTEMIC, suspect=None, radius_path=(), radius_doubt=())
        found = msgspec.structs.replace(
            found, radius=Radius.SYSTEMIC, reason=Reason.STORM_FLEET, suspect=None, path=()
        )
        return _escalate(turn, found)
    return _told_now(turn, found)


# otherwise


def _told(turn: Turn, found: Assessment) -> Turn:
    root = root_of(turn, found) if found.radius is Radius.SYSTEMIC else None
    if root is not None:
        return _under_root(turn, found, root)
    hold = _hold_seconds(turn, found)
    if hold > 0 and _may_wait(turn):
        turn = turn.change(page_held_until=turn.at + hold)
        turn = turn.note("route", Reason.PAGE_HELD, f"{hold:.0f} s")
        return turn.timer("page_hold", turn.at + hold).then(Todo.REST)
    return _told_now(turn, found)


def _hold_seconds(turn: Turn, found: Assessment) -> float:
    """How long a page waits: not at all, for a common cause, or, where people were told of the same
    thing a moment ago and it went away, until it stays. What is critical waits no longer for it."""
    policy = turn.view.policy
    if policy.page_hold_seconds <= 0:
        return 0.0
    if _came_back(turn):
        is_critical = turn.case.severity == CRITICAL
        least = policy.page_hold_seconds
        return least if is_critical else max(least, policy.release_seconds)
    return policy.page_hold_seconds if _could_be_part_of_more(turn, found) else 0.0


def _came_back(turn: Turn) -> bool:
    case = turn.case
    if case.is_flapping or case.runbook is not None:
        return False  # that it flaps, or what became of the remedy, is what people are to be told
    flap = turn.view.flaps.get(case.key)
    told_at = flap.told_at if flap is not None else None
    return told_at is not None and turn.at - told_at < turn.view.policy.rails.flapping_seconds


def _may_wait(turn: Turn) -> bool:
    """Once, and not where somebody has to look at what was changed."""
    case = turn.case
    stands_out = is_in_doubt(case) or _is_about_the_agent(case)
    return case.page_held_until is None and not stands_out and case.state in WAITING_STATES


def _could_be_part_of_more(turn: Turn, found: Assessment) -> bool:
    """Whether a common cause could still show, or the same people were told of something else a
    moment ago, which may be the first page of a storm."""
    view, case = turn.view, turn.case
    is_systemic = found.radius is Radius.SYSTEMIC
    if not is_systemic and stands_on_something_unvouched(case, view.registry):
        return True
    since = turn.at - view.policy.page_hold_seconds
    told = signs(view).ids(TOLD, FLEET if is_systemic else case.product)
    return any(view.incidents[i].pages[0].at > since for i in told if i != case.id)


def _under_root(turn: Turn, found: Assessment, root: Incident) -> Turn:
    turn = _judged(turn, found)
    if is_in_doubt(turn.case):
        # The root's page says nothing of what was changed here. It is no root itself.
        return _escalate(turn.change(suspect=None), found)
    return hold(widened(turn, root), root.id)


def _told_now(turn: Turn, found: Assessment) -> Turn:
    turn = _escalate(_judged(turn, found), found)
    if found.radius is Radius.SYSTEMIC:
        return turn.emit(*held_back(turn, found))
    return turn


def _judged(turn: Turn, found: Assessment) -> Turn:
    return turn.change(
        radius=found.radius,
        suspect=found.suspect,
        radius_path=found.path,
        radius_doubt=found.doubt,
        held_by=None,
    )


def page_hold_over(turn: Turn) -> Turn:
    """The page has waited for a common cause long enough."""
    is_over = not turn.case.is_firing and not is_in_doubt(turn.case)
    if turn.case.state not in WAITING_STATES or is_over:
        return turn.then(Todo.REST)
    turn = silence(turn.then(Todo.MATCH))  # somebody may have silenced it while it waited
    return turn if turn.todo is Todo.REST else turn.then(Todo.ROUTE)


def _escalate(turn: Turn, found: Assessment) -> Turn:
    is_systemic = found.radius is Radius.SYSTEMIC
    reason = Reason.ROUTED_TO_PLATFORM if is_systemic else Reason.ROUTED_TO_BUILDER
    team = _team(turn, found)
    before = turn.case.reason
    turn = turn.move(Move.ESCALATE, routed_to=team, waiting=(), updated_at=turn.at)
    if before is None:
        turn = turn.change(reason=reason)
    turn = turn.note("route", reason, team)
    turn = turn.ledger(
        LedgerMove(incident_id=turn.case.id, state=LedgerState.ROUTED, reason=reason, at=turn.at)
    )
    return page(turn, team, found).then(Todo.REST)
