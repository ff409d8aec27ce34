"""The daemon, and `homeostat doctor --rbac`, with the Roles that `homeostat rbac` prints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from agent.interface.cli.main import app
from tests.cluster.granting import bound_token, write_catalog
from tests.cluster.objects import deployment, of_kind, path_of, pod
from tests.cluster.plane import Account, Plane
from tests.support.daemon import Daemon, daemon
from tests.support.policies import WRITTEN
from tests.support.waiting import eventually

pytestmark = pytest.mark.cluster

RESTARTS = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: web-stuck, owner: platform, layer: product, tier: low}
match: {alert: [WebStuck]}
diagnose: [{id: pods, use: kubernetes.pod_status, with: {target: =entity.name}}]
plans:
  restart:
    steps:
      - {id: restart, use: kubernetes.rollout_restart, with: {target: =entity.name}}
    verify: {success: {all: [alert_cleared]}, within: 30s}
"""
CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "homeostat"


async def homeostat(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(words))


class Site:
    def __init__(self, plane: Plane, namespace: str, made: Daemon) -> None:
        self.plane, self.namespace, self.daemon = plane, namespace, made
        self.config = str(made.folder / "homeostat.yaml")

    async def grant(self) -> Account:
        """What `homeostat rbac` prints, by kubectl."""
        account = f"{self.namespace}/agent"
        printed = await homeostat("rbac", "--config", self.config, "--service-account", account)
        assert printed.exit_code == 0, printed.output
        await self.plane.kubectl("apply", "-f", "-", input=printed.output)
        return await self.plane.account_of(self.namespace, "agent")

    async def doctor(self) -> tuple[int, list[dict[str, Any]]]:
        told = await homeostat("doctor", "--rbac", "--config", self.config, "--format", "json")
        return told.exit_code, json.loads(told.stdout)

    async def exact(self) -> bool:
        return (await self.doctor())[0] == 0

    async def in_sync(self) -> bool:
        told = await self.daemon.get("/api/v1/cluster")
        return bool(told["connected"] and told["in_sync"])

    async def trouble(self) -> str:
        return str((await self.daemon.get("/api/v1/cluster"))["trouble"])

    async def restarted_by(self) -> str:
        found = await self.plane.get("Deployment", self.namespace, "web")
        notes = found["spec"]["template"]["metadata"].get("annotations", {})
        return str(notes.get("homeostat/restarted-by", ""))


@asynccontextmanager
async def site(plane: Plane, namespace: str, folder: Path) -> AsyncIterator[Site]:
    """With the account that it names already, and nothing granted to it yet."""
    await plane.create(of_kind("ServiceAccount", "agent", namespace=namespace))
    account = await plane.account_of(namespace, "agent")
    settings: dict[str, Any] = {
        "kubernetes": {"kubeconfig": str(account.kubeconfig), "relist": "10s"},
        "data_dir": str(folder / "var"),
        "policy": {"rails": {**WRITTEN, "wait": "2s"}},
    }
    async with daemon(folder, runbooks={"web": RESTARTS}, **settings) as made:
        write_catalog(folder / "catalog", namespace)
        yield Site(plane, namespace, made)


@pytest.fixture
async def shop(plane: Plane, namespace: str, tmp_path: Path) -> AsyncIterator[Site]:
    await plane.create(deployment(namespace=namespace, replicas=1))
    await plane.rolled_out(namespace, "web")
    async with site(plane, namespace, tmp_path) as made:
        yield made


async def test_the_daemon_heals_with_exactly_what_is_printed(shop: Site) -> None:
    await shop.grant()
    await shop.daemon.start()
    await eventually(shop.in_sync, within=30, what="in sync")
    assert await shop.daemon.fire("WebStuck", entity="web") == 200
    await eventually(shop.restarted_by, within=30, what=shop.daemon.output[-1500:])
    await shop.daemon.clear("WebStuck", entity="web")
    await shop.daemon.until(30, state="resolved")
    assert shop.daemon.pages == []
    assert await shop.exact()


async def test_without_the_right_to_act_people_are_told_which_one_it_is(shop: Site) -> None:
    """F-K8-06: nothing is tried again, and the page names the right."""
    await shop.grant()
    role = await shop.plane.get("Role", shop.namespace, "agent-shop")
    for rule in role["rules"]:
        rule["verbs"] = [verb for verb in rule["verbs"] if verb != "patch"]
    kept = [rule for rule in role["rules"] if rule["verbs"]]
    await shop.plane.patch("Role", shop.namespace, "agent-shop", {"rules": kept})
    await shop.daemon.start()
    await eventually(shop.in_sync, within=30, what="in sync")
    await shop.daemon.fire("WebStuck", entity="web")
    await eventually(lambda: shop.daemon.pages, within=30, what=shop.daemon.output[-1500:])
    assert f"may not patch deployments.apps in {shop.namespace}" in json.dumps(shop.daemon.pages)
    assert not await shop.restarted_by()
    code, rows = await shop.doctor()
    [row] = [one for one in rows if one["grade"] == "wrong"]
    assert (code, row["what"]) == (1, f"missing in {shop.namespace}")
    assert row["found"] == (
        "may not patch deployments.apps (web): web-stuck by kubernetes.rollout_restart"
    )


async def test_the_doctor_finds_what_is_granted_besides(shop: Site) -> None:
    await shop.grant()
    await eventually(shop.exact, within=20, what="what is printed is exact")
    secrets = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    anything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    role = await shop.plane.get("Role", shop.namespace, "agent-shop")
    rules = [*role["rules"], secrets, anything]
    await shop.plane.patch("Role", shop.namespace, "agent-shop", {"rules": rules})

    async def told() -> list[str]:
        code, rows = await shop.doctor()
        wrong = [one for one in rows if one["grade"] == "wrong"]
        assert (code == 1) == bool(wrong)
        return [f"{one['what']}: {one['found']}" for one in wrong]

    found = await eventually(told, within=20, what="it is found")
    where = f"too much in {shop.namespace}"
    assert found == [f"{where}: may * *.*", f"{where}: may get secrets"]


async def test_the_values_for_the_chart_grant_the_same(shop: Site) -> None:
    words = ["rbac", "--config", shop.config]
    values = yaml.safe_load((await homeostat(*words, "--format", "helm")).output)
    (shop.daemon.folder / "values.yaml").write_text(json.dumps(values))
    text = await shop.plane.helm(
        "template",
        "agent",
        str(CHART),
        "--kube-version",
        "1.30.0",
        "-f",
        str(shop.daemon.folder / "values.yaml"),
    )
    rendered = [one for one in yaml.safe_load_all(text) if one and one["kind"] == "Role"]
    printed = yaml.safe_load_all((await homeostat(*words)).output)
    assert [one["rules"] for one in rendered] == [
        one["rules"] for one in printed if one["kind"] == "Role"
    ]


async def test_a_token_whose_pod_is_gone_is_worth_nothing(
    shop: Site, plane: Plane, namespace: str
) -> None:
    """F-SEC-22: whoever took the token has it for as long as the pod lives. The daemon says that it
    is refused, and acts on nothing."""
    account = await shop.grant()
    carrier = pod("carrier", namespace=namespace, serviceAccountName="agent")
    await plane.create(carrier)
    token = await bound_token(plane, namespace, "agent", "carrier")
    account.token_file.write_text(token)
    await shop.daemon.start()
    await eventually(shop.in_sync, within=30, what="in sync")
    await plane.delete("Pod", namespace, "carrier", gracePeriodSeconds=0)

    async def is_refused() -> bool:
        answer = await plane.request("GET", path_of("Pod", namespace), token=token)
        return answer.status == 401

    # What was accepted is remembered for ten seconds.
    await eventually(is_refused, within=40, what="the token is refused")
    said = await eventually(shop.trouble, within=60, what="the daemon says so")
    assert "401" in said
    await shop.daemon.fire("WebStuck", entity="web")
    pages = await eventually(lambda: shop.daemon.pages, within=30, what="people are told")
    assert "401" in json.dumps(pages)
    assert not await shop.restarted_by()
    code, rows = await shop.doctor()
    assert code == 1
    assert any("401" in one["found"] for one in rows)
