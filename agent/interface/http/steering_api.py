"""Ledger, runbooks, products, promotions and the stream of changes, for people's tools."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.matching import MatchIndex
from agent.interface.facade import Notice
from agent.interface.health import product_layers
from agent.interface.http.alertmanager_api import is_foreign
from agent.interface.http.desk import Desk, Why, belongs, require_on, words
from agent.interface.http.events import EventStream
from agent.interface.http.replies import Refused, json_reply
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.event import (
    PromotionDecided,
)
from agent.model.principal import Principal, Role
from agent.model.records import Promotion
from agent.model.runbook import Lifecycle, Runbook

APPROVABLE = (Lifecycle.ASSISTED.value, Lifecycle.ACTIVE.value)


class Decide(msgspec.Struct, forbid_unknown_fields=True):
    state: str = Lifecycle.ASSISTED.value
    why: str = ""


async def ledger(desk: Desk, _request: Request, _who: Principal) -> Response:
    totals = await desk.facade.store.totals()
    return json_reply({**msgspec.structs.asdict(totals), "balanced": totals.balanced})


def loaded_runbooks(desk: Desk) -> tuple[Runbook, ...]:
    index = desk.facade.view.runbooks
    return index.runbooks if isinstance(index, MatchIndex) else ()


def may_read(desk: Desk, runbook: Runbook, who: Principal) -> bool:
    """Not those written for others: by the product they match, or by who owns them, where that
    team builds products and none of this person's."""
    if not who.products:
        return True
    if runbook.match.product is not None:
        return runbook.match.product in who.products
    built = {
        p.name for p in desk.facade.view.registry.products.values() if p.builder == runbook.owner
    }
    return not built or not built.isdisjoint(who.products)


async def runbooks(desk: Desk, _request: Request, who: Principal) -> Response:
    return json_reply(
        [
            {
                "name": r.name,
                "owner": r.owner,
                "layer": r.layer.value if r.layer is not None else None,
                "tier": r.tier,
                "state": r.lifecycle.value,
                "alert": list(r.match.alert),
                "plans": [p.name for p in r.plans],
                "meaning": r.meaning,
                "path": r.path,
                "digest": r.digest,
            }
            for r in sorted(loaded_runbooks(desk), key=lambda r: r.name)
            if may_read(desk, r, who)
        ]
    )


async def products(desk: Desk, _request: Request, who: Principal) -> Response:
    view = desk.facade.view
    return json_reply(
        [
            {
                "name": product.name,
                "builder": product.builder,
                "owner": product.owner,
                "tier": product.tier,
                "lifecycle": product.lifecycle,
                "regulated": product.regulated,
                "description": product.description,
                "depends_on": list(product.depends_on),
                "leadership_metric": msgspec.to_builtins(product.leadership_metric),
                "slos": msgspec.to_builtins(product.slos),
                "runbooks": list(product.runbooks),
                "min_available": msgspec.to_builtins(product.floor),
                "layers": {h.layer.value: h.as_json() for h in product_layers(view, product.name)},
                "entities": [
                    {
                        "name": e.name,
                        "kind": e.kind.value,
                        "owner": e.owner,
                        "depends_on": list(e.depends_on),
                        "dependencies": msgspec.to_builtins(e.edges),
                        "failure_domain": e.failure_domain,
                        "replica_of": e.replica_of,
                    }
                    for e in view.registry.entities_of(product.name)
                ],
            }
            for product in view.registry.products.values()
            if belongs(who, product.name)
        ]
    )


def promotion_json(promotion: Promotion) -> dict[str, Any]:
    return {
        **msgspec.to_builtins(promotion),
        "proposed_at": rfc3339(promotion.proposed_at),
        "decided_at": rfc3339_or_none(promotion.decided_at),
    }


async def promotions(desk: Desk, _request: Request, who: Principal) -> Response:
    found = desk.facade.view.promotions.values()
    return json_reply([promotion_json(p) for p in found if belongs(who, p.product)])


def promotion_of(desk: Desk, name: str, who: Principal) -> Promotion:
    found = desk.facade.view.promotions.get(name)
    if found is None or not belongs(who, found.product):
        raise Refused(404, f"no promotion {name}", remedy="see GET /api/v1/promotions")
    return found


async def one_promotion(desk: Desk, request: Request, who: Principal) -> Response:
    return json_reply(promotion_json(promotion_of(desk, request.path_params["name"], who)))


async def decide_promotion(
    desk: Desk, name: str, who: Principal, *, state: str, why: str
) -> Promotion:
    promotion = promotion_of(desk, name, who)
    require_on(who, Role.APPROVER, promotion.product)
    await desk.ask(
        PromotionDecided(
            at=desk.facade.now(),
            subject=promotion.name,
            who=who.name,
            state=state,
            why=words(why),
        )
    )
    return promotion_of(desk, name, who)


async def approve_promotion(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Decide)
    if asked.state not in APPROVABLE:
        raise Refused(400, f"no state {asked.state!r}", remedy="assisted or active")
    decided = await decide_promotion(
        desk, request.path_params["name"], who, state=asked.state, why=asked.why
    )
    return json_reply(promotion_json(decided))


async def reject_promotion(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Why)
    decided = await decide_promotion(
        desk, request.path_params["name"], who, state="rejected", why=asked.why
    )
    return json_reply(promotion_json(decided))


async def events(desk: Desk, _request: Request, who: Principal) -> Response:
    return EventStream(seen_by(desk, who), desk.closing)


async def seen_by(desk: Desk, who: Principal) -> AsyncIterator[Notice]:
    """The notices but those about what this person does not belong to. Whoever is limited to
    products hears only of what is known to be theirs: ids and names say something too."""
    async for notice in desk.facade.subscribe():
        if not who.products or await _is_theirs(desk, notice, who):
            yield notice


async def _is_theirs(desk: Desk, notice: Notice, who: Principal) -> bool:
    view, key = desk.facade.view, notice.subject
    if notice.kind == "incident":
        # One that has just ended is not in the view any more.
        incident = view.incidents.get(key) or await desk.facade.store.incident(key)
        return incident is not None and belongs(who, incident.product)
    if notice.kind == "promotion":
        return key in view.promotions and belongs(who, view.promotions[key].product)
    if notice.kind == "silence":
        return key in view.silences and not is_foreign(view.silences[key].matchers, who)
    if notice.kind == "agent":
        entity = view.registry.entities.get(key)
        return entity is not None and entity.product in who.products
    return notice.kind == "measure" and key in who.products
