"""What serves, configures and runs workloads, asked of a real API server: endpoints, ConfigMaps,
certificates, what pods take, versions, the control plane."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent.ports.cluster import Gone, RightsMissing
from agent.runtime.cluster_doctor import BRINGS, unserved
from tests.cluster.objects import deployment, of_kind
from tests.cluster.plane import READER, Plane
from tests.cluster.reading import ToldPrometheus, put, put_status, reading, sample
from tests.support.kits import RealClock
from tests.support.shipped import shipped

pytestmark = pytest.mark.cluster


def stamp(seconds: float) -> str:
    """That many seconds from now."""
    at = datetime.fromtimestamp(RealClock().now() + seconds, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def service(namespace: str, name: str = "web", **selector: str) -> dict[str, Any]:
    spec = {"selector": selector or {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return of_kind("Service", name, namespace=namespace, spec=spec)


async def test_addresses_behind_a_service_are_those_of_the_workload(
    plane: Plane, namespace: str
) -> None:
    await plane.create(deployment(namespace=namespace, replicas=3))
    await plane.create(deployment("canary", namespace=namespace, replicas=1, labels={"in": "all"}))
    await plane.rolled_out(namespace, "web")
    target = f"{namespace}/deployment/web"
    async with reading(plane.kubeconfig) as kit:
        none = await kit.ask("endpoints", target=target)
        assert (none.services, none.ready, none.not_ready) == (0, 0, 0)
        await plane.create(service(namespace), service(namespace, "others", app="canary"))

        async def all_ready() -> Any:
            found = await kit.ask("endpoints", target=target)
            return found if found.ready == 3 else None

        found = await plane.wait_for(all_ready, what="three addresses are ready")
    assert (found.services, found.not_ready) == (1, 0)
    assert found.changed_ago < timedelta(minutes=2)


async def test_a_service_that_asks_for_a_port_nobody_has_reaches_nobody(
    plane: Plane, namespace: str
) -> None:
    await plane.create(deployment(namespace=namespace, replicas=2))
    wrong = service(namespace)
    wrong["spec"]["ports"] = [{"port": 80, "targetPort": "no-such-port"}]
    await plane.create(wrong)
    await plane.rolled_out(namespace, "web")
    async with reading(plane.kubeconfig) as kit:

        async def known() -> Any:
            found = await kit.ask("endpoints", target=f"{namespace}/deployment/web")
            return found if found.not_ready == 2 else None

        found = await plane.wait_for(known, what="both addresses are known")
    assert (found.services, found.ready) == (1, 0)


async def test_pods_that_are_not_ready_take_no_requests(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace, replicas=2, image="shop:unready"))
    await plane.create(service(namespace))
    async with reading(plane.kubeconfig) as kit:

        async def known() -> Any:
            found = await kit.ask("endpoints", target=f"{namespace}/deployment/web")
            return found if found.not_ready == 2 else None

        assert (await plane.wait_for(known, what="both are not ready")).ready == 0


def configured(namespace: str, config_map: str, **more: Any) -> dict[str, Any]:
    made = deployment(namespace=namespace, replicas=2, **more)
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"] = [{"configMapRef": {"name": config_map}}]
    return made


def config(namespace: str, name: str, **data: str) -> dict[str, Any]:
    return of_kind("ConfigMap", name, namespace=namespace, data=data)


async def test_what_is_changed_in_place_has_no_good_copy_but_an_author(
    plane: Plane, namespace: str
) -> None:
    target = f"{namespace}/deployment/web"
    await plane.create(config(namespace, "web", LEVEL="info"), configured(namespace, "web"))
    await plane.rolled_out(namespace, "web")
    async with reading(plane.kubeconfig) as kit:

        async def is_later() -> bool:
            """Times are whole seconds: what is written in the second of the start is neither."""
            return (await kit.ask("config_state", target=target)).loaded is not False

        await plane.wait_for(is_later, what="pods run with it")
        pods = await plane.items("Pod", namespace)
        started = pods[0]["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
        await plane.wait_for(lambda: stamp(-2) > started, what="the second has passed")
        await plane.kubectl(
            "patch", "configmap", "web", "-n", namespace, "--type=merge",
            "--field-manager=kubectl-edit", "-p", json.dumps({"data": {"LEVEL": "all"}}),
        )  # fmt: skip
        found = await kit.ask("config_state", target=target)
    assert (found.known, found.changed, found.diff) == (False, None, None)
    assert (found.changed_by, found.changed_by_person) == ("kubectl-edit", True)
    assert found.source == f"{namespace}/configmap/web"
    assert found.changed_ago < timedelta(seconds=30)
    assert found.loaded is False  # variables are read at the start only


async def test_a_revision_that_ran_for_a_second_is_no_good_copy(
    plane: Plane, namespace: str
) -> None:
    target = f"{namespace}/deployment/web"
    await plane.create(config(namespace, "web-aaa", LEVEL="info", SEED="1"))
    await plane.create(config(namespace, "web-bbb", LEVEL="all", SEED="1"))
    await plane.create(configured(namespace, "web-aaa"))
    await plane.rolled_out(namespace, "web")
    await plane.apply(configured(namespace, "web-bbb"))
    await plane.rolled_out(namespace, "web")
    async with reading(plane.kubeconfig) as kit:
        young = await kit.ask("config_state", target=target)
        assert (young.known, young.changed) == (False, None)  # it ran for a second only
        assert young.loaded in (True, None)


async def test_without_config_maps_there_is_nothing_to_tell(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace, replicas=1))
    await plane.rolled_out(namespace, "web")
    async with reading(plane.kubeconfig) as kit:
        found = await kit.ask("config_state", target=f"{namespace}/deployment/web")
    assert (found.known, found.changed, found.source, found.loaded) == (False, None, None, True)


async def test_versions_are_those_of_the_server_and_its_nodes(plane: Plane) -> None:
    async with reading(plane.kubeconfig) as kit:
        found = await kit.ask("versions")
        assert any(version.startswith("v1.") for version in found.versions)
        # Nodes of the tests' cluster call their version `kwok`: that is no number to compare.
        if "kwok" in found.versions:
            assert (found.skew, found.behind, found.upgrading) == (None, None, None)


async def test_the_control_plane_is_asked_itself(plane: Plane, namespace: str) -> None:
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "kube-scheduler", "namespace": "kube-system"},
        "spec": {"holderIdentity": "one", "renewTime": stamp(-40).replace("Z", ".000000Z")},
    }
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1.gone.example.test"},
        "spec": {
            "group": "gone.example.test",
            "version": "v1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": "gone", "namespace": namespace},
        },
    }
    await put(plane, lease, api)
    try:
        async with reading(plane.kubeconfig) as kit:

            async def told() -> Any:
                found = await kit.ask("control_plane")
                return found if found.unavailable_apis else None

            found = await plane.wait_for(told, what="the API that is gone is told")
        assert found.unavailable_apis == ["v1.gone.example.test"]
        assert timedelta(seconds=30) < found.scheduler_seen_ago < timedelta(minutes=5)
        assert found.nodes >= found.nodes_ready >= 1
        assert found.api_ready in (True, False)
    finally:
        await plane.kubectl("delete", "apiservice", "v1.gone.example.test", "--wait=false")
        await plane.kubectl("delete", "lease", "kube-scheduler", "-n", "kube-system")


async def test_what_may_not_be_read_of_the_control_plane_is_unknown(
    plane: Plane, namespace: str
) -> None:
    few = await plane.account(namespace)
    async with reading(few.kubeconfig) as kit:
        found = await kit.ask("control_plane")
    assert found.api_ready is True
    assert (found.nodes, found.scheduler_seen_ago, found.unavailable_apis) == (None, None, None)


def kind_of_cert_manager(plural: str, kind: str) -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": anything},
        "subresources": {"status": {}},
    }
    spec = {
        "group": "cert-manager.io",
        "scope": "Namespaced",
        "names": {"plural": plural, "singular": plural[:-1], "kind": kind},
        "versions": [version],
    }
    return of_kind("CustomResourceDefinition", f"{plural}.cert-manager.io", spec=spec)


async def test_a_certificate_is_found_by_the_secret_a_workload_mounts(
    plane: Plane, namespace: str
) -> None:
    """F-K8-14: without cert-manager it says so; with it, it reads what cert-manager wrote."""
    made = deployment(namespace=namespace, replicas=1)
    volume = {"name": "tls", "secret": {"secretName": "web-tls"}}
    made["spec"]["template"]["spec"]["volumes"] = [volume]
    await plane.create(made)
    target = f"{namespace}/deployment/web"
    async with reading(plane.kubeconfig) as kit:
        with pytest.raises(Gone, match="cert-manager is not installed"):
            await kit.ask("certificate", target=target)
        crds = [
            kind_of_cert_manager("certificates", "Certificate"),
            kind_of_cert_manager("issuers", "Issuer"),
        ]
        await put(plane, *crds)
        try:
            await plane.kubectl(
                "wait", "--for=condition=Established", "--timeout=15s",
                *(f"crd/{each['metadata']['name']}" for each in crds),
            )  # fmt: skip
            await certificates(plane, namespace)
            kit.prometheus = ToldPrometheus({"web[.]example[.]test": 3600.0})
            found = await kit.ask("certificate", target=target)
            nobody = await kit.ask("certificate", target=f"{namespace}/certificate/other")
        finally:
            await plane.kubectl("delete", "crd", *(each["metadata"]["name"] for each in crds))
    assert found.name == f"{namespace}/certificate/web"
    assert found.expires_in == timedelta(hours=1)
    assert timedelta(days=19) < found.issued_expires_in < timedelta(days=20)
    assert found.renews_in < timedelta(0)
    assert (found.managed, found.renewing, found.issuer_ready) == (True, False, False)
    assert (found.failures, found.last_failure) == (2, "the authority does not answer")
    assert (nobody.issued_expires_in, nobody.failures, nobody.expires_in) == (None, 0, None)


async def certificates(plane: Plane, namespace: str) -> None:
    """As cert-manager leaves them."""

    def of(kind: str, name: str, spec: Any) -> dict[str, Any]:
        meta = {"name": name, "namespace": namespace}
        return {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": meta, "spec": spec}

    issuer = {"name": "house", "kind": "Issuer"}
    names = ["web.example.test", "*.example.test"]
    await put(
        plane,
        of("Issuer", "house", {}),
        of("Certificate", "web", {"secretName": "web-tls", "issuerRef": issuer, "dnsNames": names}),
        of("Certificate", "other", {"secretName": "other-tls", "issuerRef": issuer}),
    )
    not_ready = {"conditions": [{"type": "Ready", "status": "False"}]}
    await put_status(plane, "issuer", namespace, "house", not_ready)
    failed = {
        "type": "Issuing",
        "status": "False",
        "reason": "Failed",
        "message": "the authority\n does not answer",
    }
    status = {
        "notAfter": stamp(20 * 86_400 - 60),
        "renewalTime": stamp(-3600),
        "failedIssuanceAttempts": 2,
        "conditions": [failed],
    }
    await put_status(plane, "certificate", namespace, "web", status)


async def test_what_pods_take_is_told_against_their_limits(plane: Plane, namespace: str) -> None:
    made = deployment(namespace=namespace, replicas=2)
    container = made["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"memory": "100Mi", "cpu": "500m"}}
    await plane.create(made)
    await plane.rolled_out(namespace, "web")
    one, two = sorted(
        p["metadata"]["name"] for p in await plane.items("Pod", namespace, labelSelector="app=web")
    )
    target = f"{namespace}/deployment/web"
    async with reading(plane.kubeconfig) as kit:
        assert (await kit.ask("resource_use", target=target)).model_dump(exclude_none=True) == {}
        memory = [
            sample(20 * 2.0**20, pod=one, container="app"),
            sample(90 * 2.0**20, pod=two, container="app"),
        ]
        cpu = [sample(0.1, pod=one, container="app"), sample(0.25, pod=two, container="app")]
        kit.prometheus = ToldPrometheus(
            {
                "min_over_time": 12.5,
                "deriv": 7200.0,
                "container_memory_working_set_bytes": memory,
                "container_cpu_usage": cpu,
                "cfs_throttled": 0.3,
            }
        )
        found = await kit.ask("resource_use", target=target)
        assert (found.memory, found.cpu, found.throttled) == (0.9, 0.5, 0.3)
        assert found.growing_for == timedelta(hours=16)
        assert found.memory_full_in == timedelta(hours=2)
        assert found.running_for < timedelta(minutes=1)
        assert any(f'pod="{two}"' in asked for asked in kit.prometheus.asked)
        # What one of them takes is not known: then nobody knows which is nearest to its limit.
        del memory[1]
        assert (await kit.ask("resource_use", target=target)).memory is None


async def test_rights_that_are_missing_are_named(plane: Plane, namespace: str) -> None:
    few = await plane.account(namespace, rules=READER)
    await plane.create(deployment(namespace=namespace, replicas=1))
    async with reading(few.kubeconfig) as kit:
        with pytest.raises(RightsMissing, match=f"may not list services in {namespace}"):
            await kit.ask("endpoints", target=f"{namespace}/deployment/web")


async def test_what_shipped_plugins_ask_for_is_served_or_told(plane: Plane) -> None:
    """F-K8-14: everything of Kubernetes itself is served under the names and versions that are
    asked for; what others bring is told by name."""
    rights = {name: getattr(each, "rights", ()) for name, each in shipped().plugins.items()}
    async with reading(plane.kubeconfig) as kit:
        found = await unserved(kit.cluster.connection, rights)
    told = {each.resource: each for each in found}
    brought = {resource.partition(".")[2].partition("/")[0] for resource in told}
    assert brought <= set(BRINGS)
    certificates = told["certificates.cert-manager.io"]
    assert certificates.is_needed
    assert "kubernetes.certificate" in certificates.used_by
    assert "cert-manager is not installed" in certificates.why
    assert not told["pods.metrics.k8s.io"].is_needed
