"""Rollouts as changes, read from the objects as they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.model.signals import ChangePhase
from agent.ports.cluster_objects import Kept, Workload
from agent.ports.cluster_releases import Past, Release, images_of, of_deployment, of_set, phase_of
from agent.ports.cluster_templates import RESTARTED, template_digest
from tests.support.watched import condition, counts, deployment, kept, replica_set, template

BEGUN, DONE, BACK = ChangePhase.STARTED, ChangePhase.DONE, ChangePhase.ROLLED_BACK


def told(releases: tuple[Release, ...]) -> list[tuple[str, str, str, ChangePhase]]:
    return [(r.revision, r.version, r.before, r.phase) for r in releases]


def first(image: str = "shop:1") -> tuple[Kept, Kept]:
    web = deployment(image=image, revision=1)
    return web, replica_set(web, 1, image=image)


def test_the_first_and_the_next() -> None:
    web, one = first()
    assert told(of_deployment(web, [one])) == [("1", "shop:1", "", DONE)]
    web = deployment(image="shop:2", revision=2, status=counts(3, updated=1))
    (release,) = of_deployment(web, [one, replica_set(web, 2, image="shop:2", age=60)])
    assert told((release,)) == [("2", "shop:2", "shop:1", BEGUN)]
    assert release.id == "kubernetes:shop/deployment/web:uid-web:2"
    assert release.began_at is not None


def test_nothing_is_said_before_the_controller_has_come_to_it() -> None:
    _, one = first()
    declared = deployment(image="shop:2", revision=1)
    assert of_deployment(declared, [one]) == ()
    numbered = deployment(image="shop:2", revision=2)
    assert of_deployment(numbered, [one]) == (), "its replica set is not seen yet"
    assert of_deployment(deployment(), [one]) == ()


def test_what_is_undone_was_rolled_back_by_whatever_tool() -> None:
    web = deployment(image="shop:1", revision=3)
    made = [
        replica_set(web, 2, image="shop:2"),
        replica_set(web, 3, image="shop:1", before="1", name="web-1"),
    ]
    back, now = of_deployment(web, made)
    assert told((back, now)) == [("2", "shop:2", "shop:1", BACK), ("3", "shop:1", "shop:2", DONE)]
    assert back.began_at is not None
    assert now.began_at is None, "it was made when it came first"
    # A tool that writes the old template anew, with a mark of its own, has a new replica set.
    copy = deployment(image="shop:1", revision=3, notes={"homeostat/undone-by": "k"})
    made = [
        replica_set(copy, 1, image="shop:1"),
        replica_set(copy, 2, image="shop:2"),
        replica_set(copy, 3, image="shop:1", notes={"homeostat/undone-by": "k"}),
    ]
    assert told(of_deployment(copy, made))[0] == ("2", "shop:2", "shop:1", BACK)


def test_pods_started_anew_are_no_release() -> None:
    notes = {RESTARTED: "2026-01-01T00:00:00Z"}
    web = deployment(image="shop:1", revision=2, notes=notes)
    made = [replica_set(web, 1, image="shop:1"), replica_set(web, 2, image="shop:1", notes=notes)]
    assert told(of_deployment(web, made)) == [("1", "shop:1", "", DONE)], "as it was told before"
    undone = deployment(image="shop:0", revision=4)
    made = [
        replica_set(undone, 2, image="shop:1"),
        replica_set(undone, 3, image="shop:1", notes=notes),
        replica_set(undone, 4, image="shop:0", before="1", name="web-1"),
    ]
    back, _ = of_deployment(undone, made)
    assert told((back,)) == [("2", "shop:1", "shop:0", BACK)], "what had begun is what is over"


def test_replica_sets_of_another_deployment_do_not_count() -> None:
    web, one = first()
    old = kept("deployment", "web", uid="older")
    assert told(of_deployment(web, [one, replica_set(old, 7, image="shop:9")])) == [
        ("1", "shop:1", "", DONE)
    ]


def test_with_the_same_images_the_revision_tells_them_apart() -> None:
    web = deployment(image="shop:1", revision=2, notes={"checksum/config": "b"})
    made = [
        replica_set(web, 1, notes={"checksum/config": "a"}),
        replica_set(web, 2, notes={"checksum/config": "b"}),
    ]
    assert told(of_deployment(web, made)) == [("2", "shop:1 (revision 2)", "shop:1", DONE)]


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        (counts(3), DONE),
        (counts(3, updated=2), BEGUN),
        (counts(3, 2), BEGUN),
        ({**counts(4), "updatedReplicas": 3}, BEGUN),
        ({**counts(3), "observedGeneration": 0}, BEGUN),
        ({**counts(3, 1), "conditions": [condition("Progressing", "False")]}, ChangePhase.FAILED),
    ],
)
def test_how_a_rollout_goes(status: dict[str, Any], phase: ChangePhase) -> None:
    thing = deployment(status=status).thing
    assert isinstance(thing, Workload)
    assert phase_of(thing) is phase


def stateful(image: str, revision: str, *, generation: int = 1, notes: Any = None) -> Kept:
    status = {**counts(2), "observedGeneration": generation, "updateRevision": f"db-{revision}"}
    spec = {"replicas": 2, "template": template(image, notes=notes)}
    return kept("statefulset", "db", spec=spec, status=status, generation=generation)


def test_a_set_is_told_by_what_was_seen_of_it() -> None:
    past: Past = ()
    found, past = of_set(stateful("shop:1", "aaa"), past)
    assert told(found) == [("aaa", "shop:1", "", DONE)]
    found, past = of_set(stateful("shop:2", "bbb", generation=2), past)
    assert told(found) == [("bbb", "shop:2", "shop:1", DONE)]
    restarted = stateful("shop:2", "ccc", generation=3, notes={RESTARTED: "now"})
    found, past = of_set(restarted, past)
    assert told(found) == [("bbb", "shop:2", "shop:1", DONE)]
    found, past = of_set(stateful("shop:1", "aaa", generation=4), past)
    assert told(found) == [("bbb", "shop:2", "shop:1", BACK), ("aaa.4", "shop:1", "shop:2", DONE)]
    found, past = of_set(stateful("shop:1", "aaa", generation=4), past)
    assert told(found) == [("aaa.4", "shop:1", "shop:2", DONE)], "it is rolled back once"
    unseen = kept("statefulset", "db", spec={"template": template()}, generation=5)
    assert of_set(unseen, past) == ((), past)


def test_a_daemon_set_by_the_number_of_its_template() -> None:
    status = {
        "observedGeneration": 1,
        "desiredNumberScheduled": 2,
        "updatedNumberScheduled": 2,
        "numberAvailable": 2,
    }
    mark = {"deprecated.daemonset.template.generation": "4"}
    spec = {"template": template("r.example/a/shop@sha256:" + "b" * 64)}
    thing = kept("daemonset", "log", spec=spec, status=status, annotations=mark, generation=1)
    assert told(of_set(thing, ())[0]) == [("4", "shop@sha256:bbbbbbbbbbbb", "", DONE)]
    assert images_of(thing) == "shop@sha256:bbbbbbbbbbbb"


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"{", b'{"spec":{"template":null}}', b'{"spec":{"template":7}}']
)
def test_a_template_that_is_none_has_no_digest(body: bytes) -> None:
    assert template_digest(body) == ""


def test_templates_are_equal_where_their_pods_are() -> None:
    def digest(**meta: Any) -> str:
        whole = {"spec": {"template": {"metadata": meta, "spec": {"containers": []}}}}
        return template_digest(json.dumps(whole).encode())

    assert digest(labels={"a": "1", "pod-template-hash": "x"}) == digest(labels={"a": "1"})
    assert digest(annotations={RESTARTED: "x", "homeostat/restarted-by": "y"}) == digest()
    assert digest(annotations={"checksum/config": "x"}) != digest()
    assert digest(labels={"a": "2"}) != digest(labels={"a": "1"})
