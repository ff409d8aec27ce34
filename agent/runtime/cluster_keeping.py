"""What is known of a cluster: every watched object as it was seen last, who made it, and to whom it
belongs. It keeps the inventory of the view, and tells followers what changes.

An object belongs to an entity by itself (core/placing.py), or because what made it does: a pod to
whom its Deployment belongs, whatever its own labels say.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from sys import intern

from agent.core.inventory import Inventory
from agent.core.placing import Places
from agent.model.product import InventoryObject, Registry
from agent.ports.cluster import Seen
from agent.ports.cluster_facts import facts_of, keys_of
from agent.ports.cluster_kinds import BY_TITLE, Ref
from agent.ports.cluster_objects import Kept, Scaler

MOST_PENDING = 50_000
"""Of one follower; then it is told everything anew."""
DEEPEST = 4
"""Owners of owners: a CronJob, its Job, its pod."""
CROWD = 200
"""Of so many things that one made, not each is a reason to look at all of them again."""
UNSEEN = frozenset({"replicaset"})
"""Kinds that are kept and are no object of the inventory: nobody acts on them."""


class Follower:
    def __init__(self) -> None:
        self.pending: list[Seen] = []
        self.is_behind = False
        self.wake = asyncio.Event()

    def tell(self, seen: Seen) -> None:
        if len(self.pending) >= MOST_PENDING:
            self.pending.clear()
            self.is_behind = True
        if not self.is_behind:
            self.pending.append(seen)
        self.wake.set()


class Keeping:
    def __init__(self, registry: Callable[[], Registry]) -> None:
        self._registry = registry
        self._of: Registry | None = None
        self.places = Places(Registry())
        self._kept: dict[str, Kept] = {}
        self._by_kind: dict[str, dict[str, Kept]] = {}
        self._made: dict[str, set[str]] = {}
        """By name of a controller: names of what it made."""
        self._late: set[str] = set()
        """Names of what has to be placed again, since things it made came or went."""
        self._followers: set[Follower] = set()
        self.inventory = Inventory()

    # what the watches say

    def listed(self, kind: str, namespace: str, found: Sequence[Kept]) -> None:
        """Everything there is of a kind in a namespace (empty: in all)."""
        self.refresh()
        names = {kept.name for kept in found}
        known = self._by_kind.get(kind, {})
        gone = [
            kept
            for name, kept in known.items()
            if name not in names and namespace in ("", kept.ref.namespace)
        ]
        for kept in gone:
            self._take(kept, is_there=False, is_listed=True)
        for kept in found:
            before = self._kept.get(kept.name)
            if before is None or before.version != kept.version:
                self._take(kept, is_there=True, is_listed=True)
        self.settle()

    def changed(self, kept: Kept, is_there: bool) -> None:
        self.refresh()
        self._take(kept, is_there=is_there, is_listed=False)
        if len(self._made.get(_maker(kept), ())) <= CROWD:
            self.settle()

    def settle(self) -> None:
        """What made things is found by those that are there now. Of a crowd that is done for many
        at once, by whoever keeps the watches."""
        late, self._late = self._late, set()
        for name in late:
            if (kept := self._kept.get(name)) is not None:
                self._place(kept)

    def refresh(self) -> None:
        """After the catalog was read anew, everything may belong to somebody else."""
        registry = self._registry()
        if registry is self._of:
            return
        self._of, self.places = registry, Places(registry)
        for kept in list(self._kept.values()):
            self._place(kept)

    def _take(self, kept: Kept, *, is_there: bool, is_listed: bool) -> None:
        name, kind = intern(kept.name), kept.ref.kind
        before = self._kept.get(name)
        if before is None and not is_there:
            return
        if before is not None and (not is_there or _maker(before) != _maker(kept)):
            self._leave(before)
        if is_there:
            self._kept[name] = kept
            self._by_kind.setdefault(kind, {})[name] = kept
            if maker := _maker(kept):
                self._made.setdefault(maker, set()).add(name)
            self._place(kept)
        else:
            self._kept.pop(name, None)
            self._by_kind.get(kind, {}).pop(name, None)
            self.inventory.drop(name)
        if before is None or not is_there or _lineage(before) != _lineage(kept):
            self._around(kept)
        seen = Seen(before=before, now=kept if is_there else None, is_listed=is_listed)
        for follower in self._followers:
            follower.tell(seen)

    def _leave(self, kept: Kept) -> None:
        """It is not among what its maker made any more."""
        self._late.update(above.name for above in self.owners(kept))
        maker = _maker(kept)
        made = self._made.get(maker, set())
        made.discard(kept.name)
        if not made:
            self._made.pop(maker, None)

    def _around(self, kept: Kept) -> None:
        """What made it is found by it, and what it made belongs to whom it does."""
        self._late.update(above.name for above in self.owners(kept))
        for below in self._claiming(kept.name):
            self._place(below)

    def _claiming(self, name: str, depth: int = DEEPEST) -> Iterator[Kept]:
        """Whatever says that it was made by this one, or by one that says so."""
        for made in self._made.get(name, ()):
            if (kept := self._kept.get(made)) is not None:
                yield kept
                if depth > 1:
                    yield from self._claiming(made, depth - 1)

    def _place(self, kept: Kept) -> None:
        if kept.ref.kind in UNSEEN:
            return
        made = self.made_by(kept.name) if kept.ref.kind != "pod" else ()
        self.inventory.put(
            InventoryObject(
                name=intern(kept.name),
                kind=kept.ref.kind,
                entity=self.entity_of(kept),
                keys=keys_of(kept, made),
                facts=facts_of(kept),
            )
        )

    # what is asked of it

    def kept(self, name: str) -> Kept | None:
        return self._kept.get(name)

    def all_kept(self, kind: str, *, namespace: str = "") -> tuple[Kept, ...]:
        known = self._by_kind.get(kind, {}).values()
        return tuple(k for k in known if namespace in ("", k.ref.namespace))

    def owners(self, kept: Kept) -> Iterator[Kept]:
        """What made it, what made that, as far as it is known."""
        for _ in range(DEEPEST):
            above = self._kept.get(_maker(kept))
            if above is None or not _is_made_by(above, kept):
                return
            yield above
            kept = above

    def made_by(self, name: str, depth: int = DEEPEST) -> tuple[Kept, ...]:
        """Everything it made, and that made."""
        found: list[Kept] = []
        for made in sorted(self._made.get(name, ())):
            kept, maker = self._kept.get(made), self._kept.get(name)
            if kept is not None and (maker is None or _is_made_by(maker, kept)):
                found.append(kept)
                if depth > 1:
                    found += self.made_by(made, depth - 1)
        return tuple(found)

    def entity_named(self, name: str) -> str | None:
        """The same by the name of the object."""
        self.refresh()
        kept = self.kept(name)
        return self.entity_of(kept) if kept is not None else None

    def entity_of(self, kept: Kept) -> str | None:
        """The entity it belongs to; None: nobody's."""
        top = kept
        for above in self.owners(kept):
            top = above
        if isinstance(top.thing, Scaler):
            scaled = top.thing.spec.scale_target_ref
            kind = BY_TITLE.get(scaled.kind)
            if kind is not None:
                name = Ref(kind.word, scaled.name, top.ref.namespace).text
                top = self._kept.get(name, top)
        ref = top.ref
        return self.places.owner(ref.kind, ref.namespace, ref.name, top.labels)

    async def follow(self) -> AsyncIterator[Sequence[Seen]]:
        """First everything there is, then what changes, gathered."""
        follower = Follower()
        self._followers.add(follower)
        try:
            yield self._everything()
            while True:
                await follower.wake.wait()
                follower.wake.clear()
                if follower.is_behind:
                    follower.is_behind = False
                    yield self._everything()
                    continue
                pending, follower.pending = follower.pending, []
                if pending:
                    yield pending
        finally:
            self._followers.discard(follower)

    def _everything(self) -> list[Seen]:
        return [Seen(before=None, now=kept, is_listed=True) for kept in self._kept.values()]


def _maker(kept: Kept) -> str:
    """Name of what made it; empty: nothing that is known by kind."""
    owner = kept.controller
    kind = BY_TITLE.get(owner.kind) if owner is not None else None
    if owner is None or kind is None:
        return ""
    return Ref(kind.word, owner.name, kept.ref.namespace if kind.is_namespaced else "").text


def _is_made_by(maker: Kept, kept: Kept) -> bool:
    """Names are used again, and anybody may write one: the UID says which one made it."""
    owner, uid = kept.controller, maker.thing.metadata.uid
    return owner is not None and (owner.uid == uid or "" in (owner.uid, uid))


def _lineage(kept: Kept) -> tuple[str, str, str]:
    """Which one it is, and who made it."""
    owner = kept.controller
    return kept.thing.metadata.uid, _maker(kept), owner.uid if owner is not None else ""
