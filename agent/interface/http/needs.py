"""What a route needs of whoever asks: data, so that it is enforced, walked and printed alike.

A route is registered together with its need; there is no other way to register one. The role is
asked for before a route does anything. What a single object belongs to is known only once it is
found: a foreign one is answered like one that does not exist, and what belongs to no product
(substrate, or unknown) may be seen by everybody who may look, but changed only by people who are
not limited to products (desk.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from starlette.routing import BaseRoute, Route

from agent.interface.http.identity import PEOPLE
from agent.interface.http.replies import Refused
from agent.model.principal import LOCAL, Principal, Role


class Proof(StrEnum):
    """How whoever asks shows who they are."""

    NONE = "none"
    PRINCIPAL = "token, session or loopback"
    SIGNATURE = "signature over the body"


class Reach(StrEnum):
    """Whose things a route is about, and so what being limited to products means for it."""

    NEUTRAL = "nobody's in particular"
    LISTED = "what belongs to others is left out"
    OBJECT = "404 for what belongs to others"
    SPOKEN = "403 for a product that is not one's own"
    DAEMON = "only for those who are not limited to products"


@dataclass(frozen=True)
class Need:
    """`roles`: one of them is enough, and `admin` is each of them; empty: any proven principal.
    `is_for_local`: also where there is no token file and so nobody can hold the role."""

    roles: tuple[Role, ...] = ()
    reach: Reach = Reach.NEUTRAL
    proof: Proof = Proof.PRINCIPAL
    is_for_local: bool = False
    changes: bool = False

    def admits(self, who: Principal) -> bool:
        """Whether the role is there, whatever the object turns out to be."""
        if self.reach is Reach.DAEMON and who.products:
            return False
        return self._has_role(who)

    def check(self, who: Principal) -> None:
        """Raises Refused (403) where `admits` says no."""
        if not self._has_role(who):
            role = self.roles[0].value
            raise Refused(
                403,
                f"{who.name} is not {role}",
                remedy=f"ask somebody with the role {role}, or add it in the token file",
            )
        if not self.admits(who):
            raise Refused(
                403,
                f"{who.name} is limited to some products, and this concerns all of them",
                remedy="ask somebody who is not limited to products",
            )

    def _has_role(self, who: Principal) -> bool:
        if not self.roles or any(who.may(role) for role in self.roles):
            return True
        return self.is_for_local and who is LOCAL

    @property
    def sentence(self) -> str:
        """For the reference: who may, and what that means for other products."""
        if self.proof is Proof.NONE:
            return "anybody"
        if self.roles == PEOPLE:
            who = "any role of people"
        else:
            who = " or ".join(f"`{role}`" for role in self.roles) or "any principal"
        if self.is_for_local:
            who += " or `local`"
        if self.proof is Proof.SIGNATURE:
            who += ", by signature"
        return who if self.reach is Reach.NEUTRAL else f"{who}; {self.reach.value}"


OPEN = Need(proof=Proof.NONE)
ANYBODY = Need()
"""Any proven principal: orchestrators ask with whatever token they have."""
LOOK = Need(PEOPLE)
LOOK_AT_OWN = Need(PEOPLE, Reach.LISTED)
LOOK_AT_ONE = Need(PEOPLE, Reach.OBJECT)
SEND = Need((Role.SENDER,), Reach.SPOKEN, changes=True)
RESPOND = Need((Role.RESPONDER,), Reach.OBJECT, changes=True)
RESPOND_FOR = Need((Role.RESPONDER,), Reach.SPOKEN, changes=True)
APPROVE = Need((Role.APPROVER,), Reach.OBJECT, changes=True)
PLATFORM = Need((Role.PLATFORM,), Reach.DAEMON, is_for_local=True, changes=True)
"""For what concerns the whole daemon. The local person may: they could send it a signal."""


class NeedingRoute(Route):
    """A route that says what it needs. `need` is only looked at here; the endpoint enforces it."""

    def __init__(self, path: str, endpoint: object, *, methods: list[str], need: Need) -> None:
        if not isinstance(need, Need):
            raise TypeError(f"{path}: a route without a Need cannot be registered")
        super().__init__(path, endpoint, methods=methods)  # type: ignore[arg-type]
        self.need = need


def need_of(route: BaseRoute) -> Need:
    """Raises TypeError for a route that was registered without one."""
    if not isinstance(route, NeedingRoute):
        raise TypeError(f"{getattr(route, 'path', route)}: registered without a Need")
    return route.need
