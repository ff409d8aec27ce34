"""What changed in a workload's configuration, over objects as the API server keeps them after hours
that no test can wait for."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.signals import ChangeKind, ChangePhase, ChangeSeen
from agent.ports.cluster_kinds import Ref
from plugins.diagnostics.kubernetes_config_state import Configured, config_state

NOW = 36_000.0
"""10:00."""
WEB = Ref("deployment", "web", "shop")


def stamp(hour: int, minute: int = 0) -> str:
    return f"1970-01-01T{hour:02d}:{minute:02d}:00Z"


def config_map(name: str, level: str, at: str, by: str = "helm") -> dict[str, Any]:
    entry = {"manager": by, "time": at}
    return {"metadata": {"name": name, "managedFields": [entry]}, "data": {"LEVEL": level}}


def template(name: str, secret: str = "") -> dict[str, Any]:
    read: list[Any] = [{"configMapRef": {"name": name}}]
    read += [{"secretRef": {"name": secret}}] if secret else []
    return {"spec": {"containers": [{"name": "app", "envFrom": read}]}}


class Shop:
    """A deployment that went from `web-aaa` (2:00) to `web-bbb` (8:00), and is its own kit."""

    def __init__(self, *, secret: str = "") -> None:
        self.cluster = self.signals = self
        self.available = {"type": "Available", "status": "True", "lastTransitionTime": stamp(3)}
        self.told: list[ChangeSeen] = []
        self.template = template("web-bbb", secret)
        self.sets = [
            self.replica_set("2", stamp(8), self.template),
            self.replica_set("1", stamp(2), template("web-aaa", secret)),
        ]
        self.maps = {
            "web-aaa": config_map("web-aaa", "info", stamp(1)),
            "web-bbb": config_map("web-bbb", "all", stamp(7, 50), by="kubectl-edit"),
        }

    def replica_set(self, revision: str, made: str, pods: Any) -> dict[str, Any]:
        meta = {
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "creationTimestamp": made,
            "ownerReferences": [{"uid": "u1"}],
        }
        return {"metadata": meta, "spec": {"template": pods}}

    async def find(self, target: str, *, kinds: Any = ()) -> Ref:
        return WEB

    async def get(self, ref: Ref, *, part: str = "") -> Any:
        if ref.kind == "configmap":
            return self.maps.get(ref.name)
        spec = {"selector": {"matchLabels": {"app": "web"}}, "template": self.template}
        status = {"conditions": [self.available]}
        return {"metadata": {"uid": "u1"}, "spec": spec, "status": status}

    async def list(self, kind: str, **_: Any) -> Any:
        running = {"running": {"startedAt": stamp(8)}}
        pod = {**self.template, "status": {"containerStatuses": [{"state": running}]}}
        return self.sets if kind == "replicaset" else [pod]

    def changes(self, *, entity: str, since_seconds: float) -> Any:
        return self.told

    def entity_of(self, name: str) -> str:
        return "web"

    def machines(self) -> tuple[str, ...]:
        return ()

    def now(self) -> float:
        return NOW

    async def ask(self) -> Any:
        kit: Any = self
        return await config_state.run(kit, Configured(target=WEB.text))


async def test_what_changed_since_it_was_well_is_told_with_its_author() -> None:
    found = await Shop().ask()
    assert (found.known, found.changed, found.loaded) == (True, True, True)
    assert found.source == "shop/configmap/web-bbb"
    assert found.changed_ago.total_seconds() == 2 * 3600 + 600
    assert (found.changed_by, found.changed_by_person) == ("kubectl-edit", True)
    assert found.diff == ["LEVEL: - info", "LEVEL: + all"]


async def test_the_same_content_under_another_name_is_no_change() -> None:
    shop = Shop()
    shop.maps["web-bbb"]["data"] = {"LEVEL": "info"}
    found = await shop.ask()
    assert (found.known, found.changed, found.diff) == (True, False, [])


async def test_where_secrets_are_used_an_equal_rest_is_not_enough() -> None:
    shop = Shop(secret="keys")
    shop.maps["web-bbb"]["data"] = {"LEVEL": "info"}
    found = await shop.ask()
    assert (found.known, found.changed, found.loaded) == (True, None, None)


def gone(shop: Shop) -> None:
    del shop.maps["web-aaa"]


def written_since(shop: Shop) -> None:
    shop.maps["web-aaa"] = config_map("web-aaa", "info", stamp(9))


def never_available(shop: Shop) -> None:
    shop.available = {"type": "Available", "status": "False"}


def another_thing(shop: Shop) -> None:
    shop.sets[1] = shop.replica_set("1", stamp(2), template("api-aaa"))
    shop.maps["api-aaa"] = config_map("api-aaa", "info", stamp(1))


@pytest.mark.parametrize("spoil", [gone, written_since, never_available, another_thing])
async def test_a_copy_that_nobody_can_vouch_for_is_none(spoil: Any) -> None:
    shop = Shop()
    spoil(shop)
    found = await shop.ask()
    assert (found.known, found.changed, found.diff) == (False, None, None)
    assert found.changed_by == "kubectl-edit"


async def test_a_rollout_that_was_complete_for_an_hour_vouches_for_what_is_ill_now() -> None:
    shop = Shop()
    never_available(shop)
    done = ChangeSeen(
        product="shop",
        entity="web",
        kind=ChangeKind.RELEASE,
        phase=ChangePhase.DONE,
        what="shop/deployment/web: revision 1",
        by="helm",
        version="1",
        is_manual=False,
        seconds_ago=NOW - 3 * 3600,
    )
    shop.told = [done]
    assert (await shop.ask()).known is True
