"""What `deploy/` renders is taken by a real API server, and runs there.

The namespaces enforce the restricted pod security standard, so that its admission control judges
our pod. No image is pulled: kwok plays the kubelet. ServiceMonitor and PrometheusRule are kinds of
the Prometheus operator; the API server gets kinds of those names here that take any content, so
that what is proven of them is the head of the object and no more.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.catalog.settings import load_settings
from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import of_kind, path_of, pod, rule
from tests.cluster.plane import Plane
from tests.support.manifests import BASE, CHART, base, helm_template, objects
from tests.support.tree import ROOT

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
OVERLAY = ROOT / "deploy/kustomize/overlays/example"
WATCHED = ("serviceMonitor.enabled=true", "prometheusRule.enabled=true", "dashboards.enabled=true")
APPLY = ("apply", "--server-side", "--field-manager", "tests", "-f", "-")


@pytest.fixture
async def restricted(plane: Plane) -> AsyncIterator[str]:
    name = await plane.namespace("deploy", labels=RESTRICTED)
    yield name
    await plane.request("DELETE", path_of("Namespace", "", name))


def chart(plane: Plane, namespace: str, *values: str) -> list[dict[str, Any]]:
    """Rendered as a release into this namespace, with these `--set`."""
    words = ["--namespace", namespace, *(w for one in values for w in ("--set", one))]
    return objects(str(plane.programs["helm"]), *words)


def one(found: list[dict[str, Any]], kind: str, name: str = "homeostat") -> dict[str, Any]:
    [it] = [o for o in found if o["kind"] == kind and o["metadata"]["name"] == name]
    return it


async def apply(plane: Plane, found: list[dict[str, Any]], *options: str) -> str:
    """Raises Refused with what the API server says."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": found})
    return await plane.kubectl(*APPLY, *options, input=text)


@asynccontextmanager
async def volume(plane: Plane, namespace: str) -> AsyncIterator[None]:
    """For the claim of the pod there, and no other that waits for one; our cluster has nothing that
    makes volumes."""
    name = f"pv-{namespace}"
    made = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": f"/tmp/{name}"},
            "claimRef": {"namespace": namespace, "name": "data-homeostat-0"},
        },
    }
    await plane.kubectl(*APPLY, input=json.dumps(made))
    try:
        yield
    finally:
        await plane.kubectl("delete", "persistentvolume", name, "--wait=false")


async def running(plane: Plane, namespace: str) -> Any:
    """The one pod of the StatefulSet, once it runs and is ready."""

    async def look() -> Any:
        found = await plane.get("Pod", namespace, "homeostat-0")
        conditions = {c["type"]: c["status"] for c in found["status"].get("conditions", ())}
        return found if conditions.get("Ready") == "True" else None

    return await plane.wait_for(look, within=40, what=f"{namespace}/homeostat-0 is ready")


async def test_the_chart_is_taken_as_it_comes(plane: Plane, restricted: str) -> None:
    said = await apply(plane, chart(plane, restricted), "--dry-run=server")
    kinds = ("serviceaccount", "service", "configmap", "statefulset.apps", "networkpolicy")
    for kind in kinds:
        assert f"{kind}" in said, said
    assert not await plane.exists("ServiceAccount", restricted, "homeostat")


async def test_its_pod_is_let_in_by_the_restricted_standard_and_runs(
    own_plane: ControlPlane, restricted: str
) -> None:
    async with volume(own_plane, restricted):
        await apply(own_plane, chart(own_plane, restricted))
        found = await running(own_plane, restricted)
        # The standard is really enforced here: a pod that asks for more is not let in.
        careless = pod(namespace=restricted, name="careless")
        refused = await own_plane.request("POST", path_of("Pod", restricted), careless)
        assert (refused.status, b"restricted" in refused.body) == (403, True)
    assert found["spec"]["terminationGracePeriodSeconds"] > 35
    claim = await own_plane.get("PersistentVolumeClaim", restricted, "data-homeostat-0")
    assert claim["status"]["phase"] == "Bound"


async def test_the_pods_token_is_short_lived_and_nobody_elses(
    plane: Plane, restricted: str
) -> None:
    """F-SEC-22: bound to the pod, an hour at most; no other pod gets one by naming the account."""
    found = chart(plane, restricted)
    spec = one(found, "StatefulSet")["spec"]["template"]["spec"]
    assert one(found, "ServiceAccount")["automountServiceAccountToken"] is False
    assert spec["automountServiceAccountToken"] is False
    tokens = [
        source["serviceAccountToken"]["expirationSeconds"]
        for each in spec["volumes"]
        for source in each.get("projected", {}).get("sources", ())
        if "serviceAccountToken" in source
    ]
    assert tokens == [3600]
    assert spec["enableServiceLinks"] is False
    alone = chart(plane, restricted, "kubernetes.enabled=false")
    volumes = one(alone, "StatefulSet")["spec"]["template"]["spec"]["volumes"]
    assert not [each for each in volumes if "projected" in each]


async def test_nobody_reaches_it_who_is_not_named(plane: Plane, restricted: str) -> None:
    """F-SEC-22: a rule without peers would let everybody in, so there is none then."""
    default = one(chart(plane, restricted), "NetworkPolicy")["spec"]
    assert default["policyTypes"] == ["Ingress", "Egress"]
    assert all(entry["from"] for entry in default["ingress"])
    assert all(entry["to"] and entry["ports"] for entry in default["egress"])
    everywhere = [b["ipBlock"] for e in default["egress"] for b in e["to"] if "ipBlock" in b]
    assert all("169.254.0.0/16" in b["except"] for b in everywhere if b["cidr"] == "0.0.0.0/0")
    closed = chart(plane, restricted, "networkPolicy.ingress.from=null")
    assert "ingress" not in one(closed, "NetworkPolicy")["spec"]
    await apply(plane, closed, "--dry-run=server")


async def test_it_may_do_what_its_values_say_and_no_more(
    plane: Plane, namespace: str, restricted: str, tmp_path: Path
) -> None:
    """F-SEC-22: the rights of a stolen token end at the namespaces of the products."""
    roles = [{"namespace": namespace, "name": "shop", "rules": [rule("", "pods", "get list")]}]
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps({"rbac": {"roles": roles, "nodes": True}}))
    helm = str(plane.programs["helm"])
    found = objects(helm, "--namespace", restricted, "--values", str(values))
    await apply(plane, found)
    try:
        agent = await plane.account_of(restricted, "homeostat")

        async def status(path: str, method: str = "GET") -> int:
            return (await plane.request(method, path, token=agent.token)).status

        async def granted() -> bool:
            return await status(path_of("Pod", namespace)) == 200

        await plane.wait_for(granted, what="the role is in force")
        assert await status(path_of("Node")) == 200
        assert await status(path_of("Pod", restricted)) == 403
        assert await status(path_of("Secret", namespace)) == 403
        assert await status(path_of("Pod", namespace, "web"), "DELETE") == 403
        assert await status(path_of("Node", "", "x"), "DELETE") == 403
    finally:
        wide = f"{restricted}-homeostat"
        for kind in ("clusterrole", "clusterrolebinding"):
            await plane.kubectl("delete", kind, wide, "--ignore-not-found")


async def test_what_the_operator_and_grafana_pick_up_is_taken(
    plane: Plane, restricted: str
) -> None:
    kinds = [_any_content("ServiceMonitor"), _any_content("PrometheusRule")]
    for kind in kinds:
        await plane.kubectl(*APPLY, input=json.dumps(kind))
    names = [kind["metadata"]["name"] for kind in kinds]
    try:
        for name in names:
            await plane.kubectl("wait", "--for=condition=Established", f"crd/{name}")
        found = chart(plane, restricted, *WATCHED)
        await apply(plane, found)
        rules = one(found, "PrometheusRule")["spec"]
        assert rules == yaml.safe_load((CHART / "rules/homeostat.yaml").read_text())
        boards = [o for o in found if "grafana_dashboard" in o["metadata"].get("labels", {})]
        assert len(boards) == len(list((CHART / "dashboards").glob("*.json")))
        for each in boards:
            [text] = each["data"].values()
            assert json.loads(text)["uid"]
    finally:
        for name in names:
            await plane.kubectl("delete", "crd", name, "--wait=false")


def _any_content(kind: str) -> dict[str, Any]:
    plural = f"{kind.lower()}s"
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": free}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": "Namespaced",
            "versions": [version],
        },
    }


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("replicas=2", "replicas"),
        ("rbac.roles[0].namespace=shop,rbac.roles[0].rules[0].verbs[0]=*", "/rbac/roles/0/rules/0"),
        ("settings.listen=0.0.0.0:1", "/settings/listen"),
        ("tokens.token=abc", "token"),
        ("runbooks.inline.readme=text", "/runbooks/inline"),
    ],
)
async def test_helm_names_the_value_it_refuses(plane: Plane, value: str, named: str) -> None:
    done = helm_template(str(plane.programs["helm"]), "--set", value)
    assert done.returncode != 0
    assert named in done.stderr


async def test_the_settings_of_the_chart_are_settings(plane: Plane, tmp_path: Path) -> None:
    files = ["--set", "catalog.configMaps={shop-catalog}", "--set", "runbooks.configMaps={books}"]
    given = ["--set-json", 'settings={"log": {"level": "debug"}, "link": "https://h.example"}']
    found = objects(str(plane.programs["helm"]), *files, *given)
    file = tmp_path / "homeostat.yaml"
    file.write_text(one(found, "ConfigMap", "homeostat-settings")["data"]["homeostat.yaml"])
    settings = load_settings(file, {})
    mounts = {
        mount["mountPath"]
        for container in one(found, "StatefulSet")["spec"]["template"]["spec"]["containers"]
        for mount in container["volumeMounts"]
    }
    assert {str(path) for path in (*settings.products, *settings.runbooks)} <= mounts
    assert str(settings.data_dir) in mounts
    assert str(settings.tokens_file and settings.tokens_file.parent) in mounts
    assert (settings.log.level, settings.link) == ("debug", "https://h.example")


async def test_new_settings_restart_the_pod_and_new_runbooks_do_not(plane: Plane) -> None:
    helm = str(plane.programs["helm"])

    def template(*values: str) -> Any:
        words = [w for value in values for w in ("--set-json", value)]
        return one(objects(helm, *words), "StatefulSet")["spec"]["template"]

    assert template('settings={"log": {"level": "debug"}}') != template()
    assert template('runbooks.inline={"a.yaml": "x"}') == template()


async def test_the_base_of_kustomize_is_what_the_chart_says(plane: Plane) -> None:
    """Mended by `make manifests`."""
    written = base(str(plane.programs["helm"]))
    assert {name: (BASE / name).read_text() for name in written} == dict(written)
    here = {path.name for path in BASE.iterdir()}
    assert here == {*written, "kustomization.yaml"}


async def test_the_overlay_is_applied_and_runs(own_plane: ControlPlane) -> None:
    rendered = await own_plane.kubectl("kustomize", str(OVERLAY))
    found = [each for each in yaml.safe_load_all(rendered) if each]
    roles = [each for each in found if each["kind"] == "Role"]
    spaces = {each["metadata"]["namespace"] for each in roles}
    assert spaces == {"shop", "default", "kube-system"}
    mine = {"secrets", "pods/exec", "*"}
    assert not any(mine & set(rule["resources"]) for role in roles for rule in role["rules"])
    await own_plane.create(of_kind("Namespace", "shop"))
    try:
        async with volume(own_plane, "homeostat"):
            await apply(own_plane, [one(found, "Namespace")])
            await apply(own_plane, found, "--dry-run=server")
            await apply(own_plane, found)
            seen = await running(own_plane, "homeostat")
        mounted = {
            each["configMap"]["name"] for each in seen["spec"]["volumes"] if "configMap" in each
        }
        assert {"homeostat-catalog", "homeostat-runbooks"} <= mounted
        for name in mounted:
            assert await own_plane.exists("ConfigMap", "homeostat", name)
    finally:
        for name in ("homeostat", "shop"):
            await own_plane.request("DELETE", path_of("Namespace", "", name))
        kinds = "clusterroles,clusterrolebindings,roles,rolebindings"
        made = "app.kubernetes.io/managed-by=homeostat-rbac"
        await own_plane.kubectl("delete", kinds, "-A", "-l", made, "--wait=false")


async def test_kubectl_knows_the_plugin_and_completes_it(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = ROOT / ".venv/bin"
    path = os.pathsep.join([str(ROOT / "deploy/kubectl"), str(beside), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    assert (await plane.kubectl("homeostat", "--version")).startswith("homeostat ")
    completed = (await plane.kubectl("__complete", "homeostat", "incidents", "l")).splitlines()
    assert completed == ["list", ":4"]
    assert "check" in (await plane.kubectl("__complete", "homeostat", "")).splitlines()
