"""The shipped plugins, through the door the daemon uses."""

from __future__ import annotations

from functools import cache
from typing import Any

from agent.runtime.registry import PluginRegistry, shipped_plugins_folder


@cache
def shipped() -> PluginRegistry:
    return PluginRegistry.load([shipped_plugins_folder()])


def plugin(name: str) -> Any:
    return shipped().get(name)


async def run(name: str, kit: Any, /, *rest: Any, **params: Any) -> Any:
    """Calls a plugin as the outbox does: parameters through its model, then the function."""
    found = plugin(name)
    return await found.run(kit, found.params.model_validate(params), *rest)
