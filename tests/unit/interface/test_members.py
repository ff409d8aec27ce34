"""Members of the machinery for people: the list, one of them, and the health of their product."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from agent.interface.cli.main import app
from agent.interface.health import product_layers
from agent.interface.http.members_api import member_json, spots_of
from agent.model.alert import Layer
from agent.model.records import AgentSigns
from agent.model.series import DriftState
from agent.model.signals import BlindSpot, BlindSpotKind, Mode, ProbeSigns
from tests.support.facade import NOW, FakeFacade, everyone, running
from tests.support.members import changed, drafter


def spot(subject: str, kind: BlindSpotKind = BlindSpotKind.SIGNAL_FAULTY) -> BlindSpot:
    return BlindSpot(
        kind=kind,
        subject=subject,
        owner="team-agents",
        text="sent_at: \x1b[31m off",
        remedy="mend it",
        since=NOW - 60,
        last_at=NOW,
    )


def facade_with(signs: AgentSigns | None = None, **declared: Any) -> FakeFacade:
    facade = FakeFacade(principals=everyone())
    one = drafter(changed(**declared))
    registry = facade.view.registry
    facade.view.registry = msgspec.structs.replace(registry, entities={"drafter": one})
    facade.view.agents = {"drafter": signs} if signs is not None else {}
    return facade


def beating(**fields: Any) -> AgentSigns:
    told: dict[str, Any] = {
        "agent": "drafter",
        "last_at": NOW - 3,
        "alive": True,
        "beats": 9,
        "boot": "b1",
        "seq": 9,
        "work": 12.0,
        "worked_at": NOW - 8,
        "version": "1.4.2",
        "config_hash": "ab12",
        "mode": Mode.ACT,
        "detail": {"queue": 4},
        **fields,
    }
    return AgentSigns(**told)


def in_trouble() -> FakeFacade:
    facade = facade_with(
        beating(hung_since=NOW - 5, version="9", unpinned_since=NOW - 4),
        review_by=1_801_440_000.0,
    )
    facade.view.probes = {
        "drafter/capital": ProbeSigns(
            agent="drafter",
            probe="capital",
            last_at=NOW,
            results=(True, False, False),
            said="Rome",
            firing_since=NOW - 2,
        )
    }
    facade.view.drifts = {
        "drafter/errors": DriftState(at=NOW, value=0.4, limit=9.0, firing_since=NOW - 1)
    }
    facade.view.blind_spots = {
        f"{s.kind.value}/{s.subject}": s
        for s in (
            spot("drafter"),
            spot("drafter/telemetry"),
            spot("drafter/old"),
            spot("other"),
            spot("drafter", BlindSpotKind.MEMBER_UNKNOWN),
        )
    }
    gone = msgspec.structs.replace(spot("drafter/old"), gone_at=NOW)
    facade.view.blind_spots["signal_faulty/drafter/old"] = gone  # type: ignore[index]
    return facade


def told(facade: FakeFacade) -> dict[str, Any]:
    view = facade.view
    spots = spots_of(view).get("drafter", ())
    return member_json(view.registry.entities["drafter"], view, at=NOW, spots=spots)


def test_one_that_was_never_heard_is_unknown_and_not_well() -> None:
    found = told(facade_with())
    assert (found["state"], found["heard_at"]) == ("unknown", None)
    assert found["version"] == {"declared": "1.4.2", "seen": ""}
    assert (found["drift"][0]["value"], found["drift"][0]["learning"]) == (None, True)


def test_one_that_promises_no_beat_and_was_not_heard_for_a_day_is_unknown() -> None:
    facade = facade_with(beating(last_at=NOW - 90_000))
    facade.view.registry.entities["drafter"] = drafter(heartbeat_seconds=None)  # type: ignore[index]
    assert told(facade)["state"] == "unknown"


def test_one_that_beats_is_well() -> None:
    found = told(facade_with(beating()))
    assert (found["state"], found["heard_seconds_ago"], found["mode"]) == ("well", 3.0, "act")
    assert found["troubles"] == found["blind_spots"] == found["undeclared"] == []


def test_everything_that_is_wrong_with_one() -> None:
    found = told(in_trouble())
    assert found["state"] == "in trouble"
    assert [t["kind"] for t in found["troubles"]] == ["hung", "pinned", "probe", "drift"]
    assert "version is 9, and 1.4.2 is declared" in found["troubles"][1]["text"]
    assert (found["drift"][0]["drifting"], found["drift"][0]["learning"]) == (True, False)
    assert found["probes"][0]["results"] == ["right", "wrong", "wrong"]
    assert [s["subject"] for s in found["blind_spots"]] == ["drafter", "drafter/telemetry"]


def test_what_is_past_its_date_says_so() -> None:
    found = told(facade_with(beating(), review_by=NOW - 1, retire=NOW + 1))
    assert found["overdue"] == ["review"]


def test_what_is_left_out_of_a_registration_is_an_information() -> None:
    found = told(facade_with(beating(), version="", config_hash="", work=None))
    assert found["undeclared"] == ["version", "config_hash", "work"]


@pytest.mark.parametrize(
    ("fields", "colour"),
    [({}, "green"), ({"hung_since": NOW}, "red"), ({"unpinned_since": NOW}, "red")],
)
def test_the_machinery_of_a_product_is_as_well_as_its_members(
    fields: dict[str, Any], colour: str
) -> None:
    facade = facade_with(beating(**fields))
    layers = {h.layer: h.colour for h in product_layers(facade.view, "shop")}
    assert layers[Layer.MACHINERY] == colour


async def talk(url: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setenv("HOMEOSTAT_URL", url)
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "viewer-token")
    return await asyncio.to_thread(CliRunner().invoke, app, ["members", *words])


async def test_the_list_and_one_in_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(in_trouble()) as (_, url):
        for words in ((), ("list",)):
            said = await talk(url, monkeypatch, *words)
            assert said.exit_code == 0, said.output
            assert "9 (1.4.2)" in said.output
            assert "2 blind spots" in said.output
        listed = await talk(url, monkeypatch, "list", "--format", "json")
        assert [m["name"] for m in json.loads(listed.output)] == ["drafter"]
        one = await talk(url, monkeypatch, "show", "drafter")
    assert one.exit_code == 0, one.output
    assert "probe capital: +-- (latest last; + right, - wrong)" in one.output
    assert "not as pinned since" in one.output
    assert "review by     2027-01-31" in one.output
    assert "errors: 0.4, where 0.01 is declared" in one.output
    assert "beats         9 (boot b1, sequence 9)" in one.output
    assert "\x1b" not in one.output


async def test_one_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(facade_with()) as (_, url):
        said = await talk(url, monkeypatch, "show", "nobody")
        assert said.exit_code == 1
        never = await talk(url, monkeypatch, "show", "drafter")
    assert "heard         never" in never.output
    assert "errors: nothing read yet" in never.output


async def test_where_none_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = FakeFacade(principals=everyone())
    facade.view.registry = msgspec.structs.replace(facade.view.registry, entities={})
    async with running(facade) as (_, url):
        said = await talk(url, monkeypatch)
    assert "no sub-agents or proxies are registered" in said.output
