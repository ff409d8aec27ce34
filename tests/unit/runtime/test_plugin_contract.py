"""What runbooks rely on of a plugin, as one comparable line."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.ports.plugin import Action, Diagnostic, Params, Result, action, diagnostic
from agent.runtime.plugin_contract import contract_of
from agent.runtime.registry import PluginRegistry, plugin_facts, shipped_plugins_folder


class One(Params):
    target: str = Field(description="what")


class InOtherWords(Params):
    target: str = Field(description="which thing", title="Target")


class Wider(Params):
    target: str = Field(description="what")
    title: str = Field(default="", description="a field may be called so")


class Stricter(Params):
    target: str = Field(description="what", max_length=10)


class Seen(Result):
    alive: bool


class SeenMore(Result):
    alive: bool
    since: float = 0.0


def acting(params: type[Params] = One, **fields: Any) -> str:
    told = {"effect": Effect.IDEMPOTENT, "reversal": Reversal.NOTHING, **fields}

    @action(name="a.b", summary="does it", params=params, **told)
    async def run(params: Any, kit: Any) -> dict[str, Any]:
        return {}

    assert isinstance(run, Action)
    return contract_of(run)


def looking(result: type[Result]) -> str:
    @diagnostic(name="a.c", summary="looks", params=One, result=result)
    async def run(params: Any, kit: Any) -> Result:
        return result.model_construct()

    assert isinstance(run, Diagnostic)
    return contract_of(run)


def words(contract: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in contract.split())


def test_better_words_change_no_contract() -> None:
    assert acting(One) == acting(InOtherWords)


@pytest.mark.parametrize("params", [Wider, Stricter])
def test_other_parameters_are_another_contract(params: type[Params]) -> None:
    before, now = words(acting(One)), words(acting(params))
    assert [name for name in before if before[name] != now[name]] == ["params"]


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"effect": Effect.CONDITIONAL}, "effect"),
        ({"reversal": Reversal.SNAPSHOT}, "reversal"),
        ({"availability": Availability.KEEPS}, "availability"),
    ],
)
def test_what_it_does_is_part_of_it(fields: dict[str, Any], changed: str) -> None:
    before, now = words(acting()), words(acting(**fields))
    assert [name for name in before if before[name] != now[name]] == [changed]


def test_a_diagnostic_that_shows_more_is_another_one() -> None:
    assert words(looking(Seen)).keys() == {"params", "result"}
    assert looking(Seen) != looking(SeenMore)


def test_every_shipped_plugin_a_runbook_may_use_has_one() -> None:
    shipped = PluginRegistry.load([shipped_plugins_folder()])
    used: list[Action | Diagnostic] = [*shipped.actions(), *shipped.diagnostics()]
    assert used
    for plugin in used:
        assert plugin_facts(plugin).contract.startswith("params="), plugin.name
    for notifier in shipped.notifiers():
        assert plugin_facts(notifier).contract == ""
