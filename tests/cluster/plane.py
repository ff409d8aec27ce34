"""What a test does with a cluster: ask it, change it, and make accounts with few rights in it.

Everything here is set-up and looking, as an administrator. What is under test comes with an
`Account` of its own.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.asking import Asking, write_kubeconfig
from tests.cluster.objects import Object, of_kind, path_of, rule

READ = "get list watch"


@dataclass(frozen=True)
class Account:
    """A ServiceAccount with the rights it was given and no more."""

    namespace: str
    name: str
    url: str
    token: str
    token_file: Path
    ca_file: Path | None
    kubeconfig: Path
    """Names the token by its file: write another one there, and it is used from then on."""


@dataclass
class Plane(Asking):
    """A cluster. `own`: we started it, so a test may stop its API server and lean on stages."""

    own: bool = False
    _names: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _nodes: list[str] = field(default_factory=list)
    _wide: list[tuple[str, str]] = field(default_factory=list)

    # --- waiting for what is usual --------------------------------------------------------------

    async def rolled_out(self, namespace: str, name: str, *, within: float = 30) -> Any:
        """The Deployment, once all of its replicas are of its newest revision and available."""

        async def done() -> Any:
            found = await self.get("Deployment", namespace, name)
            wanted, status = found["spec"]["replicas"], found.get("status", {})
            counts = [
                status.get(f"{of}eplicas", 0) for of in ("r", "updatedR", "availableR", "readyR")
            ]
            seen = status.get("observedGeneration") == found["metadata"]["generation"]
            return found if seen and counts == [wanted] * 4 else None

        return await self.wait_for(done, within=within, what=f"{namespace}/{name} is rolled out")

    async def waiting_pods(
        self, namespace: str, reason: str, *, least: int = 1, within: float = 20
    ) -> list[Any]:
        """Pods with a container that waits for `reason` (CrashLoopBackOff, ImagePullBackOff)."""

        async def seen() -> list[Any]:
            found = [
                one
                for one in await self.items("Pod", namespace)
                for container in one["status"].get("containerStatuses", ())
                if container["state"].get("waiting", {}).get("reason") == reason
            ]
            return found if len(found) >= least else []

        return await self.wait_for(seen, within=within, what=f"pods of {namespace} in {reason}")

    # --- making -----------------------------------------------------------------------------

    async def namespace(
        self, prefix: str = "test", *, labels: Mapping[str, str] | None = None
    ) -> str:
        """A fresh one, in which pods can be created. The fixture `namespace` deletes its own; what
        else is made goes with the cluster."""
        name = f"{prefix}-{next(self._names)}-{os.getpid()}"
        await self.create(of_kind("Namespace", name, labels=labels))
        await self.wait_for(
            lambda: self.exists("ServiceAccount", name, "default"), what=f"{name} has its account"
        )
        return name

    async def node(
        self, name: str, *, labels: Mapping[str, str] | None = None, by_hand: bool = False
    ) -> str:
        """A node that is ready; it is deleted after the test.

        With `by_hand` its conditions are the test's to write (`patch(..., sub="status")`): kwok
        does not make it ready again.
        """
        self._nodes.append(name)
        await self.create(of_kind("Node", name, labels=labels))
        await self.wait_for(lambda: self._is_ready(name), what=f"node {name} is ready")
        if by_hand:
            change = {"metadata": {"labels": {"homeostat.test/status": "by-hand"}}}
            await self.patch("Node", "", name, change)
        return name

    async def _is_ready(self, node: str) -> bool:
        found = await self.get("Node", "", node)
        conditions = {c["type"]: c["status"] for c in found["status"].get("conditions", ())}
        return conditions.get("Ready") == "True" and not found["spec"].get("taints")

    async def account(
        self,
        namespace: str,
        name: str = "agent",
        *,
        rules: Sequence[Object] = (),
        elsewhere: Mapping[str, Sequence[Object]] | None = None,
        cluster_rules: Sequence[Object] = (),
    ) -> Account:
        """A ServiceAccount that may do `rules` in its namespace, `elsewhere[other]` in others, and
        `cluster_rules` anywhere (rules: `objects.rule`)."""
        await self.apply(of_kind("ServiceAccount", name, namespace=namespace))
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        for place, allowed in {namespace: rules, **(elsewhere or {})}.items():
            if allowed:
                await self._bind("Role", f"{name}-{namespace}", place, allowed, subject)
        if cluster_rules:
            wide = f"test-{namespace}-{name}"
            await self._bind("ClusterRole", wide, "", cluster_rules, subject)
            self._wide += [("ClusterRole", wide), ("ClusterRoleBinding", wide)]
        return await self.account_of(namespace, name)

    async def account_of(self, namespace: str, name: str) -> Account:
        """Of a ServiceAccount that stands there already, for example one that a chart made."""
        token = await self.token_of(namespace, name)
        token_file = self.folder / f"{namespace}-{name}.token"
        token_file.write_text(token)
        return Account(
            namespace=namespace,
            name=name,
            url=self.url,
            token=token,
            token_file=token_file,
            ca_file=self.ca_file,
            kubeconfig=self.kubeconfig_for(f"{namespace}-{name}", token_file=token_file),
        )

    async def token_of(self, namespace: str, name: str, *, seconds: int = 3600) -> str:
        """By TokenRequest; the API server gives none for less than 600 s. To end one early, delete
        its ServiceAccount."""
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        path = path_of("ServiceAccount", namespace, name, sub="token")
        return str((await self._done("POST", path, body))["status"]["token"])

    def kubeconfig_for(self, name: str, *, token_file: Path, url: str | None = None) -> Path:
        """A kubeconfig that reads its token from a file. `url`: for example a fault proxy's."""
        path = self.folder / f"{name}.kubeconfig"
        write_kubeconfig(
            path, url or self.url, ca_file=self.ca_file, user={"tokenFile": str(token_file)}
        )
        return path

    async def _bind(
        self, kind: str, name: str, namespace: str, rules: Sequence[Object], subject: Object
    ) -> None:
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        binding = of_kind(
            f"{kind}Binding", name, namespace=namespace, roleRef=role, subjects=[subject]
        )
        await self.apply(of_kind(kind, name, namespace=namespace, rules=list(rules)), binding)

    async def forget_what_is_cluster_wide(self) -> None:
        """Nodes and cluster roles of the test that ended; namespaces are its fixture's."""
        for name in self._nodes:
            await self.request("DELETE", path_of("Node", "", name))
        for kind, name in self._wide:
            await self.request("DELETE", path_of(kind, "", name))
        self._nodes.clear()
        self._wide.clear()


READER = (
    rule("", "pods pods/log events", READ),
    rule("apps", "deployments replicasets", READ),
)
"""Rules of an account that looks and changes nothing."""
