"""A control plane of our own: etcd, kube-apiserver, controller manager, scheduler, and kwok for
the nodes and pods. Ready in 4 to 8 s, on loopback, gone with pytest."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import shutil
import ssl
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp

from tests.cluster.asking import Credentials, Refused, tls_trusting, write_kubeconfig
from tests.cluster.objects import of_kind
from tests.cluster.plane import Plane
from tests.cluster.processes import Process
from tests.support.running import free_port, http_get, program

STAGES = Path(__file__).with_name("stages.yaml")
READY_SECONDS = 60.0
NODES = ("node-1", "node-2")
NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
FAST = ("--kube-api-qps=500", "--kube-api-burst=1000")
"""With the default of 20 requests a second, 1,000 pods take two minutes."""


class ControlPlane(Plane):
    """Started once for all tests. Whoever stops its API server need not start it again: the
    fixture does (conftest.py)."""

    def __init__(self, programs: Mapping[str, Path], folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ports = {name: free_port() for name in ("etcd", "peer", "server", "kubelet")}
        self.certificates = folder / "certificates"
        self._admin_token = secrets.token_urlsafe(24)
        self._flags: tuple[str, ...] = ()
        super().__init__(
            credentials=Credentials(f"https://127.0.0.1:{self.ports['server']}", None, None),
            kubeconfig=folder / "admin.kubeconfig",
            ca_file=None,
            programs=programs,
            folder=folder,
            own=True,
        )
        self.etcd = self._process("etcd", *self._etcd_flags())
        self.api_server = self._process("kube-apiserver", *self._api_server_flags())
        config = f"--kubeconfig={self.kubeconfig}"
        self._clients = [
            self._process(
                "kube-controller-manager",
                config,
                "--leader-elect=false",
                "--secure-port=0",
                f"--service-account-private-key-file={folder}/sa.key",
                f"--root-ca-file={self._certificate}",
                "--controllers=*,-nodeipam",
                *FAST,
            ),
            self._process(
                "kube-scheduler", config, "--leader-elect=false", "--secure-port=0", *FAST
            ),
            self._process(
                "kwok",
                config,
                "--manage-all-nodes=true",
                "--node-ip=127.0.0.1",
                f"--node-port={self.ports['kubelet']}",
                f"--server-address=127.0.0.1:{self.ports['kubelet']}",
                "--node-lease-duration-seconds=40",
                "--cidr=10.1.0.0/16",
                "--enable-crds=Logs",
                f"--config={STAGES}",
            ),
        ]

    @property
    def _certificate(self) -> Path:
        """Signed by itself with its own authority, both in one file: it is what is trusted too."""
        return self.certificates / "apiserver.crt"

    @property
    def certificate_and_key(self) -> tuple[Path, Path]:
        """Of the API server. A proxy that shows them is trusted by whoever trusts the server."""
        return self._certificate, self.certificates / "apiserver.key"

    def _process(self, name: str, *flags: str) -> Process:
        return Process(name, [str(self.programs[name]), *flags], folder=self.folder)

    def _etcd_flags(self) -> list[str]:
        client = f"http://127.0.0.1:{self.ports['etcd']}"
        peer = f"http://127.0.0.1:{self.ports['peer']}"
        return [
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        ]

    def _api_server_flags(self) -> list[str]:
        return [
            f"--etcd-servers=http://127.0.0.1:{self.ports['etcd']}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.ports['server']}",
            f"--cert-dir={self.certificates}",
            f"--token-auth-file={self.folder}/tokens.csv",
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder}/sa.pub",
            f"--service-account-signing-key-file={self.folder}/sa.key",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            "--kubelet-preferred-address-types=InternalIP",
            "--profiling=false",
            # Debian's etcd (3.4.23) cannot say how far a watch has come. A client that streams its
            # list (sendInitialEvents) would be cut off again and again, later and later; so the
            # server says at once that it does not do that, and clients list and watch.
            "--feature-gates=WatchList=false",
        ]

    # --- beginning and end ------------------------------------------------------------------

    def start(self) -> None:
        """Blocks until pods can be created. Whatever fails, nothing of it goes on running."""
        try:
            self.etcd.start()
            self._write_keys()
            self.api_server.start()
            self.api_server.wait_until(self._is_ready_server, within=READY_SECONDS)
            self._trust()
            for client in self._clients:
                client.start()
            asyncio.run(self._furnish())
        except AssertionError as error:
            words = "\n".join(
                f"--- {p.name}\n{p.tail}" for p in self._all if p.tail and not p.is_running
            )
            self.stop()
            raise AssertionError(f"the control plane did not start: {error}\n{words}") from error
        except BaseException:
            self.stop()
            raise

    @property
    def _all(self) -> list[Process]:
        return [*reversed(self._clients), self.api_server, self.etcd]

    def stop(self) -> None:
        for process in self._all:
            process.kill()
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)

    def _write_keys(self) -> None:
        """The key that signs the tokens of service accounts, and the administrator's token."""
        private, public = self.folder / "sa.key", self.folder / "sa.pub"
        openssl = program("openssl")
        make = ["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        for command in (
            [*make, "-out", str(private)],
            ["rsa", "-in", str(private), "-pubout", "-out", str(public)],
        ):
            subprocess.run([openssl, *command], check=True, capture_output=True)
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f"{self._admin_token},admin,admin,system:masters\n")
        tokens.chmod(0o600)

    def _trust(self) -> None:
        """Only now: the API server makes its certificate at its first start."""
        self.ca_file = self._certificate
        self.credentials = Credentials(self.url, tls_trusting(self.ca_file), self._admin_token)
        write_kubeconfig(
            self.kubeconfig, self.url, ca_file=self.ca_file, user={"token": self._admin_token}
        )

    def _is_ready_server(self) -> bool:
        if not self._certificate.exists():
            return False
        try:
            request = Request(
                f"{self.url}/readyz", headers={"Authorization": f"Bearer {self._admin_token}"}
            )
            with urlopen(request, timeout=2, context=tls_trusting(self._certificate)) as answer:
                return bool(answer.status == 200)
        except (HTTPError, OSError, ssl.SSLError):
            return False

    async def _furnish(self) -> None:
        """Nodes, and the kind by which a test says what a pod has logged."""
        await self.create(_logs_kind(), *(of_kind("Node", name) for name in NODES))
        for name in NODES:
            await self.wait_for(
                partial(self._is_ready_node, name), what=f"{name} is ready", within=40
            )
        await self.wait_for(
            lambda: self.exists("ServiceAccount", "default", "default"),
            what="accounts are made",
        )

    async def _is_ready_node(self, name: str) -> bool:
        for client in self._clients:
            if not client.is_running:
                raise AssertionError(f"{client.name} ended; its last words:\n{client.tail}")
        return await self._is_ready(name)

    # --- what breaks ------------------------------------------------------------------------

    async def stop_api_server(self) -> None:
        """Killed: connections break, the port is closed."""
        self.api_server.kill()

    async def start_api_server(self, *flags: str) -> None:
        """Ready when this returns; controllers and kwok start anew. `flags` come after the usual
        ones: `--watch-cache=false`."""
        self._flags = flags
        self.api_server.argv = [
            str(self.programs["kube-apiserver"]),
            *self._api_server_flags(),
            *flags,
        ]
        self.api_server.start()
        await asyncio.to_thread(
            self.api_server.wait_until, self._is_ready_server, within=READY_SECONDS
        )
        # Their pauses between two attempts grow to 30 s, and are not forgotten for two minutes:
        # whoever comes anew asks at once.
        for client in self._clients:
            client.kill()
        # A kwok that was killed holds its nodes' leases for 40 s more, and the next one waits.
        await self._done("DELETE", NODE_LEASES)
        for client in self._clients:
            client.start()

    async def restart_api_server(self, *flags: str) -> None:
        await self.stop_api_server()
        await self.start_api_server(*flags)

    async def back_to_usual(self) -> None:
        """What a test stopped runs again, with the usual flags."""
        if self._flags or not self.api_server.is_running:
            await self.restart_api_server()

    async def compact(self, *, restart: bool = True) -> int:
        """Forgets the past: a watch or list from before gets a real 410. Returns the revision.

        Etcd is compacted, and since a running API server still serves the past out of its watch
        cache, it is restarted (give `restart=False` where it runs with `--watch-cache=false`).
        """
        answer = await self._ask_etcd("range", {"key": base64.b64encode(b"/").decode()})
        revision = int(answer["header"]["revision"])
        await self._ask_etcd("compaction", {"revision": revision, "physical": True})
        if restart:
            await self.restart_api_server(*self._flags)
        return revision

    async def _ask_etcd(self, what: str, body: dict[str, Any]) -> Any:
        url = f"http://127.0.0.1:{self.ports['etcd']}/v3/kv/{what}"
        async with aiohttp.ClientSession() as session, session.post(url, json=body) as reply:
            if reply.status != 200:
                raise Refused(f"etcd {what}: {reply.status} {await reply.text()}")
            return await reply.json()

    # --- what pods say ----------------------------------------------------------------------

    async def set_log(
        self, namespace: str, pod: str, text: str, *, previous: str | None = None
    ) -> None:
        """What `GET .../pods/POD/log` answers for every container of it; `previous`: of the
        container before the last restart."""
        logs = {"logsFile": str(self._log_file(namespace, pod, "now", text))}
        if previous is not None:
            logs["previousLogsFile"] = str(self._log_file(namespace, pod, "before", previous))
        written = {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "Logs",
            "metadata": {"name": pod, "namespace": namespace},
            "spec": {"logs": [logs]},
        }
        await self.kubectl("apply", "--filename=-", input=json.dumps(written))

        async def is_served() -> bool:
            url = f"http://127.0.0.1:{self.ports['kubelet']}"
            containers = (await self.get("Pod", namespace, pod))["spec"]["containers"]
            path = f"/containerLogs/{namespace}/{pod}/{containers[0]['name']}"
            status, body = await http_get(url + path)
            return status == 200 and body.decode().splitlines() == text.splitlines()

        await self.wait_for(is_served, what=f"kwok serves the log of {namespace}/{pod}")

    def _log_file(self, namespace: str, pod: str, which: str, text: str) -> Path:
        """In the format of container runtimes, which the kubelet takes the stamps from."""
        path = self.folder / "logs" / f"{namespace}.{pod}.{which}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            "".join(
                f"2026-01-01T00:00:{number % 60:02}.000000000Z stdout F {line}\n"
                for number, line in enumerate(text.splitlines())
            )
        )
        return path


def _logs_kind() -> dict[str, Any]:
    """kwok's `Logs`, without its schema."""
    names = {"kind": "Logs", "listKind": "LogsList", "plural": "logs", "singular": "logs"}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {
            "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        },
    }
    spec = {
        "group": "kwok.x-k8s.io",
        "names": names,
        "scope": "Namespaced",
        "versions": [version],
    }
    return of_kind("CustomResourceDefinition", "logs.kwok.x-k8s.io", spec=spec)
