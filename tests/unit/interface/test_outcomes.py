"""Leadership metrics for people: what is known, what is not, and what changed before a stall."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.core.leadership import labels_of
from agent.core.own_alert import identity_of
from agent.interface.cli.main import app
from agent.model.product import Entity, EntityKind, Registry
from agent.model.records import ChangeRecord, MeasureSigns
from agent.model.series import MotionSeries
from agent.model.signals import BlindSpot, BlindSpotKind, ChangeKind
from tests.support.caller import calling
from tests.support.facade import NOW, FakeFacade, everyone, running


def signs(**fields: Any) -> MeasureSigns:
    told: dict[str, Any] = {"value": 7.0, "moved_at": NOW - 60, "last_at": NOW, **fields}
    return MeasureSigns(product="shop", metric="orders", **told)


def facade(**fields: Any) -> FakeFacade:
    made = FakeFacade(principals=everyone())
    made.view.measures = {"shop": signs(**fields)}
    return made


def stalled(**fields: Any) -> FakeFacade:
    made = facade(moved_at=NOW - 900, firing_since=NOW - 300, **fields)
    made.view.live = {identity_of(labels_of("shop", "orders")): "inc-1"}
    release = ChangeRecord(
        product="shop",
        entity="picker",
        what="deployed",
        by="argocd",
        at=NOW - 3000,
        kind=ChangeKind.RELEASE,
        version="1.4.2",
    )
    made.view.changes = {"picker": (release,)}
    return made


async def asked(made: FakeFacade, *, token: str = "viewer-token", query: str = "") -> Any:
    async with running(made) as (_, url), calling(url, token=token) as caller:
        reply = await caller.request("GET", f"/api/v1/outcomes{query}")
        return json.loads(reply.text)


async def shop_of(made: FakeFacade, **how: str) -> dict[str, Any]:
    found = await asked(made, **how)
    return next(one for one in found if one["product"] == "shop")


async def test_a_metric_that_moves_is_told_with_its_last_reading() -> None:
    shop = await shop_of(facade())
    assert (shop["verdict"], shop["metric"], shop["builder"]) == ("moving", "orders", "team-shop")
    assert shop["last"]["value"] == 7.0
    assert (shop["alert_since"], shop["incident"], shop["suspects"]) == (None, None, [])
    assert shop["expected_motion"] == {"flat_for_seconds": 600.0}


async def test_a_stall_is_told_with_its_incident_and_its_first_suspect() -> None:
    shop = await shop_of(stalled())
    assert (shop["verdict"], shop["incident"]) == ("stalled", "inc-1")
    assert "stands at 7 for 900 s" in shop["text"]
    assert shop["suspects"][0]["text"] == "release 1.4.2 of picker, 35 min before, by argocd"


async def test_a_stall_while_something_burns_below_waits() -> None:
    shop = await shop_of(facade(moved_at=NOW - 900, burned_at=NOW - 60))
    assert (shop["verdict"], shop["waits_for_what_burns_below"]) == ("stalled", True)
    assert shop["alert_since"] is None


async def test_what_was_never_read_and_what_is_missed_are_not_known() -> None:
    never = FakeFacade(principals=everyone())
    shop = await shop_of(never)
    assert (shop["verdict"], shop["last"]) == ("unknown", None)
    missed = facade()
    spot = BlindSpot(
        kind=BlindSpotKind.METRIC_VANISHED,
        subject="shop/orders",
        owner="team-shop",
        text="no reading of orders comes any more",
        remedy="look",
        since=NOW,
        last_at=NOW,
    )
    missed.view.blind_spots = {"metric_vanished/shop/orders": spot}
    assert (await shop_of(missed))["gap"] == "no reading of orders comes any more"


async def test_a_product_without_a_metric_says_so() -> None:
    pay = next(one for one in await asked(facade()) if one["product"] == "pay")
    assert pay["metric"] is None


async def test_one_product_comes_with_its_series_for_a_chart() -> None:
    made = facade()
    series = MotionSeries(
        metric="orders", bin_seconds=60.0, began_at=NOW - 180, values=(1.0, None, 3.0)
    )
    made.view.motions = {"shop": series}
    (shop,) = await asked(made, query="?product=shop")
    assert shop["series"]["values"] == [1.0, None, 3.0]
    assert "series" not in await shop_of(made)


@pytest.mark.parametrize("product", ["shop", "nobody"])
async def test_a_foreign_product_is_answered_like_one_that_does_not_exist(product: str) -> None:
    told = await asked(facade(), token="pay-viewer-token", query=f"?product={product}")
    assert told["error"] == f"no product {product}"


async def test_suspects_of_other_products_are_left_out_for_who_is_limited_to_one() -> None:
    made = stalled()
    known = made.view.registry
    hidden = Entity(name="hidden", kind=EntityKind.SERVICE, product="shop", owner="team-shop")
    pay = made.view.registry.products["pay"]
    made.view.registry = Registry(
        products={
            **known.products,
            "pay": type(pay)(
                name="pay",
                builder="team-pay",
                tier="high",
                depends_on=("hidden",),
                leadership_metric=known.products["shop"].leadership_metric,
            ),
        },
        entities={**known.entities, "hidden": hidden},
    )
    made.view.measures = {
        "pay": MeasureSigns(
            product="pay", metric="orders", value=1.0, moved_at=NOW - 900, last_at=NOW
        )
    }
    change = ChangeRecord(
        product="shop", entity="hidden", what="w", by="x", at=NOW - 1000, kind=ChangeKind.RELEASE
    )
    made.view.changes = {"hidden": (change,)}
    for token, count in (("viewer-token", 1), ("pay-viewer-token", 0)):
        (pay_told,) = await asked(made, token=token, query="?product=pay")
        assert pay_told["verdict"] == "stalled"
        assert len(pay_told["suspects"]) == count


async def say(made: FakeFacade, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    async with running(made) as (_, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        monkeypatch.setenv("HOMEOSTAT_TOKEN", "viewer-token")
        return await asyncio.to_thread(CliRunner().invoke, app, ["outcomes", *words])


async def test_the_command_lists_all_and_ends_well(monkeypatch: pytest.MonkeyPatch) -> None:
    told = await say(facade(), monkeypatch)
    assert told.exit_code == 0
    assert "shop     orders  moving   7" in told.output
    assert "declares no leadership metric" in told.output


async def test_of_one_that_stalls_it_says_why_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = stalled()
    series = MotionSeries(metric="orders", bin_seconds=60.0, values=(4.0, None, 0.0, 8.0))
    made.view.motions = {"shop": series}
    told = await say(made, monkeypatch, "shop")
    assert told.exit_code == 1
    assert "incident inc-1 since" in told.output
    assert "first suspect: release 1.4.2 of picker" in told.output
    assert "[▄· █] bins of 60 s, the most 8" in told.output


async def test_a_product_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    told = await say(facade(), monkeypatch, "nobody", "--format", "json")
    assert told.exit_code == 1
    assert "no product nobody" in told.output
