"""What is left alone, how a change is written, and which revision is meant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.cluster import Asked
from agent.model.errors import Permanent, Temporary
from agent.ports import cluster_acting as acting
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_undoing import Revision, numbered, present, revisions_of

NOW = 1_780_000_000.0
WEB = Ref("deployment", "web", "prod-a")
AGENT = Asked(keep_off_seconds=600.0)
PERSON = Asked(by_person=True, keep_off_seconds=0.0)


def written(by: str, *, ago: float, subresource: str = "") -> dict[str, Any]:
    at = datetime.fromtimestamp(NOW - ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"manager": by, "operation": "Update", "time": at, "subresource": subresource}


def thing(**meta: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web", "resourceVersion": "7", "uid": "u-1", **meta}}


def why(found: dict[str, Any], asked: Asked = AGENT, *, declares: bool = True) -> str:
    return acting.why_not(found, WEB, asked=asked, now=NOW, machines=("ci-*",), declares=declares)


def test_what_nothing_is_said_of_may_be_changed() -> None:
    assert why(thing()) == ""
    assert why(thing(managedFields=[written("helm", ago=5), written("ci-7", ago=5)])) == ""


@pytest.mark.parametrize("field", ["labels", "annotations"])
def test_what_is_marked_is_left_alone_for_people_too(field: str) -> None:
    """F-K8-10"""
    found = thing(**{field: {"homeostat/ignore": "true"}})
    assert "left alone" in why(found)
    assert "left alone" in why(found, PERSON, declares=False)
    assert why(thing(**{field: {"homeostat/ignore": "false"}})) == ""


@pytest.mark.parametrize(
    ("meta", "names"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:a/web"}},
            "Argo CD (application shop)",
        ),
        (
            {
                "labels": {
                    "kustomize.toolkit.fluxcd.io/name": "apps",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                }
            },
            "Flux (kustomization flux-system/apps)",
        ),
        ({"managedFields": [written("helm-controller", ago=9e6)]}, "Flux (helmrelease ?)"),
    ],
)
def test_what_a_repository_keeps_names_where_to_change_it(meta: Any, names: str) -> None:
    """F-K8-10"""
    for asked in (AGENT, PERSON):
        said = why(thing(**meta), asked)
        assert names in said
        assert "change it in the repository" in said
    assert why(thing(**meta), declares=False) == ""


@pytest.mark.parametrize(("ago", "is_held"), [(59, True), (599, True), (601, False), (-30, True)])
def test_what_a_person_edited_is_left_to_people_for_ten_minutes(ago: float, is_held: bool) -> None:
    """F-K8-09. A clock that is ahead makes an edit no older."""
    found = thing(managedFields=[written("kubectl-edit", ago=ago), written("helm", ago=1)])
    assert ("people are at it" in why(found)) is is_held
    assert why(found, PERSON) == ""


def test_a_status_is_no_edit_and_who_cannot_be_read_is_a_reason_to_stop() -> None:
    status = written("kubectl", ago=5, subresource="status")
    assert why(thing(managedFields=[status])) == ""
    assert "cannot be read" in why(thing(managedFields=[{"manager": 7}]))
    assert "cannot be read" in why(thing(managedFields="none"))


def test_a_change_names_the_version_that_was_read() -> None:
    merged = acting.merged(thing(), {"metadata": {"labels": {"a": "b"}}, "spec": {"x": 1}})
    assert merged == {
        "metadata": {"labels": {"a": "b"}, "resourceVersion": "7"},
        "spec": {"x": 1},
    }
    first, last = acting.replaced(thing(annotations={"a": "1"}), notes={"b": "2"})
    assert first == {"op": "replace", "path": "/metadata/resourceVersion", "value": "7"}
    assert last == {"op": "add", "path": "/metadata/annotations", "value": {"a": "1", "b": "2"}}
    with pytest.raises(Permanent, match="which version"):
        acting.merged({"metadata": {}}, {})


@given(name=st.text(st.sampled_from("abcz09.-"), min_size=1, max_size=253), key=st.text())
def test_a_hashed_name_is_one_of_the_cluster_and_the_same_each_time(name: str, key: str) -> None:
    made = acting.hashed_name(f"a{name}", key)
    assert made == acting.hashed_name(f"a{name}", key)
    assert len(made) <= 63
    assert made[0] == "a"
    assert made[-1].isalnum()
    assert made != acting.hashed_name(f"a{name}", f"{key}2")


@pytest.mark.parametrize(
    ("spec", "why_not"),
    [
        ({"paused": True}, "is paused"),
        ({"updateStrategy": {"type": "OnDelete"}}, "OnDelete"),
    ],
)
def test_what_would_replace_no_pods_is_refused(spec: Any, why_not: str) -> None:
    with pytest.raises(Permanent, match=why_not):
        acting.replaces_pods({"spec": spec}, WEB)
    acting.replaces_pods({"spec": {"strategy": {"type": "RollingUpdate"}}}, WEB)


# revisions


def replica_set(number: Any, *, uid: str = "u-1", image: str = "a:1") -> dict[str, Any]:
    labels = {"app": "web", "pod-template-hash": "abc"}
    return {
        "metadata": {
            "name": f"web-{number}",
            "annotations": {"deployment.kubernetes.io/revision": number},
            "ownerReferences": [{"kind": "Deployment", "uid": uid, "controller": True}],
        },
        "spec": {"template": {"metadata": {"labels": labels}, "spec": {"image": image}}},
    }


def test_only_its_own_revisions_count_and_what_cannot_be_read_is_none() -> None:
    listed = [
        replica_set("2"),
        replica_set("10"),
        replica_set("3", uid="u-2"),
        replica_set("x"),
        replica_set(None),
        {},
        {"metadata": None, "spec": []},
    ]
    found = revisions_of(thing(), "deployment", listed)
    assert [revision.number for revision in found] == [2, 10]
    assert found[0].template["metadata"]["labels"] == {"app": "web"}
    assert revisions_of({"metadata": {}}, "deployment", listed) == ()


def deployed(*, revision: str, generation: int, observed: int) -> dict[str, Any]:
    return {
        **thing(generation=generation, annotations={"deployment.kubernetes.io/revision": revision}),
        "status": {"observedGeneration": observed},
    }


def test_what_runs_now_is_not_known_before_its_controller_has_seen_it() -> None:
    revisions = revisions_of(thing(), "deployment", [replica_set("1"), replica_set("2")])
    assert present(deployed(revision="2", generation=4, observed=4), WEB, revisions).number == 2
    for found in (
        deployed(revision="2", generation=5, observed=4),
        deployed(revision="3", generation=4, observed=4),
    ):
        with pytest.raises(Temporary, match="no revision yet") as raised:
            present(found, WEB, revisions)
        assert raised.value.after_seconds
    with pytest.raises(Temporary):
        present(deployed(revision="1", generation=1, observed=1), WEB, ())


def test_a_revision_that_is_gone_is_named_with_those_there_are() -> None:
    there = (Revision(2, "web-2", {}), Revision(5, "web-5", {}))
    assert numbered(there, 5, WEB).name == "web-5"
    with pytest.raises(Permanent, match="has no revision 3 any more; there are: 2, 5"):
        numbered(there, 3, WEB)
