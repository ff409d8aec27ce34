"""What people say to a proposal: approved or rejected, by somebody who resolved none of its
incidents.

Approved, it is assisted: a person clicks. It runs alone at once only where it is clean, and
otherwise once it has proven itself; what can break much never does. The record says on whose word.
"""

from __future__ import annotations

import hashlib

import msgspec

from agent.core.deciders import NOBODY, folded, regulated_of
from agent.core.proposed_document import plain, review_by
from agent.core.proposed_since import beside_now, spoken_since, withdrawn
from agent.core.proposing import LIVE, audit_of, entry_of, recipes_of, record_of
from agent.core.suspending import KIND as STANDING
from agent.core.trust import is_bad, is_harmful, named, proof_of_trust, standing_of
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import PromotionDecided
from agent.model.learning import Promotion, PromotionState
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle

DECIDABLE = (Lifecycle.ASSISTED.value, Lifecycle.ACTIVE.value)
REJECTED = PromotionState.REJECTED.value
LONGEST = 300


def decide_promotion(event: PromotionDecided, view: View) -> Decision:
    """A person decides about a proposal: somebody else than those who resolved. Two people, where
    its product is regulated or too few resolved it; one is enough to say no."""
    promotion = view.promotions.get(event.subject)
    if promotion is None:
        return _no(f"there is no proposal {plain(event.subject, longest=80)}")
    refused = _may_not_be_decided(promotion, event) or _may_not_decide(promotion, event, view)
    if refused is None and event.state != REJECTED:
        refused = _is_another(promotion, event) or _may_not_run(promotion, event, view)
    if refused is not None:
        return refused
    if event.state == REJECTED:
        return _decided(promotion, event, REJECTED, (event.who,), view)
    pending = promotion.approvals if promotion.wanted else ()
    wanted = _lesser(promotion.wanted, event.state) if pending else event.state
    approvals = (*pending, event.who)
    if len(approvals) < needed_of(promotion, view):
        return _first(promotion, event, approvals, needed_of(promotion, view))
    answered = {a.answered_by for a in promotion.asks if a.answered_by is not None}
    if regulated_of(promotion.products, view) and folded(approvals) <= folded(answered):
        text = "who answered what it asked for does not approve it alone: somebody else has to"
        return _not_allowed(text)
    return _decided(promotion, event, wanted, approvals, view)


def fingerprint_of(promotion: Promotion) -> str:
    """Of the text of the runbook: whoever answers what it asks changes it. 16 hex digits."""
    text = msgspec.json.encode(promotion.document, order="sorted")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _is_another(promotion: Promotion, event: PromotionDecided) -> Decision | None:
    """Whether it became something else since this person looked at it."""
    if not event.shown or event.shown == fingerprint_of(promotion):
        return None
    return _no(f"{promotion.name} is not what it was when you looked at it: look again")


def needed_of(promotion: Promotion, view: View) -> int:
    """How many people have to approve. It may be from before its product was regulated."""
    products = promotion.products or (promotion.product,)
    return max(promotion.needed, 2 if regulated_of(products, view) else 1)


def _may_not_be_decided(promotion: Promotion, event: PromotionDecided) -> Decision | None:
    """Whether this can be asked of the proposal as it is."""
    name, state = promotion.name, promotion.state
    if event.state not in (*DECIDABLE, REJECTED):
        wrong = plain(event.state, longest=40)
        return _no(f"{wrong} is no decision: say {', '.join(DECIDABLE)} or {REJECTED}")
    if state is PromotionState.TRYING:
        return _no(f"{name} is still tried out; try again in a moment")
    if state not in (PromotionState.PROPOSED, PromotionState.APPROVED):
        why = f": {promotion.reason_text}" if promotion.reason_text else ""
        return _no(f"{name} is {state.value}{why}")
    if promotion.lifecycle in (event.state, Lifecycle.RETIRED.value):
        return _no(f"{name} is {promotion.lifecycle}")
    if promotion.lifecycle == Lifecycle.ACTIVE.value and event.state != REJECTED:
        return _no(f"{name} is active; to take it back, suspend it or reject it")
    return None


def _may_not_decide(promotion: Promotion, event: PromotionDecided, view: View) -> Decision | None:
    """Whether this person is one who may not."""
    who = folded([event.who])
    if who & folded(promotion.resolvers):
        shown = ", ".join(promotion.incidents[-5:])
        return _not_allowed(f"{event.who} resolved one of {shown}; somebody else decides")
    if who & folded(NOBODY):
        return _not_allowed("a person has to decide, under their own name")
    is_for_platform = promotion.decider == view.policy.platform
    if is_for_platform and not event.is_platform:
        return _not_allowed(f"the platform decides, because {promotion.decider_why}")
    if event.state != REJECTED and promotion.wanted and who & folded(promotion.approvals):
        return _not_allowed(f"{event.who} has approved already; a second person has to as well")
    return None


def _may_not_run(promotion: Promotion, event: PromotionDecided, view: View) -> Decision | None:
    """Whether it may not do what is asked for it."""
    if promotion.unanswered:
        asks = ", ".join(plain(f"{a.step}.{a.param}", longest=80) for a in promotion.unanswered)
        text = f"nothing says what these have to be: {asks}"[:LONGEST]
        return Decision(refused=Reason.PARAMETER_WITHOUT_ORIGIN, refused_text=text)
    ground = _lost_ground(promotion, view)
    if ground is not None:
        return ground
    if event.state != Lifecycle.ACTIVE.value:
        return None
    name = promotion.name
    tier = str(promotion.document.get("metadata", {}).get("tier", "high"))
    if tier == "high":
        text = f"{name} can break much (tier high): it stays behind approval"
        return Decision(refused=Reason.TRIALS_MISSING, refused_text=text)
    since = spoken_since(promotion, view)
    against = (*_spoken_against(promotion, view), *since)
    if promotion.is_clean and not against:
        return None
    runbook = named(name, view)
    if runbook is not None:
        proof = proof_of_trust(_without(view, since), name, tier, runbook.digest)
        if proof.is_proven:
            return None
        against = (*against, proof.told)
    why = "; ".join((*promotion.not_clean, *against)) or "it has not run yet"
    text = f"{name} may be assisted, not yet active: {why}"
    return Decision(refused=Reason.TRIALS_MISSING, refused_text=text[: 2 * LONGEST])


def _lost_ground(promotion: Promotion, view: View) -> Decision | None:
    """Whether what it was made of does not stand any more, or it would hinder another one."""
    gone = withdrawn(promotion, view)
    if gone and len(promotion.incidents) - len(gone) < view.policy.resolutions_needed:
        text = f"{', '.join(gone[-5:])} was told otherwise since: too few speak for it"
        return Decision(refused=Reason.TRIALS_MISSING, refused_text=text[:LONGEST])
    ties = beside_now(promotion, view).ties
    if ties:
        text = f"it matches the same alerts as {', '.join(ties[:5])}, and neither says more"
        return _no(f"{text}: nothing would be done by either")
    return None


def _without(view: View, since: tuple[str, ...]) -> View:
    """Where something speaks against it, nothing but its trials proves it."""
    return msgspec.structs.replace(view, promotions={}) if since else view


def _spoken_against(promotion: Promotion, view: View) -> tuple[str, ...]:
    """What it has done, or would have done, since: being clean when it was proposed is no word for
    what went wrong after."""
    standing = standing_of(promotion.name, view)
    if standing.is_suspended:
        return (f"it is suspended: {plain(standing.why)}",)
    bad = [t.incident for t in standing.trials if is_harmful(t) or is_bad(t)]
    return (f"it did not hold, or would have done something else, in {bad[-1]}",) if bad else ()


def _lesser(one: str, other: str) -> str:
    """What both agree to."""
    return one if DECIDABLE.index(one) <= DECIDABLE.index(other) else other


def _first(
    promotion: Promotion, event: PromotionDecided, approvals: tuple[str, ...], needed: int
) -> Decision:
    lesser = _lesser(promotion.wanted, event.state) if promotion.wanted else event.state
    waiting = msgspec.structs.replace(promotion, approvals=approvals, wanted=lesser)
    left = needed - len(approvals)
    text = f"{event.state}, on the word of {event.who}; {left} more have to approve: {_why(event)}"
    entry = _entry(waiting, Reason.SECOND_APPROVAL_NEEDED, text, event, approvals)
    return Decision(journal=(entry,), records=(record_of(waiting),))


def _decided(
    promotion: Promotion,
    event: PromotionDecided,
    state: str,
    approvals: tuple[str, ...],
    view: View,
) -> Decision:
    approve = state != REJECTED
    decided = msgspec.structs.replace(
        promotion,
        state=PromotionState.APPROVED if approve else PromotionState.REJECTED,
        lifecycle=state if approve else Lifecycle.RETIRED.value,
        document=_document(promotion, event, state, view) if approve else promotion.document,
        reason=None,
        reason_text="",
        approvals=approvals if approve else (),
        wanted="",
        decided_at=event.at,
        decided_by=event.who,
        why=_why(event),
        delivered=promotion.delivered if not approve else None,
    )
    reason = Reason.PROMOTION_APPROVED if approve else Reason.PROMOTION_REJECTED
    text = f"{state}, on the word of {' and '.join(approvals)}: {_why(event)}"
    entry = _entry(decided, reason, text, event, approvals)
    decision = Decision(journal=(entry,), records=(record_of(decided),))
    if approve:
        return decision.also(_retired(decided, view, at=event.at))
    return decision.also(_taken_out(promotion, event, view))


def _taken_out(promotion: Promotion, event: PromotionDecided, view: View) -> Decision:
    """One that was in force does nothing from now on, also in incidents that have it in hand, and
    where people keep a copy of it: an incident holds on to the version it was matched with."""
    standing = standing_of(promotion.name, view)
    if promotion.state is not PromotionState.APPROVED or standing.is_suspended:
        return Decision()
    back = f"if it is to run after all: homeostat runbooks resume {promotion.name} --why ..."
    out = msgspec.structs.replace(
        standing,
        suspended_at=event.at,
        reason=Reason.SUSPENDED_BY_PERSON,
        why=f"{event.who} rejected it: {_why(event)}".removesuffix(": "),
        brings_back=back,
    )
    return Decision(records=(Record(kind=STANDING, key=promotion.name, body=out),))


def _document(
    promotion: Promotion, event: PromotionDecided, state: str, view: View
) -> dict[str, object]:
    document = dict(promotion.document)
    document["lifecycle"] = {
        **document.get("lifecycle", {}),
        "state": state,
        "review_by": review_by(event.at, view.policy),
    }
    return document


def _retired(promotion: Promotion, view: View, *, at: float) -> Decision:
    """Learned runbooks for the same alerts whose remedies this one has as well: they would tie."""
    decision = Decision()
    mine = set(recipes_of(promotion))
    for other in view.promotions.values():
        is_same = other.signature == promotion.signature and other.product == promotion.product
        if other.name == promotion.name or not is_same or other.state not in LIVE:
            continue
        if other.lifecycle == Lifecycle.RETIRED.value or not set(recipes_of(other)) <= mine:
            continue
        text = f"{promotion.name} has its remedies as well, and is approved"
        over = msgspec.structs.replace(other, lifecycle=Lifecycle.RETIRED.value, reason_text=text)
        if other.state is not PromotionState.APPROVED:
            over = msgspec.structs.replace(
                over, state=PromotionState.REFUSED, reason=Reason.PROMOTION_REFUSED
            )
        entry = entry_of(over, Reason.PROMOTION_REFUSED, text, at=at)
        decision = decision.also(Decision(journal=(entry,), records=(record_of(over),)))
    return decision


def _entry(
    promotion: Promotion,
    reason: Reason,
    text: str,
    event: PromotionDecided,
    approvals: tuple[str, ...],
) -> JournalEntry:
    said = {"state": event.state, "approvals": list(approvals), "needed": promotion.needed}
    entry = entry_of(promotion, reason, text.removesuffix(": "), at=event.at)
    return msgspec.structs.replace(entry, who=event.who, data={**audit_of(promotion), **said})


def _why(event: PromotionDecided) -> str:
    return plain(event.why.strip(), longest=LONGEST)


def _no(text: str) -> Decision:
    return Decision(refused=Reason.MOVE_REFUSED, refused_text=text[:LONGEST])


def _not_allowed(text: str) -> Decision:
    return Decision(refused=Reason.NOT_ALLOWED, refused_text=text[:LONGEST])
