"""The shape of what a runbook does: calls of plugins, the proof of a plan, and its way back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from agent.catalog.runbook_words import (
    Condition,
    Conditions,
    Id,
    Interval,
    LongWait,
    Section,
    StepTimeout,
    Text,
    Use,
    Wait,
    Window,
)

SNAPSHOT = "snapshot"
AUTO = "auto"


def _conditions(value: Any) -> Any:
    if isinstance(value, str):
        return {"all": [value]}
    return {"all": value} if isinstance(value, list) else value


def _any_conditions(value: Any) -> Any:
    if isinstance(value, str):
        return {"any": [value]}
    return {"any": value} if isinstance(value, list) else value


def _alert_cleared(value: Any) -> Any:
    return {"success": value} if isinstance(value, str) else value


class CallSection(Section):
    """One use of a plugin."""

    id: Id
    """What it is called here. What a diagnostic finds is read under this name."""
    use: Use
    """Name of the plugin."""
    with_: dict[str, Any] = Field(default={}, alias="with")
    """Its parameters. A text that begins with `=` is an expression. `target` is the entity where
    it is left out."""
    timeout: StepTimeout | None = None
    """How long it may take; without it the policy's time."""


class Success(Section):
    """What has to be seen before the plan counts as a success."""

    all: Annotated[list[Condition] | None, Field(min_length=1)] = None
    """Every one of these has to be true. `alert_cleared` may be one of them."""
    any: Annotated[list[Condition] | None, Field(min_length=1)] = None
    """One of these has to be true."""
    consecutive: Annotated[int, Field(ge=1, le=100)] = 1
    """So many looks in a row."""
    every: Interval = 10.0
    """Time between two looks."""


class Failure(Section):
    """What ends the proof at once as failed."""

    any: Annotated[list[Condition], Field(min_length=1)]
    """One of these is enough."""


SuccessForms = Annotated[
    Success,
    BeforeValidator(
        _conditions,
        json_schema_input_type=Condition
        | Annotated[list[Condition], Field(min_length=1)]
        | Success,
    ),
]
FailureForms = Annotated[
    Failure,
    BeforeValidator(
        _any_conditions,
        json_schema_input_type=Condition
        | Annotated[list[Condition], Field(min_length=1)]
        | Failure,
    ),
]


class DecaySection(Section):
    """An expression to compute the decay from, in place of the alert's own."""

    expression: Text
    """The PromQL of the alerting rule."""
    for_: LongWait = Field(default=0.0, alias="for")
    """`for` of the rule."""
    keep_firing_for: LongWait = 0.0
    """`keep_firing_for` of the rule."""
    group_interval: Wait | None = None
    """Of Alertmanager; without it the policy's."""


def _form_of_decay(value: Any) -> str:
    if isinstance(value, (dict, DecaySection)):
        return "as mapping"
    return "as auto" if value == AUTO else "as duration"


DecayForms = Annotated[
    Annotated[Literal["auto"], Tag("as auto")]
    | Annotated[LongWait, Tag("as duration")]
    | Annotated[DecaySection, Tag("as mapping")],
    Discriminator(_form_of_decay),
]


class VerifySection(Section):
    """The proof that a plan did what it is for."""

    settle: Wait = 0.0
    """Time after the last step before the first look."""
    within: Window = 300.0
    """Time after that in which the proof has to be complete."""
    decay: DecayForms = "auto"
    """How long the alert may go on firing after a good fix: `auto` (computed from its expression),
    a duration, or an expression to compute it from."""
    observe: list[CallSection] = Field(default=[], max_length=20)
    """Diagnostics that run at each look; what they find is read under their id."""
    success: SuccessForms
    """`alert_cleared`, a condition, a list of conditions, or `all` or `any` of them."""
    fail: FailureForms | None = None
    """Conditions that end the proof at once as failed."""
    must_not_worsen: Conditions | None = None
    """Conditions that compare what is observed with `before.ID.FIELD`, what the same observations
    showed before the first step. One that is false ends the proof as failed."""


Proof = Annotated[
    VerifySection,
    BeforeValidator(_alert_cleared, json_schema_input_type=Condition | VerifySection),
]
"""A whole proof, or only what would stand under `success`."""


def _form_of_steps(value: Any) -> str:
    if isinstance(value, (dict, RollbackSection)):
        return "as mapping"
    return "as list" if isinstance(value, list) else "as text"


_Snapshot = Annotated[Literal["snapshot"], Tag("as text")]
_Steps = Annotated[Annotated[list[CallSection], Field(min_length=1, max_length=20)], Tag("as list")]


class RollbackSection(Section):
    """The way back, with a proof of its own."""

    steps: Annotated[_Snapshot | _Steps, Discriminator(_form_of_steps)]
    """`snapshot` (what each step recorded before it acted), or a list of steps."""
    verify: Proof | None = None
    """How to see that the way back led back."""


Rollback = Annotated[
    _Snapshot | _Steps | Annotated[RollbackSection, Tag("as mapping")],
    Discriminator(_form_of_steps),
]


class PlanSection(Section):
    """One remedy, with the proof of its success and its way back. Without `steps` it settles."""

    do: Literal["settle"] | None = None
    """`settle`: nothing is done but to wait for the proof; then the incident closes as settled."""
    steps: list[CallSection] = Field(default=[], max_length=20)
    """Actions, one after the other."""
    verify: Proof
    """How to see that it helped."""
    rollback: Rollback | None = None
    """What is done where the proof failed."""
    on_inconclusive: Literal["hold_and_escalate", "roll_back_and_escalate"] = "hold_and_escalate"
    """What is done where the proof could not be made: leave it to people as it is, or go back
    first."""
    on_held: Literal["resolve", "hold_and_escalate"] = "resolve"
    """What is done where the proof held: close the incident, or, for a plan that only contains the
    harm (a quarantine), tell people and keep it open for as long as its alert fires."""

    def goes_back_by_snapshot(self) -> bool:
        back = self.rollback.steps if isinstance(self.rollback, RollbackSection) else self.rollback
        return back == SNAPSHOT

    def way_back(self) -> list[CallSection]:
        """The steps of the way back, where they are written out."""
        back = self.rollback.steps if isinstance(self.rollback, RollbackSection) else self.rollback
        return back if isinstance(back, list) else []

    def proof_back(self) -> VerifySection | None:
        """The proof of the way back."""
        return self.rollback.verify if isinstance(self.rollback, RollbackSection) else None

    def observed(self) -> list[CallSection]:
        """What its proofs observe, that of the way back included."""
        back = self.proof_back()
        return [*self.verify.observe, *(back.observe if back is not None else ())]
