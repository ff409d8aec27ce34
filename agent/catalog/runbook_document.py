"""The shape of a runbook file: sections and keys, with nothing left to guess.

Only shape and single values are checked here; what needs the rest of the document or the plugins
(names, expressions, parameters) is checked in `runbook_compile`. An unknown key is an error, and so
is a section out of order. The parts of a plan are in `runbook_plan_document`, those of a test in
`runbook_test_document`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from agent.catalog.entity_kinds import OBJECT_KINDS
from agent.catalog.quantities import Duration, Percentage
from agent.catalog.runbook_plan_document import CallSection, PlanSection
from agent.catalog.runbook_schema import tidy
from agent.catalog.runbook_test_document import Expect, Given, RunbookTest
from agent.catalog.runbook_words import (
    DAY,
    Condition,
    Date,
    Id,
    LongWindow,
    Name,
    Section,
    Text,
    Texts,
    Wait,
    Window,
    WindowName,
)
from agent.model.alert import Layer
from agent.model.runbook import Lifecycle

__all__ = ["SECTIONS", "CallSection", "Expect", "Given", "RunbookDocument", "RunbookTest", "schema"]


class Metadata(Section):
    """What it is called, and whose it is."""

    name: Name
    """Unique among all runbooks: small letters, digits and -."""
    owner: Text
    """The team that answers for it."""
    layer: Layer
    """Layer of the incidents it is for."""
    tier: Literal["low", "medium", "high"]
    """How much can be broken by it: how much proof it needs before it runs alone."""
    author: Text | None = None
    """Who wrote it, and so cannot approve it."""


class About(Section):
    """What people read at night."""

    meaning: str = ""
    """What is broken when this fires."""
    impact: str = ""
    """What users notice."""
    not_for: str = ""
    """Incidents that look alike and need something else."""


class EntitySection(Section):
    """What it is about, where that is not the alert's own entity: exactly one object of the
    inventory."""

    kind: Annotated[Text, Field(json_schema_extra={"enum": list(OBJECT_KINDS)})]
    """Kind of the object, which says what `entity.FIELD` may be read."""
    of: Annotated[dict[Text, Text], Field(min_length=1)]
    """What it is found by, each a text or an expression: `{namespace: =alert.labels.namespace}`."""


class MatchSection(Section):
    """Which alerts it is for. The more it says, the more specific it is."""

    alert: Texts | None = None
    """Names of alerts; `*` and `?` make a name a pattern for a family of them."""
    labels: dict[str, Texts] = {}
    """Labels the alert must carry, each with one value or a list of possible values."""
    layer: Layer | None = None
    """Only for incidents of this layer."""
    product: Text | None = None
    """Only for this product."""
    when: Condition | None = None
    """A condition over alert, entity and incident."""
    entity: EntitySection | None = None
    """What it is about, looked up in the inventory."""


class CooldownSection(Section):
    """How often it may run on one target."""

    per: Literal["entity"] = "entity"
    """Counted by target."""
    every: Annotated[Duration, Field(gt=0, le=7 * DAY)] | None = None
    """Least time between two runs."""
    most: Annotated[int, Field(ge=1, le=1_000)] | None = Field(default=None, alias="max")
    """At most so many runs in the time under `in`."""
    within: LongWindow | None = Field(default=None, alias="in")
    """The time `max` counts in."""


class BudgetSection(Section):
    """How much may be touched at a time."""

    scope: Literal["product", "fleet"] = "product"
    """Whose entities are counted."""
    min_healthy: Percentage | None = None
    """Share of them that has to be well: without an open incident that fires."""
    concurrent: Annotated[int, Field(ge=1, le=1_000)] | None = None
    """At most so many targets of the scope under way at the same time."""


class GuardSection(Section):
    """What has to hold before anything is done. Unknown stops as well."""

    cooldown: CooldownSection | None = None
    """How often it may run on one target."""
    budget: BudgetSection | None = None
    """How much of the product or the fleet may be touched at a time."""
    window: WindowName | None = None
    """A change window of the platform policy; outside of it nothing is done."""
    dwell: Wait | None = None
    """How long the alert has to have fired; the policy's time, where that is longer."""
    require: list[Condition] = Field(default=[], max_length=50)
    """Conditions over what was found; each of them has to be true."""


class DecideRow(Section):
    """`{when, plan}`, `{when, do: settle|escalate}` or `{default: PLAN|settle|escalate}`."""

    when: Condition | None = None
    """The row is taken where this is the first that is true."""
    plan: Id | None = None
    """Name of the plan to run."""
    do: Literal["settle", "escalate"] | None = None
    """In place of a plan: `settle` waits for the alert to clear, `escalate` tells people."""
    default: Id | None = None
    """The last row: a plan, `settle` or `escalate`."""
    within: Window | None = None
    """For a row that settles: how long the alert has to clear before people are told."""
    why: str = ""
    """The reason, for people."""


class EscalateSection(Section):
    """What people get when they are told."""

    evidence: list[Text] = Field(default=[], max_length=50)
    """Ids of diagnostics whose findings go along."""


class LifecycleSection(Section):
    """How far it is trusted."""

    state: Lifecycle = Lifecycle.ACTIVE
    """draft never runs, shadow decides and records, assisted waits for one click, active runs."""
    review_by: Date | None = None
    """Date after which somebody should have read it again; later than that it is suspended."""
    promoted_from: list[Text] = Field(default=[], max_length=100)
    """Incidents it was learned from."""
    plans_by_effect: bool = False
    """The next plan of the ladder is the one that held most often, not the next as written."""


class RunbookDocument(Section):
    """One runbook. Sections stand in this order; `homeostat schema` prints the JSON Schema."""

    apiVersion: Literal["homeostat/v1"]
    """Version of the language."""
    kind: Literal["Runbook"]
    """What this document is."""
    metadata: Metadata
    """What it is called, and whose it is."""
    about: About = About()
    """What people read at night."""
    match: MatchSection
    """Which alerts it is for."""
    guard: GuardSection = GuardSection()
    """What has to hold before anything is done."""
    diagnose: list[CallSection] = Field(default=[], max_length=20)
    """Diagnostics that run side by side; each one's findings are read under its id."""
    decide: list[DecideRow] = Field(default=[], max_length=50)
    """Rows in order, the first that is true is taken. May be left out where there is one plan."""
    plans: dict[Id, PlanSection] = Field(default={}, max_length=20)
    """Remedies by name, in the order in which one is tried after the other."""
    escalate: EscalateSection = EscalateSection()
    """What people get when they are told."""
    lifecycle: LifecycleSection = LifecycleSection()
    """How far it is trusted."""
    tests: list[RunbookTest] = Field(default=[], max_length=200)
    """What it does in which case; `homeostat test` plays them."""


SECTIONS: tuple[str, ...] = tuple(RunbookDocument.model_fields)
"""Top-level keys in the order they are written in."""


def schema() -> dict[str, Any]:
    """JSON Schema of a runbook file, for editors."""
    found = RunbookDocument.model_json_schema(by_alias=True, mode="validation")
    return tidy(found, title="Homeostat runbook")
