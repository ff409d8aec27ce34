"""The hot endpoints: where senders push. Bare ASGI, because they carry the storms.

Order of each request: who is it (headers only) → how big may it be → read, bounded in size and in
time → decode (pure, the plugin's part) → may this sender say that → durable → 200. What a sender
may conclude from the answer stands in CONTRACT.md: 200 only after the commit is on disk, 503 where
it could not be made, so that the sender keeps the message and sends it again. A 4xx is final for
Alertmanager, it drops the group: one that is too large is therefore counted and the sources are
asked at once who is firing.

A refusal that arrives while the sender still writes is answered first, and what it writes is then
thrown away for a moment before the connection is closed: closing at once would reset the connection
and most senders would never see the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from agent.core.changed import entities_named
from agent.core.cleaning import clean_alert
from agent.core.identify import identify
from agent.interface.facade import Facade
from agent.interface.http.identity import Doorkeeper, require
from agent.interface.http.replies import Refused
from agent.interface.http.signatures import (
    BodyClaim,
    Claim,
    body_claim_of,
    claim_of,
    is_signed,
    message_id,
    not_proven,
)
from agent.model.alert import (
    Alert,
    Change,
    Heartbeat,
    Measure,
    ReferenceAnswer,
    Signal,
    SloReading,
    Telemetry,
)
from agent.model.errors import StoreUnavailable, Unparseable
from agent.model.principal import Principal, Role
from agent.model.product import InventoryObject, Registry
from agent.ports.plugin import PushSource

MOST_BODY_BYTES = 16 * 1024 * 1024
BODY_SECONDS = 10.0
LINGER_SECONDS = 2.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_NOTHING: Mapping[str, InventoryObject] = {}
_JSON = (b"content-type", b"application/json")
_OK_START: MutableMapping[str, Any] = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"0")],
}
"""As Alertmanager answers. Without a body the whole answer is one write to the socket."""


class SenderLeft(Exception):
    """The sender closed the connection before its body was complete."""


def header_map(scope: Scope) -> dict[str, str]:
    return {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}


def address_of(scope: Scope) -> str:
    """The other end of the socket."""
    return str((scope.get("client") or ("",))[0])


class HotEndpoints:
    """All push sources, by path. An ASGI application for POST requests to those paths."""

    def __init__(
        self,
        facade: Facade,
        door: Doorkeeper,
        sources: Iterable[PushSource],
        *,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._facade = facade
        self._door = door
        self._body_seconds = body_seconds
        self.by_path: Mapping[str, PushSource] = {s.path: s for s in sources}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        source = self.by_path[scope["path"]]
        headers = header_map(scope)
        is_read = False
        try:
            sender = self._admit(source, headers, address_of(scope))
            body = await self._read(receive)
            is_read = True
            if isinstance(sender, Claim | BodyClaim):
                sender, once = self._proven(body, sender, address_of(scope))
            else:
                once = message_id(headers, source.delivery)
            key = f"{sender.name} {once}" if once else ""
            await self._accept(source, body, headers, sender, once=key)
        except Refused as refused:
            if refused.status == 413:
                self._facade.request_level_check()
            self._facade.note_refusal(source=source.name, status=refused.status, why=refused.error)
            await _refuse(refused, None if is_read else receive, send, headers)
        except SenderLeft:
            self._facade.note_refusal(source=source.name, status=499, why="the sender left")
        else:
            await send(_OK_START)
            await send({"type": "http.response.body", "body": b""})

    def _admit(
        self, source: PushSource, headers: Mapping[str, str], address: str
    ) -> Principal | Claim | BodyClaim:
        """Everything that can be said from the headers alone. Whoever signs is known only once
        the body is there."""
        sender: Principal | Claim | BodyClaim
        if self._facade.principals is not None and is_signed(headers):
            sender = claim_of(headers, now=self._facade.now())
        elif self._facade.principals is not None and source.signature in headers:
            sender = body_claim_of(headers, source.signature)
        else:
            sender = self._door.sender(headers, address=address)
            require(sender, Role.SENDER)
        if headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise Refused(415, "compressed bodies are not read", remedy="send it uncompressed")
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > MOST_BODY_BYTES:
            raise _too_large()
        return sender

    async def _read(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._body_seconds):
                return await read_body(receive, most=MOST_BODY_BYTES)
        except TimeoutError:
            raise Refused(
                408,
                f"the body took longer than {self._body_seconds:g} seconds",
                remedy="send smaller groups, or look at the network",
            ) from None

    def _proven(self, body: bytes, claim: Claim | BodyClaim, address: str) -> tuple[Principal, str]:
        """Who signed this, and the id under which it is taken once: what was taken before is
        answered like the first time, and nothing happens."""
        principals = self._facade.principals
        found = principals and claim.proven_by(principals, body)
        if not found:
            self._door.sending.failed(address, at=self._facade.now())
            raise not_proven()
        require(found, Role.SENDER)
        return found, claim.id

    async def _accept(
        self,
        source: PushSource,
        body: bytes,
        headers: Mapping[str, str],
        principal: Principal,
        *,
        once: str,
    ) -> None:
        try:
            signals = source.signals(body, headers)
        except Unparseable as error:
            await self._keep(source, body, str(error))
            raise Refused(
                400,
                str(error),
                remedy="compare it with the source's format; the first 64 KiB are kept in "
                "quarantine",
                where=error.where,
            ) from None
        if principal.products:
            self._check_products(principal, signals)
        try:
            if once:
                await self._facade.once.receive(once, signals)
            else:
                await self._facade.receive(signals)
        except StoreUnavailable as error:
            raise _not_now(error) from None

    async def _keep(self, source: PushSource, body: bytes, why: str) -> None:
        try:
            await self._facade.quarantine(body, source=source.name, why=why)
        except StoreUnavailable as error:
            raise _not_now(error) from None

    def _check_products(self, principal: Principal, signals: Sequence[Signal]) -> None:
        for signal in signals:
            view = self._facade.view
            spoken_of = products_of(signal, view.registry, view.inventory)
            foreign = spoken_of - principal.products
            if foreign or not spoken_of:
                product = min(foreign - {None}, key=str, default=None)
                raise Refused(
                    403,
                    f"{principal.name} may not speak for the product {product or '(none)'}",
                    remedy="the token file lists the products of each sender",
                )


def products_of(
    signal: Signal, registry: Registry, inventory: Mapping[str, InventoryObject] = _NOTHING
) -> frozenset[str | None]:
    """Every product the signal is about: by what it says, and by what the registry says of the
    entity it names, since that is who will be acted on. None among them: what belongs to nobody
    in particular, such as substrate."""
    if isinstance(signal, Alert):
        alert = clean_alert(signal)  # as it will be decided about
        found = identify(alert, registry, inventory)
        said = {alert.labels["product"]} if "product" in alert.labels else set()
        is_known = found.entity is not None or found.product is not None
        return frozenset({*said, found.product} if is_known else said)
    if isinstance(signal, Heartbeat | Telemetry | ReferenceAnswer):
        return _of_entity(signal.agent, registry)
    if isinstance(signal, Change):
        thing = inventory.get(signal.entity)
        named = {entity.product for entity in entities_named(signal.entity, registry)}
        said = {signal.product} if signal.product else set()
        if signal.entity in registry.products:
            said.add(signal.entity)
        above = _of_entity(thing.entity or "", registry) if thing is not None else frozenset()
        return frozenset({*said, *named, *above})
    if isinstance(signal, Measure | SloReading):
        return frozenset({signal.product})
    return frozenset()


def _of_entity(name: str, registry: Registry) -> frozenset[str | None]:
    entity = registry.entities.get(name)
    return frozenset() if entity is None else frozenset({entity.product})


def _too_large() -> Refused:
    return Refused(
        413,
        f"larger than {MOST_BODY_BYTES // (1024 * 1024)} MiB",
        remedy="send smaller groups (Alertmanager: group_by, max_alerts)",
    )


def _not_now(error: StoreUnavailable) -> Refused:
    return Refused(
        503, f"cannot store now: {error}", remedy="send it again", headers={"retry-after": "1"}
    )


async def read_body(receive: Receive, *, most: int) -> bytes:
    """The whole body. Raises Refused (413) the moment it passes `most` bytes, or SenderLeft."""
    message = await receive()
    if message["type"] != "http.request":
        raise SenderLeft
    first: bytes = message.get("body", b"")
    if len(first) > most:
        raise _too_large()
    if not message.get("more_body", False):
        return first
    body = bytearray(first)
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise SenderLeft
        body += message.get("body", b"")
        if len(body) > most:
            raise _too_large()
        if not message.get("more_body", False):
            return bytes(body)


async def _refuse(
    refused: Refused, unread: Receive | None, send: Send, headers: Mapping[str, str]
) -> None:
    """`unread` is given where the body was not read to its end."""
    content = refused.body()
    reply = [_JSON, (b"content-length", str(len(content)).encode())]
    reply += [(k.encode(), v.encode("latin-1")) for k, v in refused.headers.items()]
    if unread is not None:
        reply.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": refused.status, "headers": reply})
    if unread is None or "expect" in headers:
        await send({"type": "http.response.body", "body": content})
        return
    await send({"type": "http.response.body", "body": content, "more_body": True})
    await _drain(unread)
    await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    """Throws away what the sender is still writing, for a moment."""
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while True:
                message = await receive()
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
