"""The shape of a runbook's tests: the world as given, what happens in it, and what is expected."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from agent.catalog.quantities import Percentage
from agent.catalog.runbook_words import LISTED, LongWait, Section, Text
from agent.model.reason import Reason

REASONS: list[Any] = [reason.value for reason in Reason]
HISTORY = r"^[0-9]{1,3} (failed )?[A-Za-z0-9_.-]+ in [0-9]+(ms|s|m|h|d)$"
"""`3 restart in 6h`: so many runs of a plan, spread evenly over the time before the test."""

ObjectName = Annotated[str, Field(min_length=1, max_length=300)]
Fields = dict[str, dict[str, Any]]
"""What is found, by the id of the diagnostic."""


class GivenAlert(Section):
    """The alert that opens the incident."""

    labels: dict[str, str] = {}
    """Its labels, with `alertname`."""
    annotations: dict[str, str] = {}
    """Its annotations."""
    expression: Text | None = None
    """The PromQL of the rule it comes from."""
    starts_ago: LongWait | None = None
    """How long it has fired when it is first heard of; long enough for `guard.dwell` where nothing
    is said."""


class GivenEntity(Section):
    """The registered entity, where it is not simply a service named by the alert's labels."""

    name: Text | None = None
    """Its name in the registry."""
    kind: Literal["service", "agent", "substrate", "resource"] | None = None
    """Its kind in the registry."""


class GivenObject(Section):
    """What `match.entity` finds in the inventory; in a runbook without it, what a diagnostic
    names."""

    name: ObjectName | None = None
    """Its name in the inventory; without it one is made of its kind and what it is found by."""
    facts: dict[str, Any] = {}
    """What is known of it, as `entity.FIELD`."""


def _form_of_object(value: Any) -> str:
    return "as mapping" if isinstance(value, (dict, GivenObject)) else "as text"


class After(Section):
    """What the world looks like once the steps are done."""

    alert: Literal["resolved", "firing"] = "resolved"
    """Whether the alert clears then."""
    facts: Fields = {}
    """What the observations show then."""


class Restored(Section):
    """What the world looks like once the way back is done."""

    facts: Fields = {}
    """What the observations show then."""


class Given(Section):
    """The world at the start. A test without an alert of its own takes that of the first test, with
    its entity, object and facts."""

    alert: GivenAlert | None = None
    """The alert that opens the incident."""
    entity: GivenEntity = GivenEntity()
    """The registered entity it is about."""
    object: (
        Annotated[
            Annotated[Literal["none"], Tag("as text")] | Annotated[GivenObject, Tag("as mapping")],
            Discriminator(_form_of_object),
        ]
        | None
    ) = None
    """What `match.entity` finds; `none`: there is no such thing in the inventory."""
    facts: Fields = {}
    """What `diagnose` finds, by id. Fields may be left out: they are unknown then."""
    before: Fields = {}
    """What the observations show before the first step; without it, what `after` says."""
    history: Annotated[tuple[Annotated[str, Field(pattern=HISTORY)], ...], LISTED] = ()
    """Runs before this one, as `3 restart in 6h` or `2 failed restart in 1h`."""
    outcomes: dict[str, Literal["done", "failed", "unknown"]] = {}
    """How steps end, by id; `done` where nothing is said."""
    window: Literal["open", "closed", "undeclared"] | None = None
    """The change window the runbook names; open where nothing is said."""
    healthy: Percentage | None = None
    """Share of the scope's entities without an open incident, besides this one: 100% where nothing
    is said."""
    busy: Annotated[int, Field(ge=0, le=1_000)] = 0
    """So many targets of the scope are being acted on right now."""
    after: After = After()
    """The world once the steps are done."""
    restored: Restored = Restored()
    """The world once the way back is done."""


class Expect(Section):
    """What comes of it. Only what is written is compared."""

    runbook: Text | None = None
    """The runbook that matches."""
    plan: Text | None = None
    """The plan that is chosen."""
    actions: list[Text] | None = None
    """Plugins of the steps that run, in order; those of the way back as well."""
    verdict: Literal["held", "failed", "inconclusive"] | None = None
    """The verdict of the proof."""
    outcome: Literal["healed", "settled", "routed"] | None = None
    """How the incident ends."""
    stopped_by: Annotated[Text, Field(json_schema_extra={"enum": REASONS})] | None = None
    """The reason why nothing more is done."""
    route: Literal["builder", "platform", "nobody"] | None = None
    """Who is told."""
    state: (
        Literal[
            "open",
            "diagnosing",
            "awaiting_approval",
            "acting",
            "verifying",
            "escalated",
            "acknowledged",
            "resolved",
        ]
        | None
    ) = None
    """The state of the incident."""
    rollback: Literal["held", "failed", "inconclusive"] | None = None
    """The verdict on the way back."""


class Moment(Section):
    """Something that happens, or is looked at, while the test runs."""

    time: LongWait
    """Counted from the first message."""
    alert: Literal["resolved", "firing"] | None = None
    """The alert clears, or fires again."""
    facts: Fields = {}
    """What diagnostics and observations show from now on."""
    expect: Expect | None = None
    """What holds at this moment."""


class RunbookTest(Section):
    """One test: given this, it comes to that."""

    name: Text
    """What it shows, as a sentence."""
    given: Given = Given()
    """The world at the start."""
    at: list[Moment] = Field(default=[], max_length=50)
    """What happens meanwhile, by the virtual clock."""
    expect: Expect = Expect()
    """What it comes to in the end."""
