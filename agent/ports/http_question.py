"""One question by HTTP, as a diagnostic asks it and a verification proves by it."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params


class HttpQuestion(Params):
    """Parameters of a plugin that asks one address: given, or that of a registered entity."""

    url: str | None = Field(default=None, description="Address to ask; or give `target`")
    target: str | None = Field(
        default=None, description="Registered entity whose health address is asked"
    )
    timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Time the answer has, in seconds"
    )
    expect: int | None = Field(
        default=None, ge=100, le=599, description="Status that is right; any 2xx where absent"
    )

    @model_validator(mode="after")
    def one_place(self) -> Self:
        if (self.url is None) == (self.target is None):
            raise ValueError("give either `url` or `target`")
        return self

    def address(self, kit: ReadKit) -> str:
        """Where to ask. Raises Permanent where the target has no address."""
        if self.url:
            return self.url
        entity = kit.registry.entities.get(self.target or "")
        if entity is None:
            raise Permanent(f"no entity {self.target!r} is registered")
        if entity.health_url is None:
            raise Permanent(f"{self.target!r} has no health_url in the catalog")
        return entity.health_url

    def time(self, kit: ReadKit) -> float:
        """Seconds the answer has: a little less than the call, so that it can still be told."""
        return min(self.timeout_seconds, kit.deadline_seconds * 0.9)

    def is_right(self, status: int) -> bool:
        return 200 <= status < 300 if self.expect is None else status == self.expect
