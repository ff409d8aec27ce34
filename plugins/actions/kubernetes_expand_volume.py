"""Lets the volume behind a claim grow to a size. It never shrinks again, and it costs from then on.

Not for a volume that something fills by mistake: it would fill the larger one too. A class of
storage that cannot grow, and a size below the present one, are refused.

Idempotent: the size is absolute, so doing it twice grows it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Expand(Params):
    target: str = Field(
        description="Claim of the inventory, as in `prod-a/persistentvolumeclaim/data`."
    )
    to_bytes: int = Field(
        ge=2**20,
        le=2**50,
        description="The size it shall have, as `kubernetes.volume` proposes it.",
    )


@action(
    name="kubernetes.expand_volume",
    params=Expand,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NONE,
    availability=Availability.KEEPS,
    summary="Lets a volume grow to a size; it never shrinks again",
    needs="kubernetes",
)
async def expand(kit: ActKit, params: Expand) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
