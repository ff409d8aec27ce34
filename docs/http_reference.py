"""The page of HTTP: routes, what they mean, and who may use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from model_tables import complete, table
from sentences import HTTP, ROUTES

from agent.interface.http.api import routes
from agent.interface.http.needs import SEND, Need, Reach, need_of
from agent.model.principal import LOCAL, Principal, Role
from agent.runtime.registry import PluginRegistry

YES, OWN, UNLIMITED, NO = "●", "○", "◆", "–"


def http_page(plugins: Path) -> str:
    # The list is made for a desk that serves it; to be read, it needs none.
    found = {
        f"{method} {route.path}": route
        for route in routes(None)  # type: ignore[arg-type]
        for method in sorted((route.methods or set()) - {"HEAD"})
    }
    complete(ROUTES, found, "HTTP routes")
    sources = PluginRegistry.load([plugins]).push_sources()
    senders = sorted((f"`POST {source.path}`", source.summary) for source in sources)
    people = ((f"`{name}`", need_of(route).sentence, ROUTES[name]) for name, route in found.items())
    needs = {name: need_of(route) for name, route in found.items()}
    needs |= {f"POST {source.path}": SEND for source in sources}
    return HTTP.format(
        senders=table(("route", "what may be sent"), senders),
        people=table(("route", "who may", "meaning"), people),
        roles=table(("route", *(role.value for role in Role), "local"), _roles(needs)),
    )


def _roles(needs: Mapping[str, Need]) -> Iterator[list[str]]:
    """What each need admits, asked of it and not told about it."""
    for name, need in sorted(needs.items(), key=lambda item: item[0].split()[::-1]):
        holders = [Principal(name=role.value, roles=frozenset({role})) for role in Role]
        yield [f"`{name}`", *(_cell(need, who) for who in (*holders, LOCAL))]


def _cell(need: Need, who: Principal) -> str:
    if not need.admits(who):
        return NO
    if need.reach is Reach.NEUTRAL or who is LOCAL:
        return YES
    return UNLIMITED if need.reach is Reach.DAEMON else OWN
