"""Who owns which fields, by `managedFields`."""

from __future__ import annotations

from typing import Any

from agent.ports.cluster_edits import (
    Written,
    field_writer,
    paths_of,
    template_writer,
    writers_of,
)
from agent.ports.cluster_walking import moment
from tests.support.told_cluster import recorded

AT = "2026-11-22T03:45:47Z"
SECONDS = moment({"at": AT}, "at") or 0.0


def entry(manager: str, fields: Any, time: str | None = AT, **more: Any) -> dict[str, Any]:
    return {"manager": manager, "fieldsV1": fields, "time": time, **more}


def template(**fields: Any) -> dict[str, Any]:
    return {"f:spec": {"f:template": fields}}


def thing(*entries: Any) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries)}}


IMAGE: Any = {"f:containers": {'k:{"name":"app"}': {".": {}, "f:image": {}}}}


def test_a_recorded_edit_by_hand() -> None:
    web = recorded()["deployment"]
    writer = template_writer(web)
    assert writer is not None
    assert writer.by == "kubectl-set"
    assert writer.at is not None
    assert paths_of(web, "kubectl-set", "", writer.at) == (
        "spec.template.spec.containers[app].image",
    )
    assert {w.manager for w in writers_of(web)} == {"ci", "kubectl-set", "kube-controller-manager"}


def test_whoever_only_starts_pods_anew_did_not_write_the_template() -> None:
    restart: Any = {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/restartedAt": {}}}
    ours: Any = {"f:annotations": {"f:homeostat/undone-by": {}}}
    later = "2026-11-22T04:00:00Z"
    web = thing(
        entry("ci", template(**{"f:spec": IMAGE})),
        entry("kubectl-rollout", template(**{"f:metadata": restart}), later),
        entry("homeostat", template(**{"f:metadata": ours}), later),
    )
    assert template_writer(web) == Written("ci", SECONDS)
    labels: Any = {"f:labels": {"f:version": {}}}
    web["metadata"]["managedFields"].append(entry("k9s", template(**{"f:metadata": labels}), later))
    assert template_writer(web) == Written("k9s", moment({"at": later}, "at"))


def test_of_two_in_one_second_it_is_who_owns_what_changed() -> None:
    ports: Any = {"f:containers": {'k:{"name":"app"}': {"f:ports": {}}}}
    first = entry("Zeus", template(**{"f:spec": ports}))
    second = entry("ci", template(**{"f:spec": IMAGE}))
    for web in (thing(first, second), thing(second, first)):
        writer = template_writer(web, {"spec.containers[app].image"})
        assert writer == Written("ci", SECONDS)


def test_one_field_of_a_node_has_its_writer() -> None:
    node = thing(entry("kubectl", {"f:spec": {"f:unschedulable": {}}}))
    assert field_writer(node, "spec", "unschedulable") == Written("kubectl", SECONDS)
    assert field_writer(node, "spec", "taints") is None


def test_paths_are_readable_bounded_and_metadata_comes_last() -> None:
    fields = {
        "f:metadata": {"f:labels": {"f:app\x1b[31m": {}}},
        "f:spec": {
            "f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:targetPort": {}}},
            "f:finalizers": {'v:"x"': {}},
            "f:odd": {"k:not json": {}},
        },
    }
    found = paths_of(thing(entry("m", fields)), "m", "", SECONDS)
    assert found == (
        "spec.ports[80,TCP].targetPort",
        "spec.finalizers[x]",
        "spec.odd[not json]",
        "metadata.labels.app[31m",
    )
    many: Any = {"f:spec": {f"f:{n}": {} for n in range(1000)}}
    assert len(paths_of(thing(entry("m", many)), "m", "", SECONDS)) == 20


def test_what_cannot_be_read_is_written_by_somebody_unknown() -> None:
    (writer,) = writers_of(thing(entry("ci", {}, time="yesterday")))
    assert (writer.manager, writer.time) == ("ci", None)
    assert writers_of({"metadata": {"managedFields": None}}) == ()
    assert writers_of({"metadata": {"managedFields": [None, 3, "x"]}}) == ()
