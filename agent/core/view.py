"""What a decision may look at: everything that is known besides the incident and the event.

The decision loop keeps it in memory, changes it only by its own commits, and rebuilds it from rows
at start. Rules read it and never write it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from agent.model.incident import Incident
from agent.model.policy import PluginFacts, Policy
from agent.model.product import InventoryObject, Registry
from agent.model.records import (
    Act,
    AgentSigns,
    ChangeRecord,
    Halt,
    MeasureSigns,
    Promotion,
    Resolution,
    Silence,
)
from agent.model.runbook import Runbook


class RunbookIndex(Protocol):
    """Loaded runbooks, narrowed by what can be indexed (core/matching.py builds one)."""

    @property
    def runbooks(self) -> Sequence[Runbook]:
        """The whole set, for whoever explains why one of them did not match."""
        ...

    def candidates(self, labels: Mapping[str, str]) -> Sequence[Runbook]:
        """Runbooks whose alert name and label sets allow these labels; `when` is not yet run."""
        ...

    def by_digest(self, digest: str) -> Runbook | None: ...


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach a team. Its parameters and secrets stay with the runtime."""

    id: str
    use: str


class View(msgspec.Struct, kw_only=True):
    policy: Policy
    registry: Registry
    runbooks: RunbookIndex
    plugins: Mapping[str, PluginFacts]
    inventory: Mapping[str, InventoryObject] = {}
    """What runs, by name; core/inventory.py finds in it, fastest in an `Inventory`."""
    channels: Mapping[str, tuple[Channel, ...]] = {}
    """By team; `default` is used for a team that has none."""
    incidents: Mapping[str, Incident] = {}
    """Open incidents by id."""
    by_key: Mapping[str, str] = {}
    """Open incident id by group key."""
    live: Mapping[str, str] = {}
    """Open incident id by identity of each alert that is firing in it."""
    acts: Mapping[str, tuple[Act, ...]] = {}
    """Acts of the last day by target, oldest first."""
    agents: Mapping[str, AgentSigns] = {}
    measures: Mapping[str, MeasureSigns] = {}
    changes: Mapping[str, tuple[ChangeRecord, ...]] = {}
    """By entity, oldest first."""
    resolutions: Mapping[str, Resolution] = {}
    promotions: Mapping[str, Promotion] = {}
    silences: Mapping[str, Silence] = {}
    pinned: Mapping[str, str] = {}
    """Texts of runbook versions that the store has, by digest: not written again."""
    halt: Halt | None = None
    link: str = ""
    """Base address of the console, for links on pages."""
