"""Ledger, products, what is loaded and the stream of changes, for people's tools."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.matching import MatchIndex
from agent.interface.facade import Notice
from agent.interface.health import product_layers
from agent.interface.http.alertmanager_api import is_foreign
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.events import EventStream
from agent.interface.http.promotions_api import sees
from agent.interface.http.replies import json_reply
from agent.model.principal import Principal
from agent.model.runbook import Runbook


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
        return key in view.promotions and sees(who, view.promotions[key])
    if notice.kind == "follow_up":
        return key in view.follow_ups and belongs(who, view.follow_ups[key].product)
    if notice.kind == "near_miss":
        return key in view.near_misses and belongs(who, view.near_misses[key].product)
    if notice.kind == "silence":
        return key in view.silences and not is_foreign(view.silences[key].matchers, who)
    if notice.kind == "agent":
        entity = view.registry.entities.get(key)
        return entity is not None and entity.product in who.products
    return notice.kind == "measure" and key in who.products
