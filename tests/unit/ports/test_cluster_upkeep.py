"""Reading endpoints, configuration, certificates, versions and the control plane."""

from __future__ import annotations

from typing import Any

import pytest

from agent.ports.cluster_certificates import (
    addresses_of,
    certificate_seen,
    first_to_end,
    of_secrets,
    secrets_used,
)
from agent.ports.cluster_configs import (
    GOOD_SECONDS,
    Used,
    difference,
    earlier,
    is_loaded,
    last_change,
    paired,
    used_by,
    was_good,
)
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_network import endpoints_seen, services_of
from agent.ports.cluster_upkeep import (
    DAY,
    NodeVersion,
    readiness,
    unavailable,
    upgrade_by_history,
    upgrade_by_nodes,
    versions_seen,
)

NOW = 200_000.0
STEP = 300.0


def stamp(hour: int, minute: int = 0) -> str:
    return f"1970-01-01T{hour:02d}:{minute:02d}:00Z"


def slice_of(service: str, *endpoints: dict[str, Any], ports: Any = ({"port": 8080},)) -> Any:
    labels = {"kubernetes.io/service-name": service}
    return {"metadata": {"labels": labels}, "ports": list(ports or ()), "endpoints": [*endpoints]}


def endpoint(pod: str, *, ready: bool | None = True) -> dict[str, Any]:
    return {"targetRef": {"kind": "Pod", "name": pod}, "conditions": {"ready": ready}}


WEB = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
HEADLESS = {"metadata": {"name": "web-peers"}, "spec": {"selector": {"app": "web"}}}


def test_a_pod_takes_requests_where_every_service_says_so() -> None:
    slices = [
        slice_of("web", endpoint("a"), endpoint("b", ready=False), endpoint("strange")),
        slice_of("web-peers", endpoint("a"), endpoint("b"), ports=None),
        slice_of("other", endpoint("c")),
    ]
    found = endpoints_seen([WEB, HEADLESS], slices, {"a", "b", "c"})
    assert (found.services, found.ready, found.not_ready) == (2, 1, 1)


def test_a_slice_without_the_port_of_its_service_leads_nowhere() -> None:
    found = endpoints_seen([WEB], [slice_of("web", endpoint("a"), ports=None)], {"a"})
    assert (found.ready, found.not_ready) == (0, 1)


def test_what_does_not_say_whether_it_is_ready_is_ready() -> None:
    """As the API has it: a missing condition is to be taken for true."""
    assert endpoints_seen([WEB], [slice_of("web", endpoint("a", ready=None))], {"a"}).ready == 1
    nothing = {"metadata": {"labels": {"kubernetes.io/service-name": "web"}}, "endpoints": None}
    assert endpoints_seen([WEB], [nothing], {"a"}).ready == 0


def test_services_select_by_the_labels_of_pods() -> None:
    assert services_of([WEB, {"spec": {}}], {"app": "web", "x": "y"}) == (WEB,)


def template(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [container]}}


def test_what_pods_read_is_told_by_how_they_come_by_it() -> None:
    spec = {
        "volumes": [
            {"name": "conf", "configMap": {"name": "files"}},
            {"name": "one", "configMap": {"name": "by-sub-path"}},
            {"name": "all", "projected": {"sources": [
                {"configMap": {"name": "kube-root-ca.crt"}}, {"secret": {"name": "s2"}}]}},
            {"name": "tls", "secret": {"secretName": "s1"}},
        ],
        "containers": [
            {
                "volumeMounts": [{"name": "one", "subPath": "app.conf"}, {"name": "conf"}],
                "envFrom": [{"configMapRef": {"name": "vars"}}, {"secretRef": {"name": "s3"}}],
                "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "one-var"}}}],
            }
        ],
    }  # fmt: skip
    found = used_by({"spec": spec})
    assert found.mounted == {"files"}
    assert found.fixed == {"by-sub-path", "vars", "one-var"}
    assert found.secrets == {"s1", "s2", "s3"}
    assert secrets_used({"spec": spec}) == {"s1", "s2"}


def config_map(name: str, hour: int, by: str = "helm", **data: str) -> dict[str, Any]:
    entry = {"manager": by, "time": stamp(hour)}
    return {"metadata": {"name": name, "managedFields": [entry]}, "data": data}


def running(started: str, **container: Any) -> dict[str, Any]:
    status = {"containerStatuses": [{"state": {"running": {"startedAt": started}}}]}
    return {**template(**container), "status": status}


VARS = {"envFrom": [{"configMapRef": {"name": "web"}}]}


def test_variables_changed_after_the_start_are_not_loaded() -> None:
    declared = used_by(template(**VARS))
    maps = {"web": config_map("web", 5)}
    assert is_loaded(declared, [running(stamp(6), **VARS)], maps) is True
    assert (
        is_loaded(declared, [running(stamp(6), **VARS), running(stamp(4), **VARS)], maps) is False
    )
    assert is_loaded(declared, [running(stamp(5), **VARS)], maps) is None
    assert is_loaded(declared, [], maps) is None
    assert is_loaded(declared, [running(stamp(6))], maps) is False
    assert is_loaded(declared, [running(stamp(6), **VARS)], {}) is None


def test_of_files_changed_under_a_process_nobody_knows_whether_it_read_them() -> None:
    declared = Used(mounted=frozenset({"web"}))
    pod = running(stamp(4))
    pod["spec"]["volumes"] = [{"name": "c", "configMap": {"name": "web"}}]
    assert is_loaded(declared, [pod], {"web": config_map("web", 5)}) is None
    assert is_loaded(declared, [pod], {"web": config_map("web", 3)}) is True


def test_where_secrets_are_used_nobody_knows_whether_all_is_loaded() -> None:
    pod = running(stamp(6), envFrom=[{"secretRef": {"name": "s"}}])
    assert is_loaded(used_by(pod), [pod], {}) is None


def test_the_last_change_is_known_where_all_say_when_they_were_written() -> None:
    maps = [config_map("a", 3), config_map("b", 5, by="kubectl-edit")]
    found = last_change(maps)
    assert found is not None
    assert (found.name, found.by) == ("b", "kubectl-edit")
    assert last_change([*maps, {"metadata": {"name": "c"}}]) is None
    assert last_change([]) is None


def replica_set(revision: str, hour: int, config: str) -> dict[str, Any]:
    meta = {
        "annotations": {"deployment.kubernetes.io/revision": revision},
        "creationTimestamp": stamp(hour),
        "ownerReferences": [{"uid": "u1"}],
    }
    container = {"envFrom": [{"configMapRef": {"name": config}}]}
    return {"metadata": meta, "spec": {"template": template(**container)}}


NEWEST = Used(fixed=frozenset({"web-bbb"}))


def test_the_revision_before_with_other_config_maps_has_the_earlier_content() -> None:
    sets = [
        replica_set("3", 8, "web-bbb"),
        replica_set("1", 2, "web-aaa"),
        replica_set("2", 6, "web-bbb"),
        {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "9"}}},
    ]
    found = earlier(sets, "u1", NEWEST)
    assert found is not None
    assert (found.revision, found.replaced_at, found.ran_seconds) == (1, 6 * 3600.0, 4 * 3600.0)
    assert earlier(sets[:1], "u1", NEWEST) is None


def test_what_was_taken_out_again_does_not_say_how_long_the_one_before_ran() -> None:
    sets = [replica_set("3", 2, "web-bbb"), replica_set("2", 6, "web-aaa")]
    assert earlier(sets, "u1", NEWEST) is None


def test_a_copy_is_good_after_an_hour_of_being_well() -> None:
    found = earlier([replica_set("2", 6, "web-bbb"), replica_set("1", 2, "web-aaa")], "u1", NEWEST)
    assert found is not None
    at = found.replaced_at
    assert was_good(found, available_since=at - GOOD_SECONDS)
    assert not was_good(found, available_since=at - GOOD_SECONDS + 1)
    assert not was_good(found, available_since=None)
    assert was_good(found, available_since=None, done_at=[at - 3 * 3600])
    assert not was_good(found, available_since=None, done_at=[at - 60, 0.0])
    short = earlier([replica_set("2", 6, "web-bbb"), replica_set("1", 6, "web-aaa")], "u1", NEWEST)
    assert short is None


def test_the_difference_is_told_by_key_cleaned_and_with_dashes_in_it() -> None:
    good = {"data": {"a.conf": "-- x\nkeep\n", "gone": "1"}, "binaryData": {"b": "AA=="}}
    now = {"data": {"a.conf": "++ y\x1b[2J\nkeep\n"}, "binaryData": {"b": "AB=="}}
    assert difference(good, now) == (
        "a.conf: - -- x",
        "a.conf: + ++ y[2J",
        "gone: - 1",
        "b: (binary) differs",
    )
    assert difference(good, good) == ()
    assert difference({"data": None}, {"data": {"a": 5}}) == ()


def test_config_maps_are_each_others_by_their_names() -> None:
    assert paired(["web-1", "x"], ["x", "web-2"]) == (("web-1", "web-2"), ("x", "x"))
    assert paired(["web-1"], ["api-2"]) is None
    assert paired(["web-1", "x"], ["web-1"]) is None


def test_a_certificate_says_when_it_ends_and_what_failed() -> None:
    failed = {"type": "Issuing", "status": "False", "message": "no answer"}
    found = certificate_seen(
        {
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"issuerRef": {"name": "house"}, "dnsNames": ["a.test", "*.a.test", "b c", 5]},
            "status": {"notAfter": stamp(5), "failedIssuanceAttempts": 3, "conditions": [failed]},
        }
    )
    assert (found.ends_at, found.failures, found.last_failure) == (5 * 3600.0, 3, "no answer")
    assert (found.issuer, found.hosts) == (Ref("issuer", "house", "shop"), ("a.test",))
    assert found.is_renewing is False
    assert certificate_seen({"spec": {"issuerRef": {"group": "awspca"}}}).issuer is None
    assert addresses_of(["a.test", "b.test"]) == "([a-z]+://)?(a[.]test|b[.]test)(:[0-9]+)?(/.*)?"


def test_of_several_the_one_that_ends_first_is_told() -> None:
    def of(name: str, ends: str | None) -> dict[str, Any]:
        made = {"metadata": {"name": name}, "spec": {"secretName": name}}
        return {**made, "status": {"notAfter": ends}}

    certificates = [of("a", stamp(5)), of("b", stamp(3)), of("c", None)]
    assert first_to_end(certificates) == certificates[2]
    assert first_to_end(certificates[:2]) == certificates[1]
    assert first_to_end([]) is None
    assert of_secrets(certificates, frozenset({"b"})) == (certificates[1],)


def node(version: str, age: float, name: str = "n") -> NodeVersion:
    return NodeVersion(name=name, version=version, made_at=NOW - age)


def test_versions_are_compared_as_numbers() -> None:
    found = versions_seen("v1.30.1", [node("v1.9.12", 0), node("v1.30.1-gke.5", 0)])
    assert found.versions[-1] == "v1.9.12"
    assert (found.skew, found.behind) == (21, 1)
    assert versions_seen("v1.30.1", [node("kwok", 0)]).skew is None
    assert versions_seen("v1.30.1", [node("", 0)]).behind is None


@pytest.mark.parametrize(
    ("ages", "upgrading"),
    [
        ({"v2": [3600.0], "v1": [9 * DAY]}, True),
        ({"v2": [7300.0], "v1": [9 * DAY]}, False),
        ({"v2": [3600.0, 2 * DAY], "v1": [9 * DAY]}, None),
        ({"v2": [], "v1": [9 * DAY]}, None),
        ({"v2": [9 * DAY], "v1": []}, False),
    ],
)
def test_nodes_that_are_replaced_tell_an_upgrade_by_their_age(
    ages: dict[str, list[float]], upgrading: bool | None
) -> None:
    nodes = [node(version, age) for version, each in ages.items() for age in each]
    assert upgrade_by_nodes(nodes, "v2", NOW).upgrading is upgrading


def test_history_tells_an_upgrade_in_place() -> None:
    began = NOW - DAY
    steady = {("a", "v1"): began, ("b", "v1"): began}
    found = upgrade_by_history({**steady, ("a", "v2"): NOW - 3600}, "v2", NOW, step=STEP)
    assert (found.upgrading, found.changed_at) == (True, NOW - 3600)
    slow = upgrade_by_history({**steady, ("a", "v2"): NOW - 9000}, "v2", NOW, step=STEP)
    assert slow.upgrading is False
    long_ago = {**steady, ("c", "v2"): began, ("a", "v2"): NOW - 3600}
    assert upgrade_by_history(long_ago, "v2", NOW, step=STEP).upgrading is False
    young = {("a", "v1"): NOW - 7200, ("a", "v2"): NOW - 3600}
    assert upgrade_by_history(young, "v2", NOW, step=STEP).upgrading is None
    assert upgrade_by_history({}, "v2", NOW, step=STEP).upgrading is None


READYZ = "[+]ping ok\n[-]etcd failed: reason withheld\n[+]log ok\nreadyz check failed\n"


def test_checks_that_fail_are_named() -> None:
    found = readiness({"status": 500, "text": READYZ})
    assert (found.is_ready, found.failing) == (False, ("etcd",))
    assert readiness({"status": 200, "text": "[+]ping ok\nreadyz check passed\n"}).is_ready
    assert readiness({"status": 200, "text": "<html>a proxy</html>"}).is_ready is None
    assert readiness({}).is_ready is None


def test_apis_of_others_that_do_not_answer_are_named() -> None:
    down = {"type": "Available", "status": "False"}
    other = {"metadata": {"name": "v1.x"}, "spec": {"service": {"name": "x"}}}
    own = {"metadata": {"name": "v1.apps"}, "spec": {"service": None}}
    assert unavailable([{**other, "status": {"conditions": [down]}}, own]) == ("v1.x",)
