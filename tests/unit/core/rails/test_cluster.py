"""What is changed in a cluster is seen as it is, and nobody else has the say there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.guard import Question, Stop, ask
from agent.core.inventory import Inventory
from agent.core.view import ClusterSight
from agent.model.policy import PluginFacts, Rails
from agent.model.product import InventoryObject
from agent.model.reason import Reason
from tests.support.cases import START
from tests.support.guarding import WEB, question
from tests.support.policies import OUT_OF_THE_WAY

UNDO = PluginFacts(
    name="kubernetes.undo",
    kind="action",
    effect="conditional",
    reversal="snapshot",
    needs="kubernetes",
    declares=True,
)
RESTART = msgspec.structs.replace(UNDO, name="kubernetes.restart", declares=False)
SEEN = ClusterSight(seen_at=START - 60)
FACTS = {"namespace": "prod-a", "ignored": False, "gitops": ""}
ASKED = msgspec.structs.replace(OUT_OF_THE_WAY, cluster_age_seconds=120.0, wait_seconds=300.0)


def thing(kind: str = "deployment", name: str = "web", **facts: Any) -> InventoryObject:
    own: dict[str, tuple[str, ...]] = {"namespace": ("prod-a",), "name": (name,)}
    if kind == "deployment":
        own["pod"] = ("web-1", "web-2")
    return InventoryObject(
        name=f"prod-a/{kind}/{name}",
        kind=kind,
        entity="shop-worker",
        keys=own,
        facts={**FACTS, **facts},
    )


def about(
    *things: InventoryObject,
    use: PluginFacts = UNDO,
    seen: ClusterSight | None = SEEN,
    rails: Rails = ASKED,
    target: str = "prod-a/deployment/web",
    **fields: Any,
) -> Question:
    asked = question(rails=rails, use=use.name, target=target, **fields)
    asked.view.plugins = {**asked.view.plugins, use.name: use}
    asked.view.inventory = Inventory(things or (thing(),))
    asked.view.cluster = seen
    return asked


def stopped(asked: Question) -> Stop:
    stop = ask(asked)
    assert stop is not None
    return stop


class TestClusterSeen:
    def test_what_is_seen_and_nobodys_else_is_acted_on(self) -> None:
        assert ask(about()) is None

    @pytest.mark.rail("cluster_seen")
    @pytest.mark.parametrize(
        ("seen", "told"),
        [
            (None, "no cluster is connected"),
            (ClusterSight(seen_at=None), "it is not known what was missed"),
            (ClusterSight(seen_at=START, trouble="pods: refused"), "pods: refused"),
            (ClusterSight(seen_at=START - 121), "last seen 121 s ago, at most 120 s"),
        ],
    )
    def test_without_sight_nothing_is_done_until_it_is_back(
        self, seen: ClusterSight | None, told: str
    ) -> None:
        """F-K8-12: the API server is away, and whatever was found out may not be so any more."""
        stop = stopped(about(seen=seen))
        assert (stop.reason, stop.text) == (Reason.CLUSTER_UNSEEN, told)
        assert stop.after_seconds is not None, "it lets go by itself"

    @pytest.mark.rail("cluster_seen")
    def test_the_policy_says_how_old_a_picture_may_be(self) -> None:
        rails = msgspec.structs.replace(ASKED, cluster_age_seconds=30.0)
        assert stopped(about(rails=rails)).reason is Reason.CLUSTER_UNSEEN

    @pytest.mark.rail("cluster_seen")
    def test_a_namespace_that_is_not_seen_holds_only_what_is_in_it(self) -> None:
        """F-K8-06: one product's missing rights are no reason to leave all others alone."""
        gone = ClusterSight(seen_at=None, trouble="pods in nowhere: may not be listed")
        mixed = ClusterSight(
            seen_at=None, trouble=gone.trouble, spaces={"prod-a": SEEN, "nowhere": gone}
        )
        assert ask(about(seen=mixed)) is None
        turned = msgspec.structs.replace(mixed, spaces={"prod-a": gone, "nowhere": SEEN})
        assert stopped(about(seen=turned)).text == gone.trouble
        unknown = msgspec.structs.replace(mixed, spaces={"nowhere": SEEN})
        assert stopped(about(seen=unknown)).reason is Reason.CLUSTER_UNSEEN
        together = msgspec.structs.replace(mixed, spaces={"": SEEN})
        assert ask(about(seen=together)) is None

    def test_people_and_the_way_back_do_not_wait_for_the_watch(self) -> None:
        assert ask(about(seen=None, by="ana", runbook=None)) is None
        assert ask(about(seen=None, is_rollback=True, runbook=None)) is None

    def test_what_needs_no_cluster_is_done_without_one(self) -> None:
        assert ask(question(rails=ASKED)) is None


class TestNotIgnored:
    @pytest.mark.rail("not_ignored")
    @pytest.mark.parametrize("use", [UNDO, RESTART], ids=["undo", "restart"])
    @pytest.mark.parametrize("by", ["agent", "ana"])
    def test_what_its_owners_marked_is_left_alone(self, use: PluginFacts, by: str) -> None:
        stop = stopped(about(thing(ignored=True), use=use, by=by))
        assert stop.reason is Reason.LEFT_TO_OWNERS
        assert stop.text == "prod-a/deployment/web is marked homeostat/ignore"
        assert stop.after_seconds is None

    @pytest.mark.rail("not_ignored")
    def test_a_pod_of_what_is_marked_is_left_alone_as_well(self) -> None:
        made = (thing(ignored=True), thing("pod", "web-1"))
        stop = stopped(about(*made, use=RESTART, target="prod-a/pod/web-1"))
        assert stop.reason is Reason.LEFT_TO_OWNERS

    @pytest.mark.rail("not_ignored")
    def test_a_pod_that_a_parameter_names_counts_too(self) -> None:
        made = (thing(), thing("pod", "web-1", ignored=True))
        params = {"target": "prod-a/deployment/web", "pod": "prod-a/pod/web-1"}
        assert stopped(about(*made, use=RESTART, params=params)).text.startswith("prod-a/pod/web-1")

    @pytest.mark.rail("not_ignored")
    def test_of_an_entity_everything_counts(self) -> None:
        made = (thing(), thing("deployment", "canary", ignored=True))
        assert stopped(about(*made, target="shop-worker")).reason is Reason.LEFT_TO_OWNERS

    def test_another_of_the_same_name_elsewhere_does_not_count(self) -> None:
        other = thing(ignored=True, namespace="prod-b")
        other = msgspec.structs.replace(
            other,
            name="prod-b/deployment/web",
            keys={**other.keys, "namespace": ("prod-b",)},
        )
        pod = thing("pod", "web-1")
        assert ask(about(thing(), other, pod, use=RESTART, target=pod.name)) is None

    def test_the_mark_says_nothing_of_what_needs_no_cluster(self) -> None:
        asked = question(rails=ASKED, target=WEB.name)
        marked = msgspec.structs.replace(WEB, facts={"ignored": True, "gitops": "web"})
        asked.view.inventory = {WEB.name: marked}
        assert ask(asked) is None


class TestNotKeptElsewhere:
    @pytest.mark.rail("not_kept_elsewhere")
    @pytest.mark.parametrize("by", ["agent", "ana"])
    def test_what_a_repository_keeps_is_changed_there(self, by: str) -> None:
        """F-K8-10: the page names who keeps it, and what would have been done."""
        params = {"target": "prod-a/deployment/web", "to": 7}
        stop = stopped(about(thing(gitops="shop-prod"), params=params, by=by))
        assert stop.reason is Reason.GITOPS_OWNED
        assert stop.text == (
            "shop-prod keeps prod-a/deployment/web; for its repository: kubernetes.undo, to 7"
        )
        assert stop.after_seconds is None

    @pytest.mark.rail("not_kept_elsewhere")
    def test_of_an_entity_one_that_is_kept_is_enough(self) -> None:
        made = (thing(), thing("statefulset", "db", gitops="argocd"))
        assert stopped(about(*made, target="shop-worker")).reason is Reason.GITOPS_OWNED

    def test_what_changes_no_declaration_is_done_all_the_same(self) -> None:
        assert ask(about(thing(gitops="shop-prod"), use=RESTART)) is None

    def test_what_was_begun_is_taken_back(self) -> None:
        assert ask(about(thing(gitops="shop-prod"), is_rollback=True, runbook=None)) is None
