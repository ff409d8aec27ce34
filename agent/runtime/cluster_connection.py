"""The way to the API server: addresses, certificates, tokens and raw requests.

`kubernetes.aio` knows how a cluster is reached (kubeconfig, service account, tokens that are
rotated) and holds the session; bodies pass through as bytes, because each of its models is
validated on every parse. It retries nothing here: who asks knows whether asking again does harm.

A 401 makes it read the token anew and ask once more, because tokens are rotated while one is in
use. What came of a write whose answer was lost is not known (`UnknownEffect`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from agent.catalog.cluster_document import ClusterSettings
from agent.model.errors import Permanent, Temporary, UnknownEffect
from agent.ports.clock import Clock

if TYPE_CHECKING:
    import aiohttp
    from kubernetes.aio.client.api_client import ApiClient

log = structlog.get_logger("cluster")

READ_CAP_BYTES = 32 * 1024 * 1024
"""Of one answer. A page of 500 large objects stays far below it."""
TIMEOUT_SECONDS = 30.0
TOKEN_SECONDS = 60.0
"""A token is read from its file again after so long."""
UNAUTHORIZED = 401
REMEDY = "pip install 'homeostat[kubernetes]'"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the API server said. Names of headers in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = {}

    @property
    def is_fine(self) -> bool:
        return 200 <= self.status < 300

    @property
    def after_seconds(self) -> float | None:
        """Its wish when to ask again."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdecimal() and len(text) < 6 else None

    def json(self) -> Any:
        """Raises Temporary where it is no JSON: whoever answered was not the API server."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Temporary(f"the answer of the API server is not JSON: {error}") from error

    @property
    def said(self) -> str:
        """Its own words, bounded."""
        try:
            told = msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            told = {}
        message = told.get("message")
        text = message if isinstance(message, str) else self.body[:200].decode(errors="replace")
        return f"{self.status}: {' '.join(text.split())[:300]}"


class ClusterConnection:
    """One API server. Nothing is connected before the first request."""

    def __init__(self, settings: ClusterSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._client: ApiClient | None = None
        self._opening = asyncio.Lock()
        self._read_at = 0.0
        self.last_answer_at: float | None = None
        """When it last answered anything, seconds since the epoch."""
        self.trouble = ""
        """Why it did not, the last time; empty: it did."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        media_type: str = "application/json",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Reply:
        """One request, one answer of any status. Raises Temporary where there was none; for what
        changes something and may have got through, UnknownEffect."""
        reply = await self._once(method, path, query, body, media_type, timeout_seconds)
        if reply.status == UNAUTHORIZED:
            await self._anew()
            reply = await self._once(method, path, query, body, media_type, timeout_seconds)
        return reply

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        media_type: str,
        timeout_seconds: float,
    ) -> Reply:
        import aiohttp  # imported at first use

        client = await self._connected()
        changes = method not in ("GET", "HEAD")
        try:
            async with asyncio.timeout(timeout_seconds):
                sent = await self._send(client, method, path, query, body, media_type)
                try:
                    content = await _bounded(sent)
                finally:
                    sent.release()
        except (aiohttp.ClientConnectorError, aiohttp.ClientProxyConnectionError) as error:
            raise self._unreached(error) from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            unreached = self._unreached(error)
            if changes:
                raise UnknownEffect(f"{method} was sent, and then {unreached}") from error
            raise unreached from error
        self._heard()
        headers = {name.lower(): value for name, value in sent.headers.items()}
        return Reply(status=sent.status, body=content, headers=headers)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], *, timeout_seconds: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that goes on. Raises Temporary where it does not begin; whoever reads it bounds
        the time."""
        import aiohttp  # imported at first use

        client = await self._connected()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                sent = await self._send(
                    client, "GET", path, query, None, "", read_seconds=timeout_seconds
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise self._unreached(error) from error
        try:
            if sent.status == UNAUTHORIZED:
                await self._anew()
            self._heard()
            yield sent
        finally:
            sent.close()

    async def _send(
        self,
        client: ApiClient,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        media_type: str,
        *,
        read_seconds: float | None = None,
    ) -> aiohttp.ClientResponse:
        import aiohttp  # imported at first use

        headers = {"Accept": "application/json", "User-Agent": "homeostat"}
        if media_type:
            headers["Content-Type"] = media_type
        method, url, headers, body, _ = await client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        # Its own bound is 5 minutes; each caller has one that is tighter.
        bound = aiohttp.ClientTimeout(total=None, sock_read=read_seconds)
        answer = await client.rest_client.request(
            method, url, headers=headers, body=body, _request_timeout=bound
        )
        response: aiohttp.ClientResponse = answer.response
        return response

    async def _connected(self) -> ApiClient:
        stale = self._settings.kubeconfig is None and (
            self._clock.monotonic() - self._read_at >= TOKEN_SECONDS
        )
        if self._client is None or stale:
            async with self._opening:
                if self._client is None or stale:
                    await self._open()
        assert self._client is not None
        return self._client

    async def _anew(self) -> None:
        """Reads how the cluster is reached again: the token was rotated."""
        async with self._opening:
            await self._open()

    async def _open(self) -> None:
        """A session that is open goes on where only the token is new."""
        try:
            from kubernetes.aio.client import ApiClient, Configuration  # an extra, and heavy
            from kubernetes.aio.config import load_kube_config
        except ModuleNotFoundError as error:
            raise Permanent(f"Kubernetes needs a package that is missing: {REMEDY}") from error
        made = Configuration()
        made.retries = 0
        made.connection_pool_maxsize = 0  # watches hold theirs for good
        try:
            if self._settings.kubeconfig is not None:
                await load_kube_config(
                    config_file=str(self._settings.kubeconfig),
                    context=self._settings.context,
                    client_configuration=made,
                    persist_config=False,
                )
            else:
                self._from_files(made)
        except Exception as error:
            # The loader raises whatever its parsers do; none of it may end a watch for good.
            self.trouble = f"how the cluster is reached cannot be read: {error}"[:300]
            raise Temporary(self.trouble) from error
        self._read_at = self._clock.monotonic()
        known = self._client
        if known is not None and _same_way(known.configuration, made):
            known.configuration.api_key = made.api_key
            return
        self._client = ApiClient(made)
        if known is not None:
            await known.close()

    def _from_files(self, made: Any) -> None:
        """By the service account of the pod, or by files in its form."""
        import os  # where the API server is stands in the environment of the pod

        settings = self._settings
        host, port = (
            os.environ.get("KUBERNETES_SERVICE_HOST"),
            os.environ.get("KUBERNETES_SERVICE_PORT", "443"),
        )
        if settings.server is None and not host:
            raise ValueError(
                "this is no pod (no KUBERNETES_SERVICE_HOST): write kubernetes: {kubeconfig: PATH}"
            )
        where = f"[{host}]" if host and ":" in host else host
        made.host = settings.server or f"https://{where}:{port}"
        authority = settings.ca_file or settings.token_file.parent / "ca.crt"
        if settings.ca_file is not None or authority.is_file():
            made.ssl_ca_cert = str(authority)
        token = settings.token_file.read_text(encoding="utf-8").strip()
        if not token:
            raise ValueError(f"{settings.token_file} is empty")
        made.api_key["BearerToken"] = f"Bearer {token}"

    def _heard(self) -> None:
        self.last_answer_at, self.trouble = self._clock.now(), ""

    def _unreached(self, error: BaseException) -> Temporary:
        what = " ".join(str(error).split()) or type(error).__name__
        self.trouble = f"the API server does not answer: {what}"[:300]
        return Temporary(self.trouble)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


def _same_way(known: Any, made: Any) -> bool:
    names = ("host", "ssl_ca_cert", "cert_file", "key_file", "verify_ssl")
    return all(getattr(known, name) == getattr(made, name) for name in names)


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in answer.content.iter_any():
        size += len(part)
        if size > READ_CAP_BYTES:
            answer.close()
            raise Temporary(f"an answer of more than {READ_CAP_BYTES // 2**20} MiB")
        parts.append(part)
    return b"".join(parts)
