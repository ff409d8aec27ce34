"""The shape of a runbook file: sections and keys, with nothing left to guess.

Only shape and single values are checked here; what needs the rest of the document or the plugins
(names, expressions, parameters) is checked in `runbook_compile`. An unknown key is an error.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from agent.catalog.quantities import Duration
from agent.catalog.validation import Written as Section
from agent.model.alert import Layer
from agent.model.runbook import Lifecycle

HOUR = 3_600.0
DAY = 86_400.0
HISTORY = r"^[0-9]{1,3} (failed )?[A-Za-z0-9_.-]+ in [0-9]+(ms|s|m|h|d)$"
"""`3 restart in 6h`: so many runs of a plan, spread evenly over the time before the test."""


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


def _alert_cleared(value: Any) -> Any:
    return {"success": value} if isinstance(value, str) else value


def _conditions(value: Any) -> Any:
    if isinstance(value, str):
        return {"all": [value]}
    return {"all": value} if isinstance(value, list) else value


def _any_conditions(value: Any) -> Any:
    if isinstance(value, str):
        return {"any": [value]}
    return {"any": value} if isinstance(value, list) else value


Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Text = Annotated[str, Field(min_length=1, max_length=2_000)]
Use = Annotated[str, Field(min_length=1, max_length=100)]
_Listed = BeforeValidator(_listed, json_schema_input_type=str | list[str])
Texts = Annotated[tuple[Text, ...], _Listed, Field(min_length=1)]
StepTimeout = Annotated[Duration, Field(gt=0, le=HOUR)]
Wait = Annotated[Duration, Field(ge=0, le=DAY)]
Window = Annotated[Duration, Field(gt=0, le=DAY)]
Interval = Annotated[Duration, Field(ge=1, le=HOUR)]
LongWindow = Annotated[Duration, Field(gt=0, le=30 * DAY)]


class Metadata(Section):
    name: Name
    owner: Text
    layer: Layer
    tier: Literal["low", "medium", "high"]
    author: Text | None = None


class About(Section):
    meaning: str = ""
    impact: str = ""
    not_for: str = ""


class MatchSection(Section):
    alert: Texts | None = None
    labels: dict[str, Texts] = {}
    layer: Layer | None = None
    product: Text | None = None
    when: Text | None = None


class CooldownSection(Section):
    per: Literal["entity"] = "entity"
    every: Annotated[Duration, Field(gt=0, le=7 * DAY)] | None = None
    most: Annotated[int, Field(ge=1, le=1_000)] | None = Field(default=None, alias="max")
    within: LongWindow | None = Field(default=None, alias="in")


class GuardSection(Section):
    cooldown: CooldownSection | None = None
    require: list[Text] = []


class CallSection(Section):
    id: Id
    use: Use
    with_: dict[str, Any] = Field(default={}, alias="with")
    timeout: StepTimeout | None = None


class DecideRow(Section):
    """`{when, plan}`, `{when, do: settle|escalate}` or `{default: PLAN|settle|escalate}`."""

    when: Text | None = None
    plan: Id | None = None
    do: Literal["settle", "escalate"] | None = None
    default: Id | None = None
    why: str = ""


class Success(Section):
    all: list[Text] | None = None
    any: list[Text] | None = None
    consecutive: Annotated[int, Field(ge=1, le=100)] = 1
    every: Interval = 10.0


class Failure(Section):
    any: list[Text] = Field(min_length=1)


class VerifySection(Section):
    observe: list[CallSection] = []
    success: Annotated[
        Success, BeforeValidator(_conditions, json_schema_input_type=str | list[str] | Success)
    ]
    fail: Annotated[
        Failure | None,
        BeforeValidator(_any_conditions, json_schema_input_type=str | list[str] | Failure),
    ] = None
    settle: Wait = 0.0
    within: Window = 300.0
    decay: Wait = 0.0


class PlanSection(Section):
    steps: list[CallSection] = Field(min_length=1, max_length=20)
    verify: Annotated[
        VerifySection,
        BeforeValidator(_alert_cleared, json_schema_input_type=str | VerifySection),
    ]
    rollback: Literal["snapshot"] | list[CallSection] | None = None


class EscalateSection(Section):
    evidence: list[str] = []


class LifecycleSection(Section):
    state: Lifecycle = Lifecycle.ACTIVE
    review_by: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None


class GivenAlert(Section):
    labels: dict[str, str]
    annotations: dict[str, str] = {}


class GivenEntity(Section):
    """The entity of a test, where it is not simply a service named by the alert's labels."""

    name: Text | None = None
    kind: Literal["service", "agent", "substrate", "resource"] | None = None


class After(Section):
    """What the world looks like after the actions."""

    alert: Literal["resolved", "firing"] = "resolved"
    facts: dict[str, dict[str, Any]] = {}


class Given(Section):
    alert: GivenAlert | None = None
    entity: GivenEntity = GivenEntity()
    facts: dict[str, dict[str, Any]] = {}
    history: Annotated[tuple[Annotated[str, Field(pattern=HISTORY)], ...], _Listed] = ()
    outcomes: dict[str, Literal["done", "failed", "unknown"]] = {}
    after: After = After()


class Expect(Section):
    """Only what is written is compared."""

    runbook: str | None = None
    plan: str | None = None
    actions: list[str] | None = None
    verdict: Literal["held", "failed", "inconclusive"] | None = None
    outcome: Literal["healed", "settled", "routed"] | None = None
    stopped_by: str | None = None
    route: Literal["builder", "platform", "nobody"] | None = None


class RunbookTest(Section):
    name: Text
    given: Given = Given()
    expect: Expect


class RunbookDocument(Section):
    """One runbook. Keys in this order; `homeostat schema` prints the JSON Schema of it."""

    apiVersion: Literal["homeostat/v1"]
    kind: Literal["Runbook"]
    metadata: Metadata
    about: About = About()
    match: MatchSection
    guard: GuardSection = GuardSection()
    diagnose: list[CallSection] = Field(default=[], max_length=20)
    decide: list[DecideRow] = Field(default=[], max_length=50)
    plans: dict[Id, PlanSection] = Field(default={}, max_length=20)
    escalate: EscalateSection = EscalateSection()
    lifecycle: LifecycleSection = LifecycleSection()
    tests: list[RunbookTest] = []


SECTIONS: tuple[str, ...] = tuple(RunbookDocument.model_fields)
"""Top-level keys in the order they are written in."""


def schema() -> dict[str, Any]:
    """JSON Schema of a runbook file, for editors."""
    found = RunbookDocument.model_json_schema(by_alias=True, mode="validation")
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "Homeostat runbook"
    return found
