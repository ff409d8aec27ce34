"""What was changed lately, as diagnosis and expressions read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from agent.catalog.fact_types import result_types
from agent.core.paging import brief
from agent.model.records import ChangeRecord
from agent.model.signals import ChangeKind, ChangePhase
from agent.runtime.signal_reading import NoSignals, SignalsInView
from tests.support.cases import REGISTRY, START, World
from tests.support.clock import TestClock
from tests.support.shipped import plugin, run

NAME = "changes.recent"


def change(minutes: float, entity: str = "shop-web", **fields: Any) -> ChangeRecord:
    given: dict[str, Any] = {
        "product": "shop",
        "what": "deployed",
        "by": "ada",
        "kind": ChangeKind.RELEASE,
        **fields,
    }
    return ChangeRecord(entity=entity, at=START - minutes * 60, **given)


def kit(*changes: ChangeRecord) -> Any:
    view = World().view
    for each in sorted(changes, key=lambda c: c.at):
        view.changes = {**view.changes, each.entity: (*view.changes.get(each.entity, ()), each)}
    signals = SignalsInView(view, TestClock(START))
    return SimpleNamespace(signals=signals, registry=REGISTRY)


async def read(*changes: ChangeRecord, target: str = "shop-web", **params: Any) -> Any:
    return await run(NAME, kit(*changes), target=target, **params)


async def test_the_latest_and_how_long_ago_each_kind_was() -> None:
    found = await read(
        change(12, version="1.4", before="1.3", sent_at=START - 780),
        change(40, kind=ChangeKind.CONFIGURATION, what="limits raised"),
        change(90, kind=ChangeKind.OTHER, what="edited", by="ben", is_manual=True),
        change(200, version="1.3", phase=ChangePhase.FAILED),
    )
    assert (found.count, found.failed) == (4, 1)
    assert (found.latest.kind, found.latest.version, found.latest.before) == (
        "release",
        "1.4",
        "1.3",
    )
    assert (found.latest.ago, found.latest.late) == (timedelta(minutes=12), timedelta(minutes=1))
    assert found.release_ago == timedelta(minutes=12)
    assert found.configuration_ago == timedelta(minutes=40)
    assert found.manual_ago == timedelta(minutes=90)
    assert (found.machinery_ago, found.around_ago) == (None, None)
    assert found.text == "12m ago release 1.4 of shop-web by ada: deployed"
    assert found.changes[2:] == [
        "2h ago of shop-web by ben by hand: edited",
        "3h ago release 1.3 failed of shop-web by ada: deployed",
    ]


async def test_what_changed_around_it() -> None:
    """F-K8-09: neighbours and what it stands on are told, and are no release of it."""
    found = await read(
        change(5, "cache", product="", kind=ChangeKind.CONFIGURATION, what="resized"),
        change(9, "shop-worker", what="deployed 7"),
        change(3, "pay-api", product="pay"),
    )
    assert (found.count, found.latest, found.release_ago) == (0, None, None)
    assert found.around_ago == timedelta(minutes=5)
    assert found.text == "5m ago configuration of cache by ada: resized"
    assert len(found.around) == 2


async def test_of_a_product_it_is_all_it_is_made_of() -> None:
    found = await read(
        change(5), change(9, "shop-worker"), change(3, "pay-api", product="pay"), target="shop"
    )
    assert (found.count, found.release_ago) == (2, timedelta(minutes=5))


async def test_what_is_said_of_the_whole_product_is_said_of_each_part() -> None:
    found = await read(change(5, "shop", version="2026.1"))
    assert found.release_ago == timedelta(minutes=5)


async def test_the_machinery() -> None:
    scout = change(7, "scout", product="", kind=ChangeKind.MACHINERY, what="prompt changed")
    found = await read(scout, target="scout")
    assert found.machinery_ago == timedelta(minutes=7)
    released = await read(change(8, "scout", product=""), target="scout")
    assert released.machinery_ago == timedelta(minutes=8)
    tried = change(8, "scout", product="", kind=ChangeKind.OTHER)
    assert (await read(tried, target="scout")).machinery_ago is None


async def test_nothing_known_is_no_time() -> None:
    for nothing in (kit(), SimpleNamespace(signals=NoSignals(), registry=REGISTRY)):
        found = await run(NAME, nothing, target="nobody")
        assert (found.count, found.latest, found.release_ago, found.failed) == (0, None, None, 0)
        assert (found.text, found.changes, found.around) == ("", [], [])
    assert (await read(change(90), since="1h")).count == 0


@pytest.mark.parametrize("params", [{"since": "0s"}, {"since": "31d"}, {"target": ""}, {"x": 1}])
def test_parameters(params: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plugin(NAME).params.model_validate({"target": "shop-web", **params})


async def test_expressions_read_durations_and_pages_the_line() -> None:
    types = result_types(plugin(NAME).result)
    assert (types["release_ago"], types["latest.ago"], types["failed"]) == (
        "duration",
        "duration",
        "int",
    )
    found = (await read(change(12, version="1.4"))).model_dump(mode="json")
    assert brief(found).startswith("text 12m ago release 1.4 of shop-web by ada: deployed, count 1")
