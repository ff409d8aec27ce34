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
from math import ceil
from urllib.parse import urlsplit

from agent.catalog.people import SHORTEST_TOKEN
from agent.interface.facade import Facade
from agent.interface.http.attempts import Attempts
from agent.interface.http.replies import Refused
from agent.model.principal import LOCAL, Principal, Role

COOKIE = "homeostat_session"
SESSION_SECONDS = 12 * 3600.0
MOST_SESSIONS = 1000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SENDS_ONLY = frozenset({Role.SENDER})
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


def _bearer(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


@dataclass
class Doorkeeper:
    """Turns request headers (lower-case names) into a principal, or refuses.

    Who failed ten times within a minute waits (429), at every door of people. Behind one address
    there may be many, so a right token is let through all the same: otherwise whoever guesses
    there would keep everybody from acknowledging and from halting. Nothing is lost by it, since a
    token is too long to be guessed; one that is shorter (where only its digest is known nobody
    could check that) is held up like a wrong one. Senders are not held up by what else comes from
    their address, nor people by a sender there that has the wrong token (it tries again every few
    seconds); and a session cannot be guessed.
    """

    facade: Facade
    sessions: Sessions = field(default_factory=Sessions)
    attempts: Attempts = field(default_factory=Attempts)
    """Of people."""
    sending: Attempts = field(default_factory=Attempts)
    """Of senders, at the hot endpoints."""

    def principal(self, method: str, headers: Mapping[str, str], *, address: str = "") -> Principal:
        """For everything but the hot endpoints. `address` is the other end of the socket."""
        if self.facade.principals is None:
            return self._local(method, headers)
        token = _bearer(headers)
        if token is not None:
            return self._by_token(token, address)
        session_id = _cookie(headers)
        if session_id is not None:
            if method not in SAFE_METHODS and not origin_agrees(headers):
                raise Refused(
                    403,
                    "the request does not come from this console",
                    remedy="use the console's own address, or a bearer token",
                )
            known = self.sessions.token(session_id, now=self.facade.now())
            found = self._known(known) if known is not None else None
            if found is not None:
                return found
        raise _no_token()

    def sender(self, headers: Mapping[str, str], *, address: str = "") -> Principal:
        """For the hot endpoints: never 429, and a right token is always let through."""
        if self.facade.principals is None:
            return self._local("POST", headers)
        token = _bearer(headers)
        if token is None:
            raise _no_token()
        found, at = self._known(token), self.facade.now()
        is_held = self.sending.wait(address, at=at) > 0
        if found is None or (is_held and not found.may(Role.SENDER)):
            self.sending.failed(address, at=at)
            raise _unknown_token()
        return found

    def sign_in(self, token: str, *, address: str) -> str | None:
        """A session for this token, or None where nobody has it. Raises Refused (429)."""
        found = self._known(token)
        if found is None or len(token) < SHORTEST_TOKEN:
            self.check_attempts(address)
        if found is None:
            self.note_failed(address)
            return None
        return self.sessions.begin(token, now=self.facade.now())

    def session_of(self, headers: Mapping[str, str]) -> str | None:
        return _cookie(headers)

    def check_attempts(self, address: str) -> None:
        """Raises Refused (429) where too many proofs from there have failed."""
        wait = self.attempts.wait(address, at=self.facade.now())
        if wait > 0:
            raise Refused(
                429,
                "too many failed attempts from this address",
                remedy="wait a minute, then use a token of the token file",
                headers={"retry-after": str(ceil(wait))},
            )

    def note_failed(self, address: str) -> None:
        """Counts it, against the address and for whoever watches."""
        self.attempts.failed(address, at=self.facade.now())
        self.note_refused(address)

    def note_refused(self, address: str) -> None:
        """For whoever watches: nobody is held up by it."""
        why = f"a proof that is not right, from {address}"
        self.facade.note_refusal(source="people", status=401, why=why)

    def _by_token(self, token: str, address: str) -> Principal:
        found = self._known(token)
        is_guess = len(token) < SHORTEST_TOKEN and (found is None or found.roles != SENDS_ONLY)
        if found is None or is_guess:
            self.check_attempts(address)
        if found is None:
            self.note_failed(address)
            raise _unknown_token()
        return found

    def _known(self, token: str) -> Principal | None:
        principals = self.facade.principals
        if principals is None or not token:
            return None
        return principals.by_token(token, at=self.facade.now())

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


def _no_token() -> Refused:
    return Refused(
        401,
        "no token",
        remedy="send `Authorization: Bearer TOKEN` with a token of the token file",
        headers=CHALLENGE,
    )


def _unknown_token() -> Refused:
    return Refused(
        401,
        "this token is not known",
        remedy="use a token of the token file, and reload after changing it",
        headers=CHALLENGE,
    )


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
