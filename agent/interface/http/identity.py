"""Who is asking. The word "who" in a record is always a proven principal.

With a token file, a bearer token proves the principal; a browser gets a session for it, whose
cookie is good only together with an `Origin` that equals the host. Without a token file whoever
reaches loopback is `local`: then the `Host` has to be a loopback name (a foreign page that makes
its own name point to 127.0.0.1 would otherwise act as the person), and an `Origin`, where there is
one, has to equal it.

Headers only are read here, so that everything is decided before the body is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from agent.interface.facade import Facade
from agent.interface.http.replies import Refused
from agent.model.principal import LOCAL, Principal, Role

COOKIE = "homeostat_session"
SESSION_SECONDS = 12 * 3600.0
MOST_SESSIONS = 1000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
PEOPLE = (Role.VIEWER, Role.RESPONDER, Role.APPROVER, Role.PLATFORM)
CHALLENGE = {"www-authenticate": 'Bearer realm="homeostat"'}


@dataclass(frozen=True)
class Session:
    token: str
    ends_at: float


@dataclass
class Sessions:
    """Browser sessions, in memory: a restart asks people to sign in again.

    A session keeps the token and asks for its principal at each request, so that a token taken out
    of the file ends its sessions as well.
    """

    _by_id: dict[str, Session] = field(default_factory=dict)

    def begin(self, token: str, *, now: float) -> str:
        for stale in [k for k, s in self._by_id.items() if s.ends_at <= now]:
            del self._by_id[stale]
        while len(self._by_id) >= MOST_SESSIONS:
            del self._by_id[next(iter(self._by_id))]
        session_id = secrets.token_urlsafe(32)
        self._by_id[session_id] = Session(token, now + SESSION_SECONDS)
        return session_id

    def token(self, session_id: str, *, now: float) -> str | None:
        session = self._by_id.get(session_id)
        return session.token if session is not None and session.ends_at > now else None

    def end(self, session_id: str) -> None:
        self._by_id.pop(session_id, None)


@lru_cache(maxsize=256)
def is_loopback_name(host: str) -> bool:
    """Whether a `Host` header (or an address to bind) names this machine's loopback."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        return ip_address(name).is_loopback
    except ValueError:
        return False


def origin_agrees(headers: Mapping[str, str]) -> bool:
    try:
        origin = urlsplit(headers.get("origin", "")).netloc
    except ValueError:
        return False
    return bool(origin) and origin == headers.get("host", "")


def _cookie(headers: Mapping[str, str]) -> str | None:
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return None


@dataclass
class Doorkeeper:
    """Turns request headers (lower-case names) into a principal, or refuses."""

    facade: Facade
    sessions: Sessions = field(default_factory=Sessions)

    def principal(self, method: str, headers: Mapping[str, str]) -> Principal:
        if self.facade.principals is None:
            return self._local(method, headers)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._proven(token.strip())
        session_id = _cookie(headers)
        if session_id is not None:
            if method not in SAFE_METHODS and not origin_agrees(headers):
                raise Refused(
                    403,
                    "the request does not come from this console",
                    remedy="use the console's own address, or a bearer token",
                )
            known = self.sessions.token(session_id, now=self.facade.now())
            if known is not None:
                return self._proven(known)
        raise Refused(
            401,
            "no token",
            remedy="send `Authorization: Bearer TOKEN` with a token of the token file",
            headers=CHALLENGE,
        )

    def session_of(self, headers: Mapping[str, str]) -> str | None:
        return _cookie(headers)

    def _proven(self, token: str) -> Principal:
        principals = self.facade.principals
        found = principals.by_token(token) if principals is not None and token else None
        if found is None:
            raise Refused(
                401,
                "this token is not known",
                remedy="use a token of the token file, and reload after changing it",
                headers=CHALLENGE,
            )
        return found

    def _local(self, method: str, headers: Mapping[str, str]) -> Principal:
        if not is_loopback_name(headers.get("host", "localhost")):
            raise Refused(
                403,
                "without a token file only loopback names are served",
                remedy="ask for 127.0.0.1 or localhost, or configure `tokens_file`",
            )
        if method not in SAFE_METHODS and "origin" in headers and not origin_agrees(headers):
            raise Refused(
                403,
                "the request comes from another site",
                remedy="use the console's own address",
            )
        return LOCAL


def require(principal: Principal, role: Role, *, product: str | None = None) -> None:
    """Raises Refused (403) where the principal lacks the role, for this product if one is given."""
    if not principal.may(role):
        raise Refused(
            403,
            f"{principal.name} is not {role.value}",
            remedy=f"ask somebody with the role {role.value}, or add it in the token file",
        )
    if not principal.may(role, product=product):
        raise Refused(
            403,
            f"{principal.name} is not {role.value} for {product}",
            remedy="the token file lists the products of each principal",
        )


def may_view(principal: Principal, product: str | None = None) -> bool:
    """Whoever has any role of people may look, at the products they belong to."""
    return any(principal.may(role, product=product) for role in PEOPLE)


def require_viewer(principal: Principal) -> None:
    if not may_view(principal):
        require(principal, Role.VIEWER)
