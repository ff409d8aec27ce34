"""The past of a workload: restarts, what came back, and what proves that it was healthy."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.model.signals import ChangeKind, ChangePhase, ChangeSeen
from agent.ports.cluster_history import History, told
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_revisions import Workload
from agent.ports.cluster_undoing import revisions_of
from tests.support.told_cluster import recorded

NOW = 1_795_319_160.0
WEB = Ref("deployment", "web", "shop")
REVISION = "deployment.kubernetes.io/revision"


def stamp(ago: float) -> str:
    return datetime.fromtimestamp(NOW - ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Web:
    """The recorded Deployment, with times of the test's own: seconds before NOW."""

    def __init__(self) -> None:
        found = recorded()
        self.thing, self.pods = found["deployment"], found["pods"]
        self.sets = sorted(
            found["replica_sets"], key=lambda s: s["metadata"]["annotations"][REVISION]
        )
        self.began(3600, 300)
        self.available_since(3600)
        self.ready_since(3600)
        self.changes: list[ChangeSeen] = []

    def began(self, *ago: float) -> None:
        for one, each in zip(self.sets, ago, strict=True):
            one["metadata"]["creationTimestamp"] = stamp(each)

    def available_since(self, ago: float, status: str = "True") -> None:
        condition = self.thing["status"]["conditions"][0]
        condition |= {"lastTransitionTime": stamp(ago), "status": status}

    def ready_since(self, ago: float) -> None:
        for pod in self.pods:
            for condition in pod["status"]["conditions"]:
                condition["lastTransitionTime"] = stamp(ago)

    def template(self, number: int) -> Any:
        return self.sets[number - 1]["spec"]["template"]

    def add(self, *, like: int, ago: float, **annotations: str) -> Any:
        """A revision with the template of another one, and annotations in it."""
        made = copy.deepcopy(self.sets[like - 1])
        number = str(len(self.sets) + 1)
        made["metadata"] |= {"name": f"web-{number}", "uid": f"uid-{number}"}
        made["metadata"]["annotations"] = {REVISION: number}
        made["metadata"]["creationTimestamp"] = stamp(ago)
        made["spec"]["template"]["metadata"]["annotations"] = annotations
        self.sets.append(made)
        return made

    def written(self, number: int, ago: float) -> None:
        """When the status of a replica set without pods was written last."""
        one = self.sets[number - 1]
        one["spec"]["replicas"] = one["status"]["replicas"] = 0
        for entry in one["metadata"]["managedFields"]:
            entry["time"] = stamp(ago)

    def change(self, phase: ChangePhase, revision: int, ago: float) -> None:
        uid = self.thing["metadata"]["uid"]
        self.changes.append(
            ChangeSeen(
                product="shop",
                entity="web",
                kind=ChangeKind.RELEASE,
                phase=phase,
                what="",
                by="",
                version="",
                is_manual=False,
                seconds_ago=ago,
                id=f"kubernetes:{WEB.text}:{uid}:{revision}",
            )
        )

    def history(self) -> History:
        workload = Workload(
            ref=WEB,
            thing=self.thing,
            revisions=revisions_of(self.thing, "deployment", self.sets),
            kept={one["metadata"]["name"]: one for one in self.sets},
            pods=tuple(self.pods),
            now=NOW,
        )
        return told(workload, tuple(self.changes))

    @property
    def healthy(self) -> bool | None:
        before = self.history().previous
        assert before is not None
        return before.healthy


def test_a_recorded_bad_rollout() -> None:
    found = Web().history()
    assert (found.revision, found.image, found.changed_ago) == (2, "shop:oom", 300.0)
    assert found.changed_by == "kubectl-set"
    before = found.previous
    assert before is not None
    assert (before.revision, before.image, before.ran_for) == (1, "shop:1", 3300.0)
    assert found.difference == ("spec.containers[app].image: shop:1 -> shop:oom",)


def test_pods_that_were_ready_long_before_prove_that_it_was_healthy() -> None:
    assert Web().healthy is True


def test_pods_that_were_ready_only_shortly_before_prove_nothing() -> None:
    web = Web()
    web.ready_since(300 + 599)
    assert web.healthy is None


def test_what_was_not_available_all_the_time_is_not_proven_by_its_pods() -> None:
    web = Web()
    web.available_since(310)
    assert web.healthy is None
    web.available_since(3600, status="False")
    assert web.healthy is None


def test_one_pod_of_it_that_is_not_ready_proves_nothing() -> None:
    web = Web()
    web.pods[-1]["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    assert web.healthy is None


def test_what_ran_for_less_than_ten_minutes_never_was_healthy() -> None:
    web = Web()
    web.began(300 + 599, 300)
    web.ready_since(300 + 599)
    assert web.healthy is False


def test_what_never_was_whole_is_not_healthy_for_the_pods_of_another() -> None:
    web = Web()
    web.add(like=2, ago=100)["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:3"
    web.began(3600, 1800, 100)
    # The pods of the first stand ready all the time; those of the second never were.
    assert web.history().image == "shop:3"
    assert web.healthy is None


def gone(web: Web) -> Web:
    """Its second revision is rolled out: nothing of the first is left."""
    web.pods = web.pods[:1]
    return web


def test_without_any_pods_of_others_what_was_available_was_healthy() -> None:
    web = gone(Web())
    assert web.healthy is True


def test_an_older_one_that_had_pods_until_lately_leaves_it_open() -> None:
    web = gone(Web())
    web.add(like=2, ago=300)["spec"]["template"]["spec"]["containers"][0]["image"] = "shop:3"
    web.began(7200, 3600, 300)
    web.pods = []
    web.written(1, 60)
    assert web.healthy is None
    web.written(1, 3000)
    assert web.healthy is True


def test_where_old_ones_were_deleted_one_of_them_may_have_had_pods() -> None:
    web = gone(Web())
    web.thing["spec"]["revisionHistoryLimit"] = 1
    assert web.healthy is None


@pytest.mark.parametrize(
    ("phase", "ago", "expected"),
    [
        (ChangePhase.DONE, 901.0, True),
        (ChangePhase.DONE, 899.0, None),
        (ChangePhase.STARTED, 3000.0, None),
        (ChangePhase.FAILED, 3000.0, False),
        (ChangePhase.ROLLED_BACK, 3000.0, False),
    ],
)
def test_what_was_seen_of_its_rollout_counts(
    phase: ChangePhase, ago: float, expected: bool | None
) -> None:
    web = gone(Web())
    web.available_since(60)
    assert web.healthy is None
    web.change(phase, 1, ago)
    assert web.healthy is expected


def test_the_change_of_another_revision_or_object_counts_for_nothing() -> None:
    web = gone(Web())
    web.available_since(60)
    web.change(ChangePhase.DONE, 7, 3000.0)
    assert web.healthy is None


@pytest.mark.parametrize(
    "note", ["kubectl.kubernetes.io/restartedAt", "homeostat/restarted-by", "homeostat/undone-by"]
)
def test_a_restart_is_passed_over(note: str) -> None:
    web = Web()
    web.add(like=2, ago=60, **{note: "now"})
    found = web.history()
    assert (found.revision, found.changed_ago) == (3, 300.0)
    assert found.previous is not None
    assert found.previous.revision == 1


def test_another_annotation_is_a_release() -> None:
    web = Web()
    web.add(like=2, ago=60, **{"checksum/config": "2"})
    found = web.history()
    assert found.changed_ago == 60.0
    assert found.previous is not None
    assert found.previous.revision == 2
    assert found.difference == ("metadata.annotations.checksum/config: added 2",)


def test_a_revision_that_came_back_began_when_its_template_was_written() -> None:
    web = Web()
    annotations = web.sets[0]["metadata"]["annotations"]
    annotations |= {REVISION: "3", "deployment.kubernetes.io/revision-history": "1"}
    for entry in web.thing["metadata"]["managedFields"]:
        entry["time"] = stamp(120)
    for pod in web.pods:
        pod["metadata"]["creationTimestamp"] = stamp(30)
    found = web.history()
    assert (found.revision, found.image, found.changed_ago) == (3, "shop:1", 120.0)
    # It may have been written since for something else: its oldest pod tells.
    web.pods[-1]["metadata"]["creationTimestamp"] = stamp(1200)
    assert web.history().changed_ago == 1200.0
    assert found.previous is not None
    assert (found.previous.image, found.previous.revision) == ("shop:oom", 2)


def test_the_only_revision_has_nothing_before_it() -> None:
    web = Web()
    web.sets = web.sets[:1]
    found = web.history()
    assert (found.previous, found.difference) == (None, ())


def test_what_is_ending_is_no_proof() -> None:
    web = Web()
    for pod in web.pods[1:]:
        pod["metadata"]["deletionTimestamp"] = stamp(1)
    # Nothing of it is there to stay: then only that no others had any counts.
    web.available_since(60)
    assert web.healthy is None
