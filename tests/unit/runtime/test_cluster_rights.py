"""What is needed in a cluster: by the watch, and by runbooks where they may run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agent.catalog.cluster_document import ClusterSettings
from agent.model.cluster import ClusterPlace, Right
from agent.model.effect import Effect, Reversal
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.model.runbook import Call, Lifecycle, Match, Runbook
from agent.ports.cluster_kinds import KINDS
from agent.ports.cluster_objects import SHAPES
from agent.ports.plugin import Params, Plugin, Result, action, diagnostic
from agent.runtime.cluster_rights import WATCH, Need, Needs, needed
from tests.support.cases import plan, runbook
from tests.support.shipped import plugin as shipped_plugin
from tests.support.shipped import shipped

WEB = ClusterPlace(namespace="shop", kind="deployment", name="web")
DB = ClusterPlace(namespace="data", kind="statefulset", name="db")
CRON = ClusterPlace(namespace="shop", kind="cronjob", name="nightly")
LABELLED = ClusterPlace(namespace="shop", labels={"app": "web"})


class Told(Result):
    fine: bool


class Target(Params):
    target: str


async def _act(_kit: Any, _params: Any) -> Mapping[str, Any]:
    raise AssertionError("it is only declared")


async def _look(_kit: Any, _params: Any) -> Any:
    raise AssertionError("it is only declared")


def acts(name: str, *rights: Right, undone_by: str = "") -> Plugin:
    return action(
        name=name, params=Target, effect=Effect.IDEMPOTENT, reversal=Reversal.SNAPSHOT,
        summary="s", needs="kubernetes", rights=rights, undone_by=undone_by,
    )(_act)  # fmt: skip


def looks(name: str, *rights: Right) -> Plugin:
    return diagnostic(
        name=name, params=Target, result=Told, summary="s", needs="kubernetes", rights=rights
    )(_look)


PLUGINS = {
    one.name: one
    for one in (
        acts("k.restart", Right(kind="deployment", verbs=("get", "patch"))),
        acts("k.scale", Right(kind="deployment", part="scale", verbs=("patch",))),
        acts("k.rerun", Right(kind="job", verbs=("get", "create")), undone_by="k.forget"),
        acts("k.forget", Right(kind="job", verbs=("delete",))),
        acts("k.cordon", Right(kind="node", verbs=("get", "patch"))),
        acts("k.steal", Right(kind="secret", verbs=("get",))),
        acts("k.grow", Right(kind="deployment", verbs=("escalate", "*"))),
        looks("k.status", Right(kind="pod", verbs=("get", "list"))),
        looks("k.events", Right(kind="event", verbs=("list",))),
        looks("k.greedy", Right(kind="pod", verbs=("delete",))),
        looks("k.logs", Right(kind="pod", part="log", verbs=("get",), optional=True)),
        looks("k.leader", Right(kind="lease", verbs=("get",), namespace="kube-system")),
        looks("k.quota", Right(kind="statefulset", verbs=("get",), any_name=True)),
    )
}


def registry(**places: Sequence[ClusterPlace]) -> Registry:
    """Entities by name, each in the product of its name; `shared` is substrate."""
    entities = {
        name: Entity(
            name=name,
            kind=EntityKind.SUBSTRATE if name == "shared" else EntityKind.SERVICE,
            product=None if name == "shared" else f"p-{name}",
            owner=f"team-{name}",
            places=tuple(of),
        )
        for name, of in places.items()
    }
    products = {
        one.product: Product(name=one.product, builder=one.owner, tier="low")
        for one in entities.values()
        if one.product
    }
    return Registry(products=products, entities=entities)


def uses(*steps: str, reads: Sequence[str] = (), name: str = "rb", **fields: Any) -> Runbook:
    diagnose = tuple(Call(id=f"d{i}", use=use) for i, use in enumerate(reads))
    calls = tuple(Call(id=f"s{i}", use=use) for i, use in enumerate(steps))
    fields = {"owner": "platform", **fields}
    plans = (plan("p", *calls),) if calls else ()
    return runbook(name, *plans, diagnose=diagnose, **fields)


def need(
    *runbooks: Runbook,
    of: Registry | None = None,
    settings: ClusterSettings | None = None,
    policy: Policy | None = None,
) -> Needs:
    return needed(
        settings or ClusterSettings(),
        policy=policy or Policy(),
        registry=of if of is not None else registry(web=[WEB]),
        runbooks=runbooks,
        plugins=PLUGINS,
    )


def beyond_watch(needs: Needs) -> set[str]:
    """Each need as `NAMESPACE: text` that is not the watch's alone."""
    return {f"{one.namespace}: {one.text}" for one in needs.all if one.by != (WATCH,)}


def of_watch(needs: Needs) -> list[Need]:
    return [one for one in needs.all if WATCH in one.by]


def test_the_watch_lists_and_watches_what_it_keeps_in_each_namespace() -> None:
    found = of_watch(need(of=registry(web=[WEB], db=[DB])))
    kinds = {KINDS[kind].plural for kind in SHAPES} - {"nodes"}
    asked = {(one.namespace, one.resource, one.verb) for one in found}
    assert asked == {
        (space, kind, verb)
        for space in ("shop", "data")
        for kind in kinds
        for verb in ("list", "watch")
    }
    assert {one.product for one in found if one.namespace == "data"} == {"p-db"}


def test_the_source_declares_what_the_watch_needs() -> None:
    rights = shipped_plugin("kubernetes.watch").rights
    assert {right.kind: right.verbs for right in rights} == dict.fromkeys(SHAPES, ("list", "watch"))


def test_nodes_are_watched_only_where_the_settings_say_so() -> None:
    assert not [one for one in need().all if one.resource == "nodes"]
    found = [one for one in need(settings=ClusterSettings(nodes=True)).all if not one.namespace]
    assert [(one.resource, one.verb) for one in found] == [("nodes", "list"), ("nodes", "watch")]


def test_watching_everything_is_of_the_whole_cluster_and_named_namespaces_are_just_those() -> None:
    everywhere = of_watch(need(settings=ClusterSettings(namespaces=("*",))))
    assert {one.namespace for one in everywhere} == {""}
    named = of_watch(need(settings=ClusterSettings(namespaces=("other",))))
    assert {(one.namespace, one.product) for one in named} == {("other", "")}


def test_what_a_runbook_uses_is_needed_where_a_product_runs() -> None:
    found = need(uses("k.restart", reads=["k.status"]))
    assert beyond_watch(found) == {
        "shop: get deployments.apps (web)",
        "shop: patch deployments.apps (web)",
        "shop: get pods",
        "shop: list pods",
    }
    [patch] = [one for one in found.all if one.verb == "patch"]
    assert patch.by == ("rb by k.restart",)


@pytest.mark.parametrize(
    ("lifecycle", "expected"),
    [
        (Lifecycle.ACTIVE, {"get", "list", "patch"}),
        (Lifecycle.ASSISTED, {"get", "list", "patch"}),
        (Lifecycle.SHADOW, {"get", "list"}),
        (Lifecycle.DRAFT, set()),
        (Lifecycle.RETIRED, set()),
        (Lifecycle.SUSPENDED, set()),
    ],
)
def test_what_only_looks_on_needs_what_it_reads(lifecycle: Lifecycle, expected: set[str]) -> None:
    found = need(uses("k.restart", reads=["k.status"], lifecycle=lifecycle))
    theirs = [one for one in found.all if any("rb by" in by for by in one.by)]
    assert {one.verb for one in theirs} == expected


def test_a_runbook_of_one_product_or_team_needs_nothing_elsewhere() -> None:
    both = registry(web=[WEB], db=[ClusterPlace(namespace="data", kind="deployment", name="db")])
    for bound in (
        uses("k.scale", match=Match(alert=("A",), product="p-web")),
        uses("k.scale", owner="team-web"),
    ):
        assert beyond_watch(need(bound, of=both)) == {"shop: patch deployments/scale.apps (web)"}


def test_kinds_that_a_product_does_not_name_are_not_read_nor_changed() -> None:
    found = need(uses("k.restart", "k.rerun"), of=registry(db=[DB]))
    assert beyond_watch(found) == set()


def test_what_a_cron_job_makes_has_names_of_its_own() -> None:
    found = need(uses("k.rerun"), of=registry(web=[CRON]))
    assert beyond_watch(found) == {
        "shop: get jobs.batch",
        "shop: create jobs.batch",
        "shop: delete jobs.batch",
    }


def test_what_is_found_by_labels_may_have_any_name() -> None:
    found = need(uses("k.restart"), of=registry(web=[WEB, LABELLED]))
    assert "shop: patch deployments.apps" in beyond_watch(found)


def test_a_right_to_whatever_is_there_is_not_narrowed() -> None:
    assert beyond_watch(need(uses(reads=["k.quota"]))) == {"shop: get statefulsets.apps"}


def test_nodes_are_changed_only_where_they_are_declared() -> None:
    cordon = uses("k.cordon")
    assert beyond_watch(need(cordon)) == {": get nodes"}
    declared = registry(web=[WEB], shared=[ClusterPlace(kind="node", name="n1")])
    assert beyond_watch(need(cordon, of=declared)) == {": get nodes", ": patch nodes (n1)"}
    labelled = registry(shared=[ClusterPlace(kind="node", labels={"pool": "a"})])
    assert beyond_watch(need(cordon, of=labelled)) == {": get nodes", ": patch nodes"}


def test_a_fixed_namespace_is_asked_for_whatever_runs_in_it() -> None:
    found = need(uses(reads=["k.leader"]))
    assert beyond_watch(found) == {"kube-system: get leases.coordination.k8s.io"}


def test_the_default_diagnostics_are_needed_where_their_kind_of_entity_runs() -> None:
    policy = Policy(default_diagnostics={"service": ("k.events",), "substrate": ("k.status",)})
    assert beyond_watch(need(policy=policy)) == {"shop: list events"}


def test_what_a_plugin_does_without_is_optional_unless_another_needs_it() -> None:
    found = need(uses(reads=["k.logs"]))
    [log] = [one for one in found.all if one.resource == "pods/log"]
    assert log.optional
    assert log not in found.required().all
    [pods] = [one for one in need(uses(reads=["k.logs", "k.status"])).required().all
              if (one.resource, one.verb) == ("pods", "get")]  # fmt: skip
    assert not pods.optional


@pytest.mark.parametrize("use", ["k.steal", "k.grow"])
def test_secrets_and_what_grants_oneself_more_are_never_needed(use: str) -> None:
    found = need(uses(use))
    assert beyond_watch(found) == set()
    [said] = found.left_out
    assert said.startswith(use)


def test_what_reads_never_needs_to_change() -> None:
    found = need(uses(reads=["k.greedy"]))
    assert beyond_watch(found) == set()
    assert "delete on pod is more than a diagnostic may ask for" in found.left_out[0]


def test_no_shipped_plugin_asks_for_what_is_never_given() -> None:
    every = [
        uses(*(n for n, p in shipped().plugins.items() if p.kind == "action"), name="all"),
        uses(
            reads=[n for n, p in shipped().plugins.items()
                   if p.kind in ("diagnostic", "verification")],
            name="reads",
        ),
    ]  # fmt: skip
    found = needed(
        ClusterSettings(), policy=Policy(), registry=registry(web=[LABELLED]), runbooks=every,
        plugins=shipped().plugins,
    )  # fmt: skip
    assert found.left_out == ()
    assert {one.verb for one in found.all} <= {
        "get", "list", "watch", "create", "patch", "delete"
    }  # fmt: skip
    assert not {one.resource for one in found.all} & {"secrets", "pods/exec", "roles"}
    deletes = {(one.resource, one.by) for one in found.all if one.verb == "delete"}
    assert deletes == {("pods", ("all by kubernetes.delete_failed_pods",))}
