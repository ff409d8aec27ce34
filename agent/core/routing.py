"""Who is told: nobody, the builder, or the platform team. The blast radius is the route.

A systemic failure pages the platform once; the incidents that stand on the same suspect are held
under it and released when it ends. A product's page waits a moment where the product stands on
something shared that nobody vouches for, so that the common cause can show first. Telling people
fails open: a page that cannot be delivered goes to the fallback channel as well.
"""

from __future__ import annotations

import msgspec

from agent.core.blast_radius import Assessment, assess, shared
from agent.core.diagnosis import default_calls, diagnose
from agent.core.lifecycle import Move
from agent.core.paging import compose, title_of
from agent.core.receiving import close_cleared
from agent.core.rollback import is_in_doubt
from agent.core.silence import silence
from agent.core.turn import Todo, Turn
from agent.core.view import Channel
from agent.model.command import Command, CommandKind
from agent.model.decision import LedgerMove, LedgerState
from agent.model.effect import OutcomeStatus
from agent.model.event import CommandFinished, Held, Released
from agent.model.incident import Incident, Page, Radius, State
from agent.model.reason import Reason

WAITING_STATES = (State.OPEN, State.DIAGNOSING)
FALLBACK = "fallback"
DEFAULT = "default"
FALLBACK_AFTER_ATTEMPTS = 3


def route(turn: Turn) -> Turn:
    """The stage: what nobody healed goes to the person whose it is."""
    if turn.todo is not Todo.ROUTE:
        return turn
    case = turn.case
    quiet = not case.is_firing and not case.is_gone_silent
    if quiet and not is_in_doubt(case):
        return close_cleared(turn)  # it went away while something was tried: nobody is woken
    if case.state is State.AWAITING_APPROVAL and case.approved_by is None:
        found = assess(case, turn.view)
        return page(turn, _team(turn, found), found).then(Todo.REST)
    if _wants_findings(turn):
        turn = diagnose(turn.change(after_diagnosis="route").then(Todo.DIAGNOSE))
        if turn.todo is not Todo.ROUTE:
            return turn
    found = assess(turn.case, turn.view)
    if found.radius is Radius.SYSTEMIC:
        return _systemic(turn, found)
    return _contained(turn, found)


def _wants_findings(turn: Turn) -> bool:
    case = turn.case
    return (
        not case.findings
        and case.after_diagnosis != "route"
        and turn.can(Move.DIAGNOSE)
        and bool(default_calls(turn))
    )


def _team(turn: Turn, found: Assessment) -> str:
    """Builder of the product, owner of an agent without one, else the platform team."""
    view, case = turn.view, turn.case
    if found.radius is Radius.SYSTEMIC:
        return view.policy.platform
    if case.product is not None and case.product in view.registry.products:
        return view.registry.products[case.product].builder
    entity = view.registry.entities.get(case.entity or "")
    return entity.owner if entity is not None else view.policy.platform


def _contained(turn: Turn, found: Assessment) -> Turn:
    case = turn.case
    hold = turn.view.policy.page_hold_seconds
    if (
        hold > 0
        and case.page_held_until is None
        and not is_in_doubt(case)
        and case.state in WAITING_STATES
        and _stands_on_something_unvouched(turn)
    ):
        turn = turn.change(page_held_until=turn.at + hold)
        turn = turn.note("route", Reason.PAGE_HELD, f"{hold:.0f} s")
        return turn.timer("page_hold", turn.at + hold).then(Todo.REST)
    turn = turn.change(radius=Radius.PRODUCT, suspect=None, radius_path=())
    return _escalate(turn, found, Reason.ROUTED_TO_BUILDER)


def _stands_on_something_unvouched(turn: Turn) -> bool:
    vouched = {
        str(name)
        for finding in turn.case.findings.values()
        if isinstance(finding.get("healthy"), list | tuple)
        for name in finding["healthy"]
    }
    return any(name not in vouched for name in shared(turn.view.registry, turn.case))


def _systemic(turn: Turn, found: Assessment) -> Turn:
    case = turn.case
    turn = turn.change(
        radius=Radius.SYSTEMIC, suspect=found.suspect, radius_path=found.path, held_by=None
    )
    root = _root(turn, found)
    if root is not None and not is_in_doubt(case):
        return hold(turn, root.id)
    if root is not None:
        # The root's page says nothing of what was changed here. It is no root itself.
        return _escalate(turn.change(suspect=None), found, Reason.ROUTED_TO_PLATFORM)
    turn = _escalate(turn, found, Reason.ROUTED_TO_PLATFORM)
    return turn.emit(*_held_back(turn, found))


def _root(turn: Turn, found: Assessment) -> Incident | None:
    """The open incident whose page already covers this suspect, or is about to."""
    if found.suspect is None:
        return None
    others = [
        other
        for other in turn.view.incidents.values()
        if other.id != turn.case.id and other.held_by is None and other.silenced_by is None
    ]
    paged = [o for o in others if o.suspect == found.suspect and o.pages]
    own = [o for o in others if o.entity == found.suspect and o.is_firing]
    return next(iter([*paged, *own]), None)


def _held_back(turn: Turn, found: Assessment) -> list[Held]:
    """Those below the suspect whose people were not told yet."""
    if found.suspect is None:
        return []
    return [
        Held(at=turn.at, subject=other.id, root=turn.case.id)
        for other in turn.view.incidents.values()
        if other.id != turn.case.id
        and other.held_by is None
        and not other.pages
        and other.state in WAITING_STATES
        and other.silenced_by is None
        and (other.entity == found.suspect or found.suspect in shared(turn.view.registry, other))
    ]


def hold(turn: Turn, root: str) -> Turn:
    """Held back under a systemic incident: nobody is paged for this one."""
    turn = turn.move(
        Move.ESCALATE,
        held_by=root,
        radius=Radius.SYSTEMIC,
        routed_to=turn.view.policy.platform,
        reason=Reason.HELD_UNDER_ROOT,
        reason_text=root,
        waiting=(),
        updated_at=turn.at,
    )
    turn = turn.ledger(
        LedgerMove(
            incident_id=turn.case.id,
            state=LedgerState.SUPPRESSED,
            reason=Reason.HELD_UNDER_ROOT,
            at=turn.at,
        )
    )
    turn = turn.timer("page_hold", None)
    return turn.note("route", Reason.HELD_UNDER_ROOT, root).then(Todo.REST)


def take_hold(turn: Turn) -> Turn:
    """The stage: another incident became the root of this one, or ended as such."""
    if turn.todo is not Todo.RECEIVE:
        return turn
    event, case = turn.event, turn.case
    if isinstance(event, Held):
        is_told = bool(case.pages) or case.held_by is not None or is_in_doubt(case)
        if is_told or case.state not in WAITING_STATES:
            return turn.then(Todo.REST)
        return hold(turn, event.root)
    if isinstance(event, Released):
        if case.held_by != event.root or not case.is_open:
            return turn.then(Todo.REST)
        due = turn.at + turn.view.policy.release_seconds
        return turn.timer("release", due).then(Todo.REST)
    return turn


def release(turn: Turn) -> Turn:
    """The release timer: the root is over and this one still burns. It starts anew."""
    case = turn.case
    if case.held_by is None or not case.is_firing or not turn.can(Move.RELEASE):
        return turn.then(Todo.REST)
    turn = turn.start_over(held_by=None, routed_to=None, radius=None, suspect=None, radius_path=())
    turn = turn.ledger(
        LedgerMove(
            incident_id=case.id,
            state=LedgerState.OPEN,
            reason=Reason.RELEASED_FROM_ROOT,
            at=turn.at,
            from_states=(LedgerState.SUPPRESSED,),
        )
    )
    return turn.note("released", Reason.RELEASED_FROM_ROOT).then(Todo.MATCH)


def page_hold_over(turn: Turn) -> Turn:
    """The page has waited for a common cause long enough."""
    is_over = not turn.case.is_firing and not is_in_doubt(turn.case)
    if turn.case.state not in WAITING_STATES or is_over:
        return turn.then(Todo.REST)
    turn = silence(turn.then(Todo.MATCH))  # somebody may have silenced it while it waited
    return turn if turn.todo is Todo.REST else turn.then(Todo.ROUTE)


def _escalate(turn: Turn, found: Assessment, reason: Reason) -> Turn:
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


def page(turn: Turn, team: str, found: Assessment) -> Turn:
    """Hands the page to every channel of the team."""
    by_team = turn.view.channels
    channels = by_team.get(team) or by_team.get(DEFAULT) or by_team.get(FALLBACK, ())
    text = compose(turn.case, turn.view, found)
    number = len({p.id.split("/")[2] for p in turn.case.pages}) + 1
    for channel in channels:
        turn = _send(turn, team, channel, text, number)
    return turn


def _send(turn: Turn, team: str, channel: Channel, text: str, number: int) -> Turn:
    case = turn.case
    name = f"{case.id}/page/{number}/{channel.id}"
    command = Command(
        id=name,
        key=name,
        kind=CommandKind.NOTIFY,
        subject=case.id,
        use=channel.use,
        params={
            "channel": channel.id,
            "to": team,
            "title": title_of(case),
            "text": text,
            "severity": case.severity,
        },
        product=case.product,
        timeout_seconds=30.0,
        created_at=turn.at,
    )
    sent = Page(id=name, to=team, channel=channel.use, at=turn.at, text=text)
    turn = turn.change(pages=(*case.pages, sent))
    return turn.command(command).note("page", Reason.PAGE_SENT, f"{team} by {channel.use}")


def take_receipt(turn: Turn) -> Turn:
    """The stage: a notifier came back. What was not delivered is sent again, and elsewhere."""
    event = turn.event
    if (
        turn.todo is not Todo.RECEIVE
        or not isinstance(event, CommandFinished)
        or event.command.kind is not CommandKind.NOTIFY
    ):
        return turn
    command, outcome = event.command, event.outcome
    if outcome.status is OutcomeStatus.DONE:
        turn = _mark(
            turn, command.key, delivered=True, detail=str(outcome.value.get("receipt", ""))
        )
        return turn.note("page", Reason.PAGE_DELIVERED, command.use).then(Todo.REST)
    retry = outcome.status in (OutcomeStatus.TEMPORARY, OutcomeStatus.UNKNOWN)
    if retry and command.attempt < turn.view.policy.page_retries and turn.case.is_open:
        after = outcome.after_seconds or min(2.0**command.attempt, 60.0)
        again = msgspec.structs.replace(
            command,
            id=f"{command.key}+{command.attempt + 1}",
            attempt=command.attempt + 1,
            not_before=turn.at + (0.0 if outcome.status is OutcomeStatus.UNKNOWN else after),
        )
        turn = turn.command(again)
        if command.attempt == FALLBACK_AFTER_ATTEMPTS:
            turn = _fall_back(turn, command)
        return turn.then(Todo.REST)
    turn = _mark(turn, command.key, delivered=False, detail=outcome.detail)
    turn = turn.note("page", Reason.PAGE_FAILED, f"{command.use}: {outcome.detail}"[:300])
    if turn.case.is_open:
        turn = _fall_back(turn, command)
    return turn.then(Todo.REST)


def _mark(turn: Turn, page_id: str, *, delivered: bool, detail: str) -> Turn:
    pages = tuple(
        msgspec.structs.replace(p, delivered=delivered, detail=detail[:200])
        if p.id == page_id
        else p
        for p in turn.case.pages
    )
    return turn.change(pages=pages)


def _fall_back(turn: Turn, command: Command) -> Turn:
    """The last channel: it must not depend on what just failed."""
    number = command.key.split("/")[2]
    told = {p.id.split("/", 3)[3] for p in turn.case.pages if p.id.split("/")[2] == number}
    for channel in turn.view.channels.get(FALLBACK, ()):
        if channel.id not in told and channel.id != command.params["channel"]:
            text, team = str(command.params["text"]), str(command.params["to"])
            turn = _send(turn, team, channel, text, int(number))
    return turn
