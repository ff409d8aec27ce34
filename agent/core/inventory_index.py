"""What runs, by name, and by the keys it is found by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agent.model.product import InventoryObject


class Inventory(Mapping[str, InventoryObject]):
    """A snapshot of what runs, by name, with an index over the keys things are found by.

    Any mapping will do as `View.inventory`; with this one a search does not read every object.
    """

    def __init__(self, objects: Iterable[InventoryObject] = ()) -> None:
        self._objects: dict[str, InventoryObject] = {}
        self._under: dict[tuple[str, str, str], dict[str, InventoryObject]] = {}
        for thing in objects:
            self.put(thing)

    def put(self, thing: InventoryObject) -> None:
        """What is so now, in place of what was. For who keeps the inventory: rules only read it."""
        before = self._objects.get(thing.name)
        if before is not None and before.keys != thing.keys:
            self.drop(thing.name)
        self._objects[thing.name] = thing
        for key in _keys_of(thing):
            self._under.setdefault(key, {})[thing.name] = thing

    def drop(self, name: str) -> None:
        """It is not there any more."""
        thing = self._objects.pop(name, None)
        for key in _keys_of(thing) if thing is not None else ():
            under = self._under[key]
            under.pop(name, None)
            if not under:
                del self._under[key]

    def __getitem__(self, name: str) -> InventoryObject:
        return self._objects[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def __len__(self) -> int:
        return len(self._objects)

    def find(self, kind: str, keys: Mapping[str, str]) -> list[InventoryObject]:
        """Everything of this kind whose keys have all these values; without keys, nothing."""
        if not keys:
            return []
        groups = [self._under.get((kind, key, value), {}) for key, value in keys.items()]
        return [thing for thing in min(groups, key=len).values() if has(thing, keys)]


def _keys_of(thing: InventoryObject) -> Iterator[tuple[str, str, str]]:
    for key, values in thing.keys.items():
        for value in dict.fromkeys(values):
            yield thing.kind, key, value


def has(thing: InventoryObject, keys: Mapping[str, str]) -> bool:
    return all(value in thing.keys.get(key, ()) for key, value in keys.items())


def indexed(known: Mapping[str, InventoryObject]) -> Inventory:
    return known if isinstance(known, Inventory) else Inventory(known.values())
