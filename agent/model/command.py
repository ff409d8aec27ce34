"""What the decision asks the outside to do. A committed command is the intent of doing it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.model.effect import Effect


class CommandKind(StrEnum):
    DIAGNOSE = "diagnose"
    ACT = "act"
    PROBE = "probe"
    OBSERVE = "observe"
    NOTIFY = "notify"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the outbox.

    `id` is content-derived (incident, kind, plan, step, attempt), so that deciding twice writes one
    row. `key` is the idempotency key handed to the plugin: equal for all attempts of one step.
    """

    id: str
    key: str
    kind: CommandKind
    subject: str
    use: str
    """Name of the plugin, for example `process.restart`."""
    params: Mapping[str, Any] = {}
    target: str | None = None
    product: str | None = None
    effect: Effect = Effect.READ
    plan: str = ""
    step: str = ""
    by: str = "agent"
    timeout_seconds: float = 60.0
    not_before: float = 0.0
    attempt: int = 1
    unsure: bool = False
    """True where an attempt before this one may have happened, and nobody could tell."""
    created_at: float = 0.0
