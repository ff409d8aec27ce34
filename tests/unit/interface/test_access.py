"""Who may do what: every route × every role × own, foreign and nobody's things, held against the
need each route was registered with."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from agent.core.matching import MatchIndex
from agent.interface.http.desk import Desk
from agent.interface.http.identity import PEOPLE, Doorkeeper
from agent.interface.http.needs import Need, NeedingRoute, Proof, Reach, need_of
from agent.interface.server import every_route
from agent.model.incident import Page
from agent.model.learning import (
    FollowUp,
    NearMissKind,
    NearMissRecord,
    Promotion,
    PromotionState,
)
from agent.model.own import OwnExample, OwnState, Slip
from agent.model.principal import LOCAL, Principal, Role
from agent.model.product import Entity, EntityKind
from agent.model.records import Breaker, ChangeRecord, Silence, SilenceMatcher
from agent.model.runbook import Match
from agent.model.signals import BlindSpot, BlindSpotKind, ChangeKind
from tests.support import cluster_shown
from tests.support.caller import Caller, calling
from tests.support.cases import runbook
from tests.support.facade import NOW, FakeFacade, burning, everyone, running

HOT = "/webhook/plain"
WHOSE = {"own": "pay", "foreign": "shop", "nobodys": None}
"""Seen by people limited to the product `pay`."""
OWN_WORD, FOREIGN_WORD = "own", "foreign"
KNOWN_OBJECTS = (
    "/follow-ups",
    "/incidents/{id}",
    "/members/{name}",
    "/promotions/{name}",
    "/runbooks/{name}",
    "/signals/{product}",
    "/silence/{id}",
)


def silence(whose: str) -> Silence:
    product = WHOSE[whose]
    name, value = ("product", product) if product else ("alertname", "Any")
    matcher = SilenceMatcher(name=name, value=value, is_regex=False, is_equal=True)
    return Silence(
        id=whose,
        matchers=(matcher,),
        starts_at=NOW,
        ends_at=NOW + 3600,
        created_by="ann",
        comment=whose,
        updated_at=NOW,
    )


def promotion(whose: str, product: str) -> Promotion:
    return Promotion(
        name=whose,
        state=PromotionState.PROPOSED,
        lifecycle="shadow",
        signature="s",
        recipe="r",
        product=product,
        alertname="Slow",
        incidents=("a",),
        resolvers=("ann",),
        document={"kind": "Runbook", "metadata": {"tier": "low"}},
        proposed_at=NOW,
    )


def follow_up(whose: str) -> FollowUp:
    return FollowUp(
        id=whose,
        incident=whose,
        product=WHOSE[whose],
        what="w",
        owner="ann",
        due_at=NOW,
        made_by="ann",
        made_at=NOW - 60,
    )


def own_state() -> OwnState:
    slips = [
        OwnExample(slip=Slip.WRONG, at=NOW, subject=whose, text="it came back", product=product)
        for whose, product in WHOSE.items()
    ]
    return OwnState(at=NOW, examples=tuple(slips))


def blind_spot(whose: str, product: str) -> BlindSpot:
    return BlindSpot(
        kind=BlindSpotKind.UNCOVERED,
        subject=whose,
        owner=f"team-{product}",
        product=product,
        text="no signal",
        remedy="declare one",
        since=NOW,
        last_at=NOW,
    )


def near_miss(whose: str) -> NearMissRecord:
    return NearMissRecord(
        incident=whose,
        runbook="r",
        kind=NearMissKind.GUARD_STOPPED,
        product=WHOSE[whose],
        at=NOW,
        would="x.y on z",
    )


@asynccontextmanager
async def world(token: str = "") -> AsyncIterator[tuple[FakeFacade, Caller]]:
    """One thing of each kind of each owner, named by whose it is; asked with this token."""
    facade = FakeFacade(principals=everyone() if token != "local" else None)
    async with running(facade) as (_, url), calling(url, token=token) as caller:
        await fill(facade)
        yield facade, caller


async def fill(facade: FakeFacade) -> None:
    books = [runbook("nobodys", owner="platform")]
    for whose, product in WHOSE.items():
        labels = {"whose": whose, "product": product or ""}
        called = Page(id=f"{whose}/page/1/c", to="ann", channel="c", at=NOW, text="")
        await facade.add(
            burning(whose, title=whose, product=product, labels=labels, pages=(called,))
        )
        facade.view.follow_ups = {**facade.view.follow_ups, whose: follow_up(whose)}
        facade.view.near_misses = {**facade.view.near_misses, whose: near_miss(whose)}
        facade.view.silences = {**facade.view.silences, whose: silence(whose)}
        if product is not None:
            made = promotion(whose, product)
            facade.view.promotions = {**facade.view.promotions, whose: made}
            owner = f"team-{product}"
            books.append(runbook(whose, owner=owner, match=Match(alert=("O",), product=product)))
            books.append(
                runbook(f"{whose}-a", owner=owner, match=Match(alert=("A",), product=product))
            )
            books.append(runbook(f"{whose}-b", owner=owner, match=Match(alert=("B",))))
            spot = blind_spot(whose, product)
            facade.view.blind_spots = {**facade.view.blind_spots, whose: spot}
            moved = ChangeRecord(
                product=product, entity=whose, what="w", by="x", at=NOW, kind=ChangeKind.RELEASE
            )
            facade.view.changes = {**facade.view.changes, whose: (moved,)}
        member = Entity(name=whose, kind=EntityKind.AGENT, product=product, owner=f"team-{whose}")
        entities = {**facade.view.registry.entities, whose: member}
        facade.view.registry = msgspec.structs.replace(facade.view.registry, entities=entities)
    facade.view.own = {"own": own_state()}
    facade.cluster = cluster_shown.state(
        *(
            cluster_shown.workload(f"{product}/deployment/{whose}", product=product)
            for whose, product in WHOSE.items()
            if product is not None
        ),
        nobodys=("shop/deployment/foreign-stray", "pay/deployment/stray"),
    )
    facade.view.runbooks = MatchIndex(books)
    facade.view.breakers = {f"{b.name} x.y": Breaker(runbook=b.name, use="x.y") for b in books}


def routes() -> Iterator[tuple[str, NeedingRoute, Need]]:
    facade = FakeFacade()
    for route in every_route(Desk(facade, Doorkeeper(facade)), [HOT]):
        for method in sorted((route.methods or set()) - {"HEAD"}):
            yield method, route, need_of(route)


PRINCIPALS: dict[str, Principal | None] = {"": None, "local": LOCAL, **everyone().tokens}


def expected(need: Need, who: Principal | None, whose: str) -> int | None:
    """The refusal, or None where the request is let through to what the route does."""
    if who is None:
        return 401
    if not need.admits(who):
        return 403
    if not who.products or whose == "own":
        return None
    if need.reach is Reach.OBJECT:
        return 404 if whose == "foreign" else 403 if need.changes else None
    return 403 if need.reach is Reach.SPOKEN else None


def body_of(path: str, whose: str) -> bytes | None:
    product = WHOSE[whose]
    if path == HOT:
        return json.dumps({"product": product} if product else {}).encode()
    if path.endswith("/run"):
        return b'{"use": "process.restart"}'
    if path == "/api/v1/follow-ups":
        new = {"incident": whose, "what": "w", "owner": "ann", "due": "2030-01-31"}
        return json.dumps(new).encode()
    if path == "/api/v2/silences":
        asked = silence(whose)
        return json.dumps(
            {
                "matchers": [
                    {"name": m.name, "value": m.value, "isRegex": False, "isEqual": True}
                    for m in asked.matchers
                ],
                "startsAt": "2030-01-01T00:00:00Z",
                "endsAt": "2031-01-01T00:00:00Z",
                "createdBy": "x",
                "comment": "c",
            }
        ).encode()
    return None


async def status_of(caller: Caller, method: str, path: str, body: bytes | None) -> int:
    """Of the head of the answer: streams have no end."""
    asked = caller.session.request(method, path, data=body, allow_redirects=False)
    async with asked as reply:
        return reply.status


@pytest.mark.parametrize("token", PRINCIPALS)
async def test_every_route_answers_each_role_as_its_need_says(token: str) -> None:
    """F-SEC-11: no id of another product is found by asking for it, whatever the role."""
    who = PRINCIPALS[token]
    wrong = []
    async with world(token) as (_, caller):
        for method, route, need in routes():
            if route.path == "/logout" or need.proof is not Proof.PRINCIPAL:
                continue  # what is signed: test_signatures.py, test_slack.py
            is_of_things = need.reach in (Reach.OBJECT, Reach.SPOKEN)
            for whose in WHOSE if is_of_things else ("own",):
                if whose == "nobodys" and re.search("/promotions/|{product}", route.path):
                    continue  # each promotion is about a product
                path = route.path.replace("{id}", whose).replace("{name}", whose)
                path = path.replace("{product}", WHOSE[whose] or "")
                status = await status_of(caller, method, path, body_of(route.path, whose))
                refused = expected(need, who, whose)
                is_right = status == refused if refused else status not in (401, 403, 500)
                if refused is None and is_of_things:
                    is_right = is_right and status != 404
                if not is_right:
                    wrong.append((method, path, f"{status}, not {refused or 'let through'}"))
    assert wrong == []


def test_every_object_of_a_route_is_in_the_world_of_the_matrix() -> None:
    """F-SEC-11: a new kind of thing has to be added above, or the matrix would walk past it."""
    for _, route, need in routes():
        if need.reach is Reach.OBJECT and need.proof is Proof.PRINCIPAL:
            assert any(part in route.path for part in KNOWN_OBJECTS), route.path


async def test_lists_leave_out_what_belongs_to_others() -> None:
    """F-SEC-11: the same list says both words to whoever may see all, and only one to others."""
    async with world() as (_, caller):
        for method, route, need in routes():
            if need.reach is not Reach.LISTED or route.path.endswith("/events"):
                continue
            texts = {}
            for token in ("viewer-token", "pay-viewer-token"):
                headers = {"Authorization": f"Bearer {token}"}
                reply = await caller.request(method, route.path, headers=headers)
                assert reply.status == 200, (route.path, reply.text)
                texts[token] = reply.text
            foreign = [
                w for w in (FOREIGN_WORD, "team-shop", '"shop"') if w in texts["viewer-token"]
            ]
            assert foreign, f"{route.path} shows nothing that could be left out"
            left = [w for w in foreign if w in texts["pay-viewer-token"]]
            assert left == [], route.path


def test_a_route_cannot_be_registered_without_its_need() -> None:
    with pytest.raises(TypeError, match="without a Need"):
        NeedingRoute("/x", lambda request: None, methods=["GET"], need=None)  # type: ignore[arg-type]


def test_nothing_that_changes_something_is_open_to_whoever_only_looks() -> None:
    """A GET changes nothing, and everything else says that it does and asks for a role."""
    for method, route, need in routes():
        if method == "GET":
            assert not need.changes, route.path
        elif route.path not in ("/login", "/logout"):
            assert need.changes, route.path
            assert need.roles != PEOPLE, route.path
            assert need.roles, route.path


async def test_a_foreign_silence_cannot_be_ended_by_replacing_it() -> None:
    """F-SEC-11: a silence that is posted with the id of another one ends that one."""
    asked = json.loads(body_of("/api/v2/silences", "own") or b"")
    async with world("pay-responder-token") as (facade, caller):
        for whose, status in (("foreign", 404), ("nobodys", 403), ("own", 200)):
            reply = await caller.post("/api/v2/silences", json={**asked, "id": whose})
            assert reply.status == status, reply.text
    ended = {i for i, s in facade.view.silences.items() if s.ends_at <= NOW}
    assert ended == {"own"}


async def test_whoever_is_limited_to_products_does_not_steer_the_whole_daemon() -> None:
    for token, status in (("pay-platform-token", 403), ("platform-token", 200)):
        async with world(token) as (_, caller):
            assert (await caller.post("/-/reload")).status == status


def roles_of(who: Principal) -> frozenset[Role]:
    return who.roles


def test_the_matrix_has_every_role_with_and_without_products() -> None:
    known = [who for who in PRINCIPALS.values() if who is not None and who is not LOCAL]
    assert {r for who in known if not who.products for r in roles_of(who)} == set(Role)
    assert {r for who in known if who.products for r in roles_of(who)} == set(Role)
    assert msgspec.structs.asdict(LOCAL)["products"] == frozenset()


def test_needs_say_themselves() -> None:
    said: dict[str, Any] = {route.path: need.sentence for _, route, need in routes()}
    assert said["/-/reload"].startswith("`platform` or `local`; only for those who are not")
    assert said["/metrics"] == "any role of people"
    assert said["/static/{name}"] == "anybody"
    assert said["/-/healthy"] == "any principal"
