"""What is known of a cluster: who made what, to whom it belongs, and what followers are told."""

from __future__ import annotations

import asyncio

import pytest

from agent.model.cluster import ClusterPlace
from agent.model.product import Entity, EntityKind, Registry
from agent.ports.cluster_objects import Kept
from agent.runtime import cluster_keeping
from agent.runtime.cluster_keeping import Keeping
from tests.support.watched import deployment, kept, pod, replica_set


def registry(*places: ClusterPlace, name: str = "web") -> Registry:
    entity = Entity(
        name=name, kind=EntityKind.SERVICE, product="shop", owner="team-shop", places=places
    )
    return Registry(entities={name: entity})


WEB = ClusterPlace(namespace="shop", kind="deployment", name="web")


def shop() -> tuple[Kept, Kept, Kept]:
    web = deployment()
    one = replica_set(web, 1)
    return web, one, pod(owner=one)


def keeping(*things: Kept, of: Registry | None = None) -> Keeping:
    made = Keeping(lambda: of or registry(WEB))
    for each in things:
        made.changed(each, True)
    return made


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_pod_belongs_to_whom_its_deployment_does_whatever_comes_first(
    order: tuple[int, ...],
) -> None:
    things = shop()
    made = keeping(*(things[n] for n in order))
    assert {thing.entity for thing in made.inventory.values()} == {"web"}
    assert [k.ref.name for k in made.made_by("shop/deployment/web")] == ["web-1", "web-1"]
    (found,) = made.inventory.find("deployment", {"namespace": "shop", "pod": "web-1"})
    assert found.name == "shop/deployment/web"


def test_once_its_maker_is_gone_a_pod_is_nobodys() -> None:
    web, one, of = shop()
    made = keeping(web, one, of)
    made.changed(web, False)
    assert made.entity_of(of) is None
    assert "shop/deployment/web" not in made.inventory
    assert made.inventory.find("deployment", {"pod": "web-1"}) == []


def test_a_scaler_belongs_to_whom_what_it_scales_does() -> None:
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    scaler = kept("horizontalpodautoscaler", "any", spec=target)
    made = keeping(deployment(), scaler)
    assert made.entity_of(scaler) == "web"


def test_what_a_list_does_not_hold_is_gone_in_that_namespace_only() -> None:
    here, elsewhere = pod("a"), pod("b", namespace="other")
    made = keeping(here, elsewhere)
    made.listed("pod", "shop", [])
    assert [k.ref.name for k in made.all_kept("pod")] == ["b"]
    assert made.all_kept("pod", namespace="shop") == ()


def test_everything_may_belong_to_somebody_else_after_the_catalog_was_read() -> None:
    known = [registry(WEB)]
    made = Keeping(lambda: known[0])
    made.changed(deployment(), True)
    known[0] = registry(ClusterPlace(namespace="shop"), name="all")
    made.refresh()
    assert made.inventory["shop/deployment/web"].entity == "all"


async def test_followers_are_told_everything_first_and_then_what_changes() -> None:
    web, one, of = shop()
    made = keeping(web)
    told = made.follow()
    assert [(s.before, s.now, s.is_listed) for s in await anext(told)] == [(None, web, True)]
    made.changed(one, True)
    made.listed("pod", "shop", [of])
    made.listed("pod", "shop", [of])
    made.changed(of, False)
    seen = await anext(told)
    assert [(s.before, s.now, s.is_listed) for s in seen] == [
        (None, one, False),
        (None, of, True),
        (of, None, False),
    ]
    await told.aclose()  # type: ignore[attr-defined]


async def test_who_is_too_slow_is_told_everything_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_keeping, "MOST_PENDING", 3)
    made = keeping()
    told = made.follow()
    assert await anext(told) == []
    for number in range(10):
        made.changed(pod(f"p{number}"), True)
    async with asyncio.timeout(2):
        seen = await anext(told)
    assert len(seen) == 10
    made.changed(pod("later"), True)
    (last,) = await anext(told)
    assert last.now is not None
    assert last.now.ref.name == "later"
    await told.aclose()  # type: ignore[attr-defined]


async def test_what_was_never_there_is_gone_without_a_word() -> None:
    """An object that could not be read, and is deleted once it can be."""
    made = keeping()
    told = made.follow()
    assert await anext(told) == []
    made.changed(pod("ghost"), False)
    made.changed(pod("web-1"), True)
    (seen,) = await anext(told)
    assert seen.now is not None
    await told.aclose()  # type: ignore[attr-defined]


def test_who_only_calls_itself_made_by_another_belongs_to_nobody() -> None:
    """Names are used again, and anybody may write one: only the UID says who made it."""
    web, one, _ = shop()
    stranger = pod("evil", ownerReferences=[
        {"kind": "ReplicaSet", "name": one.ref.name, "uid": "uid-of-another", "controller": True}
    ])  # fmt: skip
    made = keeping(web, one, stranger)
    assert made.entity_of(stranger) is None
    assert made.made_by("shop/deployment/web") == (one,)
    assert made.inventory.find("deployment", {"namespace": "shop", "pod": "evil"}) == []


def test_after_a_maker_was_made_anew_under_its_name_the_old_pods_are_not_its_own() -> None:
    web, one, of = shop()
    made = keeping(web, one, of)
    again = kept("replicaset", one.ref.name, owner=web, uid="uid-new", version=9)
    made.changed(again, True)
    assert made.entity_of(of) is None
    assert made.inventory["shop/pod/web-1"].entity is None
    assert made.made_by("shop/deployment/web") == (again,)


def test_a_listed_crowd_is_taken_in_without_looking_at_all_of_it_for_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five thousand pods of one Deployment, listed or gone at once."""
    web, one, _ = shop()
    made = keeping(web, one, of=registry(WEB))
    looked: list[str] = []
    place = made._place

    def placed(kept: Kept) -> None:
        looked.append(kept.name)
        place(kept)

    monkeypatch.setattr(made, "_place", placed)
    crowd = [pod(f"web-{n}", owner=one) for n in range(1000)]
    made.listed("pod", "shop", crowd)
    assert looked.count("shop/deployment/web") == 1
    assert len(made.inventory.find("deployment", {"pod": "web-999"})) == 1
    for each in crowd:
        made.changed(each, False)
    made.settle()
    assert looked.count("shop/deployment/web") < 500, "only once they are few"
    assert made.inventory.find("deployment", {"pod": "web-999"}) == []
    assert made.inventory["shop/deployment/web"].keys["deployment"] == ("web",)
