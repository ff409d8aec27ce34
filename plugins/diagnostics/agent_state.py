"""What is known of a sub-agent or proxy: does it beat and work, what does it run, may it act.

What it says of itself (its heartbeats) and what it was told (its quarantine, its version) are two
things, and stand side by side. A field that is not known is left out, and an expression over it is
unknown, never false.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.model.errors import HomeostatError, Permanent
from agent.model.product import EntityKind
from agent.model.signals import Mode
from agent.ports.kit import MemberTold, ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class State(Params):
    target: str = Field(description="Name of the registered sub-agent or proxy.")


class StateResult(Result):
    known: bool = Field(description="It was heard of since it was registered.")
    alive: bool = Field(description="It beats: neither silent for too long nor reported dead.")
    heard_ago: Span | None = Field(default=None, description="How long ago it last beat.")
    worked_ago: Span | None = Field(
        default=None, description="How long ago its work counter last moved."
    )
    success_ago: Span | None = Field(default=None, description="How long ago it last succeeded.")
    version: str | None = Field(default=None, description="Version it says that it runs.")
    version_declared: str | None = Field(default=None, description="Version the catalog pins.")
    version_told: str | None = Field(default=None, description="Version it was told to run.")
    config_hash: str | None = Field(
        default=None, description="Hash of the configuration it says that it runs."
    )
    config_declared: str | None = Field(default=None, description="Hash the catalog pins.")
    as_pinned: bool | None = Field(
        default=None, description="It runs what is declared; unknown where it does not say."
    )
    mode_said: str | None = Field(
        default=None, description="The mode it says that it is in: act or observe."
    )
    mode_told: str | None = Field(default=None, description="The mode it was told to be in.")
    in_quarantine: bool | None = Field(default=None, description="It was told to observe only.")
    observes: bool | None = Field(
        default=None, description="It was told to observe only, and says that it does."
    )
    drifting: list[str] = Field(
        description="What has left its baseline: errors, latency, tokens, work."
    )
    probes_wrong: list[str] = Field(description="Reference probes it answers wrongly.")
    has_process: bool = Field(description="It runs as a process of the embedded substrate.")
    detail: str = ""


@diagnostic(
    name="agent.state",
    params=State,
    result=StateResult,
    summary="Whether a sub-agent or proxy beats, works, runs what is declared, and may act",
)
async def state(kit: ReadKit, params: State) -> StateResult:
    entity = kit.registry.entities.get(params.target)
    if entity is None or entity.kind is not EntityKind.AGENT:
        raise Permanent(f"no sub-agent or proxy {params.target!r} is registered")
    seen = kit.signals.member(entity.name)
    told, detail = await _told(kit, entity.name)
    declared = entity.member
    version_declared = (declared.version if declared else "") or None
    config_declared = (declared.config_hash if declared else "") or None
    in_quarantine = told.mode is Mode.OBSERVE if told is not None else None
    return StateResult(
        known=seen.is_known,
        alive=seen.alive,
        heard_ago=_span(seen.heard_seconds_ago),
        worked_ago=_span(seen.worked_seconds_ago),
        success_ago=_span(seen.success_seconds_ago),
        version=seen.version or None,
        version_declared=version_declared,
        version_told=(told.version or None) if told is not None else None,
        config_hash=seen.config_hash or None,
        config_declared=config_declared,
        as_pinned=_as_pinned((version_declared, seen.version), (config_declared, seen.config_hash)),
        mode_said=seen.mode.value if seen.mode is not None else None,
        mode_told=told.mode.value if told is not None else None,
        in_quarantine=in_quarantine,
        observes=_observes(in_quarantine, seen.mode),
        drifting=[aspect.value for aspect in seen.drifting],
        probes_wrong=list(seen.probes_wrong),
        has_process=entity.process is not None,
        detail=detail or seen.text,
    )


async def _told(kit: ReadKit, name: str) -> tuple[MemberTold | None, str]:
    """What it was told, and why that is not known."""
    try:
        return await kit.members.told(name), ""
    except HomeostatError as error:
        return None, str(error)[:300]


def _span(seconds: float | None) -> timedelta | None:
    return timedelta(seconds=seconds) if seconds is not None else None


def _as_pinned(*pairs: tuple[str | None, str]) -> bool | None:
    """Each pair is what is declared and what is said."""
    pinned = [(declared, said) for declared, said in pairs if declared is not None]
    if any(said and said != declared for declared, said in pinned):
        return False
    return True if pinned and all(said for _, said in pinned) else None


def _observes(in_quarantine: bool | None, said: Mode | None) -> bool | None:
    if in_quarantine is None or said is None:
        return None
    return in_quarantine and said is Mode.OBSERVE
