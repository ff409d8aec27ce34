"""A proposal as people judge it: the runbook, the incidents behind it, what it would have done, and
who may decide. Pure functions over the view; the API, the command line and the console show the
same of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import unified_diff
from typing import Any

import msgspec

from agent.catalog.draft import draft
from agent.core.promotion import fingerprint_of
from agent.core.view import View
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.learning import Backtested, Deed, Harm, Promotion, Resolution

Sees = Callable[[str | None], bool]
"""Whether whoever asks may know of what belongs to a product."""
MOST_CONTRAST = 20


def products_of(promotion: Promotion) -> frozenset[str]:
    """Those its incidents are of; empty where they belong to none."""
    named = (promotion.product,) if promotion.product is not None else ()
    return frozenset(promotion.products or named)


def in_short(promotion: Promotion, view: View, sees: Sees) -> dict[str, Any]:
    """As stored, with times people can read. Incidents of products that are not this person's are
    left out, and counted."""
    document, untold = _readable(promotion, view, sees)
    body: dict[str, Any] = msgspec.to_builtins(promotion)
    contrast = [i for i in promotion.contrast if _is_seen(i, view, sees)]
    hidden = len(promotion.contrast) - len(contrast)
    body |= {
        "document": document,
        "tests_hidden": untold,
        "proposed_at": rfc3339(promotion.proposed_at),
        "decided_at": rfc3339_or_none(promotion.decided_at),
        "unanswered": [f"{ask.step}.{ask.param}" for ask in promotion.unanswered],
        "contrast": contrast,
        "contrast_hidden": hidden,
    }
    if promotion.reason is not None and (hidden or not promotion.reason_text):
        # The text names incidents.
        body["reason_text"] = promotion.reason.sentence
    if promotion.delivered is not None:
        body["delivered"]["at"] = rfc3339(promotion.delivered.at)
    if promotion.backtest is not None:
        body["backtest"] = _backtest_json(promotion.backtest, view, sees)
    return body


def in_full(promotion: Promotion, view: View, sees: Sees) -> dict[str, Any]:
    """With its text, what it replaces, and each incident behind it."""
    body = in_short(promotion, view, sees)
    return body | {
        "fingerprint": fingerprint_of(promotion),
        "yaml": draft(body["document"]),
        "diff": diff_of(promotion, view, sees),
        "incidents_detail": [ended(i, view) for i in promotion.incidents],
        "contrast_detail": [ended(i, view) for i in body["contrast"][:MOST_CONTRAST]],
        "may_not_decide": list(promotion.resolvers),
        "may_decide": may_decide(promotion, view),
    }


def _is_seen(incident_id: str, view: View, sees: Sees) -> bool:
    """An incident that nothing is known of any more may be anybody's."""
    found = view.resolutions.get(incident_id)
    if found is None:
        return sees("")
    return found.product is None or sees(found.product)


def may_decide(promotion: Promotion, view: View) -> list[str] | None:
    """Everybody with the role approver for all of its products who resolved none of its incidents;
    where the platform decides, those not limited to products (which of them have its role only the
    token file says: http/promotions_api.py). None where people are not told
    apart."""
    known = view.approvers
    if known is None:
        return None
    products: Iterable[str] = products_of(promotion) or ("",)
    if promotion.decider == view.policy.platform:
        products = (*products, "")
    able = frozenset.intersection(*(frozenset(known.get(p, ())) for p in products))
    return sorted(able - set(promotion.resolvers))


def without_foreign_reason(promotion: Promotion, view: View, sees: Sees) -> Promotion:
    """Its reason names incidents: where some are not this person's, only the kind of it is told."""
    if promotion.reason is None or all(_is_seen(i, view, sees) for i in promotion.contrast):
        return promotion
    return msgspec.structs.replace(promotion, reason_text="")


def _readable(promotion: Promotion, view: View, sees: Sees) -> tuple[dict[str, Any], int]:
    """The runbook without the tests made of incidents that are not this person's (they hold labels
    and findings), and how many those are."""
    document: dict[str, Any] = msgspec.to_builtins(promotion.document)
    foreign = [i for i in promotion.contrast if not _is_seen(i, view, sees)]
    tests = document.get("tests")
    if not foreign or not isinstance(tests, list):
        return document, 0
    kept = [t for t in tests if not any(i in str(t.get("name")).split() for i in foreign)]
    return {**document, "tests": kept}, len(tests) - len(kept)


def diff_of(promotion: Promotion, view: View, sees: Sees = lambda _product: True) -> str:
    """Unified, against the learned runbook it replaces; empty where it replaces none."""
    before = view.promotions.get(promotion.replaces) if promotion.replaces else None
    if before is None:
        return ""
    return "".join(
        unified_diff(
            draft(_readable(before, view, sees)[0]).splitlines(keepends=True),
            draft(_readable(promotion, view, sees)[0]).splitlines(keepends=True),
            fromfile=f"{before.name}.yaml",
            tofile=f"{promotion.name}.yaml",
        )
    )


def _backtest_json(backtest: Backtested, view: View, sees: Sees) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(backtest)
    seen = [harm for harm in backtest.harm if _is_seen(harm.incident, view, sees)]
    return {
        **body,
        "at": rfc3339(backtest.at),
        "harm": [_harm_json(harm) for harm in seen],
        "harm_count": max(backtest.harm_count, len(backtest.harm)),
    }


def _harm_json(harm: Harm) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(harm)
    return {**body, "at": rfc3339(harm.at)}


def ended(incident_id: str, view: View) -> dict[str, Any]:
    """How one incident ended; only its id where that is not kept any more."""
    found = view.resolutions.get(incident_id)
    if found is None:
        return {"id": incident_id, "is_known": False}
    return {
        "id": incident_id,
        "is_known": True,
        "product": found.product,
        "entity": found.entity,
        "alertname": found.alertname,
        "fired_at": rfc3339(found.fired_at),
        "cleared_at": rfc3339_or_none(found.cleared_at),
        "who": found.who,
        "by": list(found.by),
        "deeds": [deed_json(deed) for deed in found.deeds],
        "seconds_to_clear": seconds_to_clear(found),
        "minutes": found.minutes,
        "cause": found.cause,
        "cause_kind": found.cause_kind.value,
        "page_useful": found.page_useful,
        "pages": found.pages,
        "credit": found.credit.value,
        "credit_why": found.credit_why,
    }


def deed_json(deed: Deed) -> dict[str, Any]:
    return {
        "use": deed.use,
        "with": dict(deed.params),
        "target": deed.target,
        "by": deed.by,
        "mark": deed.mark.value,
        "at": rfc3339_or_none(deed.began_at),
        "origins": {name: list(known) for name, known in deed.origins.items()},
    }


def seconds_to_clear(resolution: Resolution) -> float | None:
    """From when the last deed began to when the alert ended; None where one of them is not known,
    or it ended first."""
    began = last_began(resolution.deeds)
    if began is None or resolution.cleared_at is None or resolution.cleared_at < began:
        return None
    return resolution.cleared_at - began


def last_began(deeds: Iterable[Deed]) -> float | None:
    return max((deed.began_at for deed in deeds if deed.began_at is not None), default=None)


def did(deeds: Iterable[Mapping[str, Any]]) -> str:
    """What was done, in one line: `process.restart on web, process.flush on web (told)`."""
    return ", ".join(
        deed["use"]
        + (f" on {deed['target']}" if deed["target"] else "")
        + (" (told)" if deed["mark"] == "told" else "")
        for deed in deeds
    )


def in_minutes(seconds: float | None) -> str:
    """`1.5 min`; what is shorter than a minute in seconds; a dash where it is not known."""
    if seconds is None:
        return "-"
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.3g} min"
