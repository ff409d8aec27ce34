"""What a decision may look at: everything that is known besides the incident and the event.

The decision loop keeps it in memory, changes it only by its own commits, and rebuilds it from rows
at start. Rules read it and never write it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from agent.core.signs import Signs
from agent.model.incident import Incident
from agent.model.learning import (
    FollowUp,
    NearMissRecord,
    Promotion,
    Resolution,
    Standing,
)
from agent.model.on_call import OnCall
from agent.model.own import OwnState
from agent.model.policy import PluginFacts, Policy
from agent.model.product import InventoryObject, Registry
from agent.model.records import (
    Act,
    AgentSigns,
    AnnouncedOnce,
    Breaker,
    ChangeRecord,
    Flap,
    Halt,
    MeasureSigns,
    Silence,
    SourceSigns,
    Storm,
)
from agent.model.runbook import Runbook
from agent.model.series import DriftState, MotionSeries
from agent.model.signals import (
    BlindSpot,
    ProbeSigns,
    SloSigns,
    SurveySigns,
    TelemetrySigns,
)


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


SpeakerKey = tuple[int, bool, tuple[str, ...]]
"""Number of an inhibition rule, whether the alert agrees with both of its sides, and the values of
the labels that must be equal."""


class LevelReading(msgspec.Struct, frozen=True, kw_only=True):
    """The latest answer of everybody who can be asked who is firing, of one group of sources."""

    at: float
    identities: frozenset[str]
    """Of the alerts that fire."""


class ClusterSight(msgspec.Struct, frozen=True, kw_only=True):
    """How well a cluster is seen now."""

    seen_at: float | None
    """Up to when nothing was missed; None: it is not known what was."""
    trouble: str = ""
    spaces: Mapping[str, ClusterSight] = {}
    """The same of each namespace that is watched by itself; empty: of what is in none, and of all
    namespaces where they are watched together."""


class View(msgspec.Struct, kw_only=True):
    policy: Policy
    registry: Registry
    runbooks: RunbookIndex
    plugins: Mapping[str, PluginFacts]
    inventory: Mapping[str, InventoryObject] = {}
    """What runs, by name; core/inventory.py finds in it, fastest in an `Inventory`."""
    cluster: ClusterSight | None = None
    """None: no cluster is connected."""
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
    acting: Mapping[str, Act] = {}
    """Acts that are under way, by key."""
    lately: Mapping[str, Act] = {}
    """Acts of the last hour at least, by key, in no order."""
    in_hand: Mapping[str, str] = {}
    """Product (empty: none) by id of each incident with a plan in hand: acting, or its proof still
    out."""
    agents: Mapping[str, AgentSigns] = {}
    telemetry: Mapping[str, TelemetrySigns] = {}
    """By name of the member, as `agents`."""
    drifts: Mapping[str, DriftState] = {}
    """By AGENT/ASPECT."""
    probes: Mapping[str, ProbeSigns] = {}
    """Reference probes, by AGENT/PROBE."""
    measures: Mapping[str, MeasureSigns] = {}
    motions: Mapping[str, MotionSeries] = {}
    """By product, as `measures`."""
    objectives: Mapping[str, SloSigns] = {}
    """By PRODUCT/SLO."""
    blind_spots: Mapping[str, BlindSpot] = {}
    """By KIND/SUBJECT."""
    surveys: Mapping[str, SurveySigns] = {}
    own: Mapping[str, OwnState] = {}
    changes: Mapping[str, tuple[ChangeRecord, ...]] = {}
    """By entity, oldest first."""
    resolutions: Mapping[str, Resolution] = {}
    """How incidents ended, by their id: of each signature the latest (runtime/view_state.py)."""
    likes: Mapping[str, Mapping[str, bool]] = {}
    """By signature: ids of the incidents above that have it, oldest first."""
    ended_on: Mapping[str, Mapping[str, bool]] = {}
    """By what an incident was about (entity, else product): ids of the resolutions above of which
    people were told, oldest first."""
    promotions: Mapping[str, Promotion] = {}
    standings: Mapping[str, Standing] = {}
    """By name of the runbook."""
    follow_ups: Mapping[str, FollowUp] = {}
    near_misses: Mapping[str, NearMissRecord] = {}
    announced: Mapping[str, AnnouncedOnce] = {}
    """What teams were told that nobody is woken for, lately."""
    approvers: Mapping[str, frozenset[str]] | None = None
    """Who may approve, by product (empty: for what belongs to none). None: people are not told
    apart, or nobody said who they are."""
    silences: Mapping[str, Silence] = {}
    storms: Mapping[str, Storm] = {}
    """By scope."""
    breakers: Mapping[str, Breaker] = {}
    flaps: Mapping[str, Flap] = {}
    """By group key."""
    sources: Mapping[str, SourceSigns] = {}
    levels: Mapping[str, LevelReading] = {}
    """By group of sources. Seen in this run only: what was heard before a restart is stale."""
    signs: Signs | None = None
    """Open incidents by what they say; read through `signs`."""
    burning: Mapping[str, Collection[str]] = {}
    """By entity (or product, for what names no entity): ids of its incidents that are symptoms:
    open, firing, and neither silenced nor inhibited."""
    opened: Sequence[float] = ()
    """When the incidents of the last minutes were opened, oldest first."""
    on_call: OnCall = OnCall()
    speaking: Mapping[SpeakerKey, Mapping[str, bool]] = {}
    """Identities of firing alerts that speak for others (core/inhibition.py)."""
    listening: Mapping[SpeakerKey, Mapping[str, bool]] = {}
    """Ids of incidents that nobody was told of, and that such an alert would speak for."""
    inhibited: Mapping[str, Mapping[str, bool]] = {}
    """By identity of the alert that speaks for them: ids of incidents that are quiet."""
    pinned: Mapping[str, str] = {}
    """Texts of runbook versions that the store has, by digest: not written again."""
    halt: Halt | None = None
    link: str = ""
    """Base address of the console, for links on pages."""


def signs(view: View) -> Signs:
    """Where the open incidents are found; made of them where nobody keeps it."""
    if view.signs is not None:
        return view.signs
    made = Signs()
    for incident in view.incidents.values():
        made.change(None, incident)
    return made
