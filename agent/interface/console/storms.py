"""Storms as people read them: since when, how many are held, under whom, and the slow way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.core.signs import FLEET, IN_STORM
from agent.core.storm import in_force, is_half
from agent.core.view import View, signs
from agent.interface.http.desk import belongs
from agent.model.principal import Principal


def storms_of(view: View, who: Principal, at: float) -> list[dict[str, Any]]:
    """Those in force that this person may know of, the fleet's first."""
    found = [_told(scope, view, who, at) for scope in _scopes(view, who, at)]
    return sorted(found, key=lambda storm: (storm["scope"] != FLEET, storm["scope"]))


def _scopes(view: View, who: Principal, at: float) -> Iterator[str]:
    for scope in view.storms:
        is_theirs = scope == FLEET or belongs(who, scope)
        if is_theirs and in_force(view, scope, at) is not None:
            yield scope


def _told(scope: str, view: View, who: Principal, at: float) -> dict[str, Any]:
    storm = view.storms[scope]
    root = view.incidents.get(storm.root)
    return {
        "scope": scope,
        "is_fleet": scope == FLEET,
        "since": storm.began_at,
        "why": storm.why,
        "held": len(signs(view).ids(IN_STORM, scope)),
        "root": root.id if root is not None and belongs(who, root.product) else "",
        "quiet_at": storm.last_at + view.policy.rails.storm_quiet_seconds,
    }


def half_until(view: View, at: float) -> float | None:
    """Until when half as much is done as usual; None where that is not so. A storm that still goes
    on says nothing about it: how long it will last nobody knows."""
    if not is_half(view, at):
        return None
    rails = view.policy.rails
    return max(
        storm.last_at + rails.storm_quiet_seconds + rails.storm_half_seconds
        for scope, storm in view.storms.items()
        if in_force(view, scope, at) is None
    )
