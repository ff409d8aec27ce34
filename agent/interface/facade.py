"""What the interface asks of the running daemon, and nothing more.

The HTTP server, the console and their tests are written against this protocol. The runtime's
`Daemon` fulfils it by shape; neither knows the other, so a page can be tried with a small fake and
the runtime can change behind it.
"""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any, Protocol

from agent.core.halting import Place
from agent.core.view import View
from agent.model.alert import Signal
from agent.model.cluster import Foreseen
from agent.model.cluster_state import ClusterState
from agent.model.event import Event
from agent.model.fault import Fault
from agent.model.incident import Incident
from agent.model.principal import Principal
from agent.model.reason import Reason
from agent.model.records import Silence
from agent.ports.store import Store


class WouldChange(Protocol):
    async def __call__(
        self, use: str, params: Mapping[str, Any], *, key: str
    ) -> Foreseen | None: ...


class Notice(Protocol):
    """Something changed: what people look at is fetched anew. `subject` is mostly an incident."""

    @property
    def kind(self) -> str: ...

    @property
    def subject(self) -> str: ...


class Answer(Protocol):
    """What came of a person's wish. `refused` None: it was done."""

    @property
    def refused(self) -> Reason | None: ...

    @property
    def text(self) -> str: ...

    @property
    def incident(self) -> Incident | None: ...


class Principals(Protocol):
    @property
    def slack_secret(self) -> str | None:
        """What Slack signs with; None where it is not configured."""
        ...

    def by_token(self, token: str, *, at: float) -> Principal | None:
        """The principal this token proves at this moment, compared in constant time."""
        ...

    def by_signature(self, message: bytes, signatures: Iterable[bytes]) -> Principal | None:
        """Who signed exactly these bytes, compared in constant time."""
        ...

    def by_webhook_signature(self, body: bytes, signature: bytes) -> Principal | None:
        """Who signed exactly this body with a webhook secret, compared in constant time."""
        ...

    def by_slack_user(self, user: str, *, at: float) -> Principal | None: ...

    def __iter__(self) -> Iterator[Principal]:
        """Everybody, each once."""
        ...


class Once(Protocol):
    """What may come again on the wire and must be done once: signed messages. `key` names sender
    and message; None where it was done before, and then nothing is done now."""

    async def receive(self, key: str, signals: Sequence[Signal]) -> bool | None:
        """Durable when it returns, together with the key; raises StoreUnavailable."""
        ...

    async def ask(self, key: str, event: Event) -> Answer | None: ...


class Surveys(Protocol):
    @property
    def is_looking(self) -> bool: ...

    async def look(self) -> None:
        """Looks for blind spots now; raises StoreUnavailable where they cannot be stored."""
        ...


class Facade(Protocol):
    @property
    def view(self) -> View: ...

    @property
    def surveying(self) -> Surveys: ...

    @property
    def store(self) -> Store: ...

    @property
    def principals(self) -> Principals | None:
        """None where no token file is configured: only loopback is served, as `local`."""
        ...

    @property
    def once(self) -> Once: ...

    async def receive(self, signals: Sequence[Signal]) -> None:
        """Durable when it returns; raises StoreUnavailable where it could not be made so."""
        ...

    async def quarantine(self, body: bytes, *, source: str, why: str) -> None: ...

    async def ask(self, event: Event) -> Answer: ...

    @property
    def unfit(self) -> Callable[[str, Mapping[str, Any]], str]:
        """Why an action cannot take these parameters; empty where it can."""
        ...

    @property
    def would_change(self) -> WouldChange:
        """What an action would change in a cluster; None where it is no action on one."""
        ...

    @property
    def cluster_state(self) -> Callable[[], Awaitable[ClusterState | None]]:
        """What is known of the cluster; None where none is connected."""
        ...

    def halt_places(self) -> Sequence[Place]:
        """The files that can set the kill switch, read now."""
        ...

    async def put_silence(self, silence: Silence) -> None: ...

    async def expire_silence(self, silence_id: str) -> bool:
        """Ends it now; False where there is none of that id in force or to come."""
        ...

    def now(self) -> float: ...

    def unhealthy_because(self, *, of_pages: bool = True) -> str:
        """Why it is not healthy; empty where it is. Pages that reached nobody count, unless only
        its own life is asked for: a restart delivers none of them."""
        ...

    def is_ready(self) -> bool: ...

    async def reload(self) -> Sequence[Fault]: ...

    def subscribe(self) -> AsyncIterator[Notice]: ...

    def request_level_check(self) -> None: ...

    def note_refusal(self, *, source: str, status: int, why: str) -> None:
        """Counts and logs a message that was turned away at the door."""
        ...

    def metrics(self) -> bytes:
        """Prometheus text format."""
        ...
