"""What came of trying a proposal out, and of writing it where people keep their runbooks."""

from __future__ import annotations

import msgspec

from agent.core.proposed_document import plain
from agent.core.proposed_since import against_at_trial
from agent.core.proposing import LONGEST, MOST_NAMED, entry_of, record_of
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.event import Announced, PromotionDelivered, PromotionTried
from agent.model.learning import Promotion, PromotionState
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle


def take_trial(event: PromotionTried, view: View) -> Decision:
    """It was checked, tested and tried against the journal: shown to people, or refused. What still
    has to be answered may keep it from passing; people see that as well."""
    tried = view.promotions.get(event.subject)
    if tried is None or tried.state is not PromotionState.TRYING:
        return Decision()
    if event.document and event.document != tried.document:
        return Decision()  # it was answered meanwhile: what was tried is not what it is now
    faults = tuple(plain(fault) for fault in event.faults[:MOST_NAMED])
    tried = msgspec.structs.replace(tried, faults=faults, backtest=event.backtest)
    if faults and any(a.answered_by is not None for a in tried.asks):
        return _asked_anew(tried, faults, at=event.at)
    if faults and not tried.unanswered:
        refused = msgspec.structs.replace(
            tried,
            state=PromotionState.REFUSED,
            lifecycle=Lifecycle.DRAFT.value,
            reason=Reason.PROMOTION_FAULTY,
            reason_text=faults[0],
        )
        entry = entry_of(refused, Reason.PROMOTION_FAULTY, faults[0], at=event.at)
        return Decision(journal=(entry,), records=(record_of(refused),))
    against = against_at_trial(tried, event.backtest, view)
    proposed = msgspec.structs.replace(
        tried,
        state=PromotionState.PROPOSED,
        is_clean=not against and len(tried.incidents) >= view.policy.learning.at_once,
        not_clean=against,
        reason=Reason.PARAMETER_WITHOUT_ORIGIN if tried.unanswered else None,
        reason_text=_asked(tried),
    )
    decision = Decision(
        journal=(entry_of(proposed, Reason.PROMOTION_PROPOSED, _in_short(proposed), at=event.at),),
        records=(record_of(proposed),),
        emits=(_announced(proposed, at=event.at),),
    )
    return decision.also(_superseded(proposed, view, at=event.at))


def _asked_anew(tried: Promotion, faults: tuple[str, ...], *, at: float) -> Decision:
    """It does not pass with what was answered: one slip of a finger must not end a proposal."""
    asks = tuple(msgspec.structs.replace(a, answer=None, answered_by=None) for a in tried.asks)
    text = f"with what was answered it does not pass: {faults[0]}"[:LONGEST]
    anew = msgspec.structs.replace(
        tried,
        state=PromotionState.PROPOSED,
        lifecycle=Lifecycle.DRAFT.value,
        asks=asks,
        is_clean=False,
        reason=Reason.PARAMETER_WITHOUT_ORIGIN,
        reason_text=text,
    )
    entry = entry_of(anew, Reason.PARAMETER_WITHOUT_ORIGIN, text, at=at)
    return Decision(journal=(entry,), records=(record_of(anew),))


def _asked(promotion: Promotion) -> str:
    asks = ", ".join(plain(f"{a.step}.{a.param}", longest=80) for a in promotion.unanswered)
    return f"nothing says what these have to be: {asks}"[:LONGEST] if asks else ""


def _in_short(promotion: Promotion) -> str:
    told = f"from {', '.join(promotion.incidents[-5:])}; {promotion.decider} decides"
    if promotion.unanswered:
        return f"{told}, and has to answer {len(promotion.unanswered)} questions first"
    return f"{told}{'; it may be made active at once' if promotion.is_clean else ''}"


def _announced(promotion: Promotion, *, at: float) -> Announced:
    lines = [
        f"{promotion.name}: a runbook written from {', '.join(promotion.incidents[-5:])}.",
        f"You decide because {promotion.decider_why}; not {', '.join(promotion.resolvers[:5])}.",
        _asked(promotion) or f"homeostat promotions show {promotion.name}",
    ]
    return Announced(
        at=at,
        subject=promotion.incidents[-1],
        team=promotion.decider,
        title=plain(f"a runbook is proposed for {promotion.alertname}", longest=150),
        text="\n".join(lines),
    )


def _superseded(promotion: Promotion, view: View, *, at: float) -> Decision:
    """One that nobody has approved yet makes room at once: both would match the same alerts."""
    before = view.promotions.get(promotion.replaces)
    if before is None or before.state not in (PromotionState.TRYING, PromotionState.PROPOSED):
        return Decision()
    text = f"{promotion.name} has this remedy as well, and another one for the same alerts"
    over = msgspec.structs.replace(
        before,
        state=PromotionState.REFUSED,
        lifecycle=Lifecycle.RETIRED.value,
        is_clean=False,
        reason=Reason.PROMOTION_REFUSED,
        reason_text=text,
    )
    entry = entry_of(over, Reason.PROMOTION_REFUSED, text, at=at)
    return Decision(journal=(entry,), records=(record_of(over),))


def take_delivery(event: PromotionDelivered, view: View) -> Decision:
    """The approved runbook was written, or could not be. What goes wrong again in the same way is
    told once."""
    promotion = view.promotions.get(event.subject)
    if promotion is None or promotion.state is not PromotionState.APPROVED:
        return Decision()
    before, now = promotion.delivered, event.delivered
    error = plain(now.error)
    now = msgspec.structs.replace(now, error=error)
    record = record_of(msgspec.structs.replace(promotion, delivered=now))
    if error and before is not None and before.error == error:
        return Decision(records=(record,))
    reason = Reason.PROMOTION_NOT_DELIVERED if error else Reason.PROMOTION_DELIVERED
    where = f"{now.branch} {now.commit[:12]}".strip() or now.path
    entry = entry_of(promotion, reason, error or plain(where), at=event.at)
    return Decision(journal=(entry,), records=(record,))
