"""What every route needs: the facade, the door, and how a request's words are read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from agent.interface.facade import Answer, Facade
from agent.interface.http.hot import SenderLeft, read_body
from agent.interface.http.identity import Doorkeeper, require
from agent.interface.http.replies import Refused
from agent.model.errors import StoreUnavailable
from agent.model.event import Event
from agent.model.incident import Incident
from agent.model.principal import Principal, Role
from agent.model.reason import Reason

MOST_REQUEST_BYTES = 1024 * 1024
BODY_SECONDS = 10.0

T = TypeVar("T")


class Why(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a request that may be explained."""

    why: str = ""


@dataclass
class Desk:
    facade: Facade
    door: Doorkeeper
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server stops: event streams end then."""
    started_at: float = 0.0

    def who(self, request: Request) -> Principal:
        return self.door.principal(request.method, request.headers, address=address_of(request))

    async def body(self, request: Request) -> bytes:
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > MOST_REQUEST_BYTES:
            raise _too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await read_body(request.receive, most=MOST_REQUEST_BYTES)
        except TimeoutError:
            raise Refused(408, "the body came too slowly", remedy="send it again") from None
        except Refused:
            raise _too_large() from None
        except SenderLeft:
            raise Refused(400, "the body is not whole", remedy="send it again") from None

    async def json(self, request: Request, shape: type[T]) -> T:
        """The body as this shape; an empty body stands for `{}`."""
        try:
            return msgspec.json.decode(await self.body(request) or b"{}", type=shape)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Refused(400, str(error), remedy="send a JSON object of that shape") from None

    async def incident(self, incident_id: str, who: Principal) -> Incident:
        """The incident, fresh from the store. One of a product the person does not belong to is
        answered like one that does not exist."""
        found = await self.facade.store.incident(incident_id)
        if found is None or not belongs(who, found.product):
            raise Refused(404, f"no incident {incident_id}", remedy="see GET /api/v1/incidents")
        return found

    async def ask(self, event: Event) -> Answer:
        """Asks for a person's wish. Raises Refused (409; 403 where a rule forbids this person)."""
        try:
            answer = await self.facade.ask(event)
        except StoreUnavailable as error:
            raise _not_now(error) from None
        return _as_done(answer)

    async def ask_once(self, key: str, event: Event) -> Answer | None:
        """The same for a wish that may come again under this key; None where it was done before."""
        try:
            answer = await self.facade.once.ask(key, event)
        except StoreUnavailable as error:
            raise _not_now(error) from None
        return _as_done(answer) if answer is not None else None


def _rest(answer: Answer) -> str:
    """What the answer says beyond the sentence of its reason, which some of them begin with."""
    sentence = answer.refused.sentence if answer.refused is not None else ""
    return answer.text.removeprefix(sentence).strip() if sentence else answer.text


def _as_done(answer: Answer) -> Answer:
    if answer.refused is None:
        return answer
    raise Refused(
        403 if answer.refused is Reason.NOT_ALLOWED else 409,
        answer.refused.sentence,
        remedy=_rest(answer) or "look at its present state",
        reason=answer.refused.value,
    )


def _not_now(error: StoreUnavailable) -> Refused:
    return Refused(
        503, f"cannot store now: {error}", remedy="send it again", headers={"retry-after": "1"}
    )


def address_of(request: Request) -> str:
    """The other end of the socket."""
    return request.client.host if request.client is not None else ""


def belongs(who: Principal, product: str | None) -> bool:
    return product is None or not who.products or product in who.products


def may_on(who: Principal, role: Role, product: str | None) -> bool:
    """Whether the role reaches what belongs to this product. What belongs to none (substrate, or
    unknown) is only for people who are not limited to products."""
    return who.may(role, product=product) and (product is not None or not who.products)


def require_on(who: Principal, role: Role, product: str | None) -> None:
    require(who, role, product=product)
    if not may_on(who, role, product):
        raise Refused(
            403,
            f"{who.name} is {role.value} for some products, and this belongs to none",
            remedy="ask somebody who is not limited to products",
        )


def query_flag(query: Mapping[str, str], name: str, *, default: bool = True) -> bool:
    return query.get(name, str(default)).lower() not in ("false", "0", "no")


def words(value: Any, *, most: int = 4000) -> str:
    return str(value)[:most]


def _too_large() -> Refused:
    return Refused(413, "larger than 1 MiB", remedy="send less")
