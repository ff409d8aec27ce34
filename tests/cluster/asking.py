"""Asking a cluster as its administrator: raw requests, kubectl and helm, and waiting."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import aiohttp

from tests.cluster.objects import Object, path_of
from tests.support.waiting import eventually

T = TypeVar("T")
JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
KUBECTL_SECONDS = 30
OWNER = "tests"


class Refused(AssertionError):
    """The API server, kubectl or helm said no to what the test's set-up asked."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """`Conflict`, `Expired`, ...: of a Status object; empty for anything else."""
        try:
            return str(self.json().get("reason", ""))
        except (ValueError, AttributeError):
            return ""


@dataclass(frozen=True)
class Credentials:
    """What `request` shows: a token, or a client certificate within `tls`."""

    url: str
    tls: ssl.SSLContext | None
    token: str | None


@dataclass
class Asking:
    """A cluster that is asked as its administrator. `programs` has kubectl and helm."""

    credentials: Credentials
    kubeconfig: Path
    ca_file: Path | None
    programs: Mapping[str, Path]
    folder: Path

    @property
    def url(self) -> str:
        return self.credentials.url

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        content_type: str = JSON,
        params: Mapping[str, str] | None = None,
        seconds: float = 15,
        url: str | None = None,
    ) -> Answer:
        """As administrator, or with `token`. Any status is an answer.

        A watch is read to its end: give it `params={"timeoutSeconds": "1", ...}`.
        """
        headers = {"Content-Type": content_type, "Accept": JSON}
        if bearer := token or self.credentials.token:
            headers["Authorization"] = f"Bearer {bearer}"
        data = None if body is None else json.dumps(body)
        timeout = aiohttp.ClientTimeout(total=seconds)
        # An administrator's client certificate must not speak for somebody else's token.
        tls = tls_trusting(self.ca_file) if token else self.credentials.tls
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(
                method,
                (url or self.url) + path,
                params=params,
                data=data,
                headers=headers,
                ssl=True if tls is None else tls,
            ) as reply,
        ):
            return Answer(reply.status, dict(reply.headers), await reply.read())

    async def get(self, kind: str, namespace: str = "", name: str = "", *, sub: str = "") -> Any:
        """The object, or without a name the list. Raises Refused."""
        return await self._done("GET", path_of(kind, namespace, name, sub=sub))

    async def items(self, kind: str, namespace: str = "", **params: str) -> list[Any]:
        """`await plane.items("Pod", ns, labelSelector="app=web")`."""
        answer = await self._done("GET", path_of(kind, namespace), params=params)
        return list(answer["items"])

    async def exists(self, kind: str, namespace: str, name: str) -> bool:
        answer = await self.request("GET", path_of(kind, namespace, name))
        return answer.status == 200

    async def create(self, *objects: Object) -> list[Any]:
        """As they came back. Raises Refused."""
        return [
            await self._done(
                "POST", path_of(made["kind"], made["metadata"].get("namespace", "")), made
            )
            for made in objects
        ]

    async def apply(self, *objects: Object, owner: str = OWNER) -> list[Any]:
        """Server-side apply, by force, as the field manager `owner`."""
        return [
            await self._done(
                "PATCH",
                path_of(
                    made["kind"], made["metadata"].get("namespace", ""), made["metadata"]["name"]
                ),
                made,
                content_type=APPLY_PATCH,
                params={"force": "true", "fieldManager": owner},
            )
            for made in objects
        ]

    async def patch(
        self,
        kind: str,
        namespace: str,
        name: str,
        change: object,
        *,
        sub: str = "",
        owner: str = OWNER,
    ) -> Any:
        """A merge patch from a dictionary, a JSON patch from a list; `sub="status"` for those."""
        return await self._done(
            "PATCH",
            path_of(kind, namespace, name, sub=sub),
            change,
            content_type=JSON_PATCH if isinstance(change, list) else MERGE_PATCH,
            params={"fieldManager": owner},
        )

    async def delete(self, kind: str, namespace: str, name: str, **options: Any) -> Any:
        """`options` are DeleteOptions: preconditions, propagationPolicy, ..."""
        return await self._done("DELETE", path_of(kind, namespace, name), options or None)

    async def evict(self, namespace: str, name: str) -> Answer:
        """As it was answered: 201, or 429 where a disruption budget forbids it."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
        }
        return await self.request("POST", path_of("Pod", namespace, name, sub="eviction"), body)

    async def _done(self, method: str, path: str, body: object = None, **more: Any) -> Any:
        answer = await self.request(method, path, body, **more)
        if answer.status >= 300:
            raise Refused(f"{method} {path}: {answer.status} {answer.body[:500]!r}")
        return answer.json()

    async def kubectl(
        self, *arguments: str, input: str | None = None, kubeconfig: Path | None = None
    ) -> str:
        """What it printed. Raises Refused with what it said on standard error."""
        return await self.run("kubectl", *arguments, input=input, kubeconfig=kubeconfig)

    async def helm(
        self, *arguments: str, input: str | None = None, kubeconfig: Path | None = None
    ) -> str:
        return await self.run("helm", *arguments, input=input, kubeconfig=kubeconfig)

    async def run(
        self, program: str, *arguments: str, input: str | None, kubeconfig: Path | None
    ) -> str:
        process = await asyncio.create_subprocess_exec(
            str(self.programs[program]),
            *arguments,
            env={
                **os.environ,
                "HOME": str(self.folder),
                "KUBECONFIG": str(kubeconfig or self.kubeconfig),
            },
            stdin=asyncio.subprocess.PIPE if input is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(KUBECTL_SECONDS):
                out, wrong = await process.communicate(None if input is None else input.encode())
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            words = wrong.decode(errors="replace")
            raise Refused(f"{program} {' '.join(arguments)}: {process.returncode}\n{words}")
        return out.decode()

    @overload
    async def wait_for(
        self, look: Callable[[], Awaitable[T]], *, what: str, within: float = 20
    ) -> T: ...

    @overload
    async def wait_for(self, look: Callable[[], T], *, what: str, within: float = 20) -> T: ...

    async def wait_for(self, look: Callable[[], Any], *, what: str, within: float = 20) -> Any:
        """Looks every 0.1 s and returns the first true answer; a refusal counts as "not yet"."""

        async def looked() -> Any:
            try:
                answer = look()
                return await answer if isinstance(answer, Awaitable) else answer
            except (Refused, aiohttp.ClientError):
                return None

        return await eventually(looked, within=within, what=what, every=0.1)


def tls_trusting(ca_file: Path | None) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=ca_file) if ca_file else None


def write_kubeconfig(path: Path, url: str, *, ca_file: Path | None, user: Object) -> None:
    cluster: Object = {"server": url}
    if ca_file is not None and url.startswith("https:"):
        cluster["certificate-authority-data"] = base64.b64encode(ca_file.read_bytes()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.write_text(json.dumps(config))
    path.chmod(0o600)
