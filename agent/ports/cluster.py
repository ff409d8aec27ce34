"""What plugins are lent of a Kubernetes cluster, and what it may answer.

A plugin declares in its decorator what it asks for (`rights=`); whatever is not among that is
refused before it is sent, and Roles are made of the same declarations (`homeostat rbac`). What
comes from the API server is plain JSON.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from agent.model.cluster import Asked
from agent.model.errors import Permanent, Temporary
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_objects import Kept

Json = Mapping[str, Any]
FIELD_MANAGER = "homeostat"
"""Under this name the API server records what is changed here."""


class RightsMissing(Permanent):
    """The API server forbids it (403): nothing is tried again, somebody has to grant it."""


class Conflict(Permanent):
    """It is not any more as it was read (409): whoever acts reads and judges it again."""


class Gone(Permanent):
    """It is not there (404)."""


class Rejected(Permanent):
    """The API server, or an admission control, does not take it (400, 422)."""


class Busy(Temporary):
    """It asks to wait (429): too many requests, or a disruption budget."""


class How(StrEnum):
    """The media types of a patch."""

    JSON = "application/json-patch+json"
    """A list of operations; `test` makes it conditional."""
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"


class LogText(msgspec.Struct, frozen=True, kw_only=True):
    lines: tuple[str, ...]
    is_cut: bool
    """There was more than was asked for."""


class ClusterReader(Protocol):
    """Reads objects. Raises Temporary where the API server does not answer (with its wish when to
    ask again), RightsMissing, Rejected; Permanent for a right that the plugin does not declare."""

    async def find(self, target: str, *, kinds: Sequence[str] = ()) -> Ref:
        """The object a target names: one of the inventory by its name, or a registered entity that
        is just one object of these kinds. Raises Permanent where there is none, or more."""
        ...

    async def get(self, ref: Ref, *, part: str = "") -> Json | None:
        """None: it is not there."""
        ...

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        most: int = 1000,
    ) -> tuple[Json, ...]:
        """Objects of a kind, by label and field selectors. Raises Permanent where there are more
        than `most`: a part of them would be taken for all."""
        ...

    async def logs(
        self, pod: Ref, *, container: str = "", previous: bool = False, lines: int = 200
    ) -> LogText: ...

    async def question(self, path: str) -> Json:
        """A path that names no object: `/version`, `/readyz?verbose`. Text comes as `text`."""
        ...

    def kept(self, name: str) -> Kept | None:
        """What the watch knows of an object of the inventory, without asking."""
        ...

    def all_kept(self, kind: str, *, namespace: str = "") -> tuple[Kept, ...]: ...

    def made_by(self, name: str) -> tuple[Kept, ...]:
        """What it controls, also at second hand: replica sets and pods of a deployment."""
        ...

    def entity_of(self, name: str) -> str | None:
        """Name of the registered entity an object of the inventory belongs to."""
        ...

    def machines(self) -> Sequence[str]:
        """Field managers of this site that are no people (ports/cluster_writers.py)."""
        ...

    def now(self) -> float:
        """Seconds since the epoch, to tell ages by."""
        ...


class ClusterControl(ClusterReader, Protocol):
    """Changes named objects. Each change is sent as a dry run first, so that what an admission
    control refuses is refused before anything is changed. Raises Conflict, Busy, Gone; and
    UnknownEffect where it was sent and no answer came."""

    @property
    def asked(self) -> Asked:
        """By whom, and when it was decided."""
        ...

    async def patch(
        self, ref: Ref, body: Sequence[Json] | Json, *, how: How, part: str = ""
    ) -> Json:
        """The object as it is then."""
        ...

    async def create(self, kind: str, namespace: str, body: Json) -> Json:
        """Raises Conflict where one of that name is there."""
        ...

    async def evict(self, pod: Ref, *, uid: str) -> None:
        """Raises Busy where its disruption budget says no, Conflict where it is another one by
        now."""
        ...

    async def pause(self, seconds: float) -> None:
        """Between two tries."""
        ...

    async def delete(self, ref: Ref, *, uid: str) -> None:
        """Just the one with that UID. Gone already is fine."""
        ...


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One object changed, as the watch tells it. `before` None: it is new here; `now` None: it is
    gone."""

    before: Kept | None
    now: Kept | None
    is_listed: bool = False
    """Found by a list, and not as it happened: what it says of the past is old news."""


class ClusterWatch(Protocol):
    """What a source is lent: everything that the watch sees, in order."""

    def follow(self) -> AsyncIterator[Sequence[Seen]]:
        """First everything there is, then what changes. Whoever is too slow is told everything
        anew."""
        ...

    def all_kept(self, kind: str, *, namespace: str = "") -> tuple[Kept, ...]: ...

    def kept(self, name: str) -> Kept | None: ...

    def made_by(self, name: str) -> tuple[Kept, ...]: ...

    def owners(self, kept: Kept) -> tuple[Kept, ...]:
        """What made it, what made that."""
        ...

    def entity_of(self, name: str) -> str | None: ...

    def is_person(self, manager: str) -> bool:
        """Whether a field manager is a person, as against a controller or a delivery."""
        ...

    def is_in_sync(self, ref: Ref) -> bool:
        """Whether what is kept of objects like this one is what there is now."""
        ...

    def unsynced(self) -> tuple[str, ...]:
        """Why what is kept is not all there is, as sentences; empty: it is."""
        ...
