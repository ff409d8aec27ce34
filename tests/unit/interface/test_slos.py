"""Objectives for people: what is left, what is not known, and the rules as a file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from agent.interface.cli.main import app
from agent.model.product import Product, Registry, Sli, Slo
from agent.model.signals import SloSigns
from tests.support.caller import calling
from tests.support.facade import NOW, FakeFacade, everyone, running

SLI = Sli(bad="rate(b[$window])", total="rate(t[$window])")

CATALOG = """\
kind: System
metadata: {name: shop}
spec:
  owner: team-shop
  homeostat:
    slos:
      - name: pay
        journey: a customer pays
        objective: 99.9%
        sli: {bad: 'rate(b[$window])', total: 'rate(t[$window])'}
"""


def signs(slo: str, **fields: Any) -> SloSigns:
    return SloSigns(**{"product": "shop", "slo": slo, "last_at": NOW - 30, **fields})


def facade() -> FakeFacade:
    found = FakeFacade(principals=everyone())
    names = ("burnt", "calm", "gone", "idle", "never")
    slos = tuple(Slo(name=name, journey=f"they {name}", objective=0.99, sli=SLI) for name in names)
    shop = Product(
        name="shop", builder="t", tier="low", slos=(*slos, Slo(name="words", objective=0.9))
    )
    pay = Product(name="pay", builder="p", tier="low", slos=(Slo(name="p", objective=0.9),))
    found.view.registry = Registry(products={"shop": shop, "pay": pay})
    found.view.objectives = {
        f"shop/{s.slo}": s
        for s in (
            signs("burnt", bad=0.02, spent=2.0, spent_since=NOW - 600, burn={"1h": 14.0, "6h": 3}),
            signs("calm", bad=0.0025, events=4000.0, spent=0.25),
            signs("gone", bad=0.0, spent=0.0, unknown_since=NOW - 7200, last_at=NOW - 7200),
            signs("idle", bad=0.0, events=0.0, spent=0.0),
        )
    }
    return found


async def told(token: str = "viewer-token", path: str = "/api/v1/slos") -> list[dict[str, Any]]:
    async with running(facade()) as (_, url), calling(url, token=token) as caller:
        return list((await caller.get(path)).json())


async def test_each_objective_says_how_it_stands() -> None:
    found = {one["slo"]: one for one in await told(path="/api/v1/slos?product=shop")}
    states = {name: (one["state"], one["budget_left"]) for name, one in found.items()}
    assert states == {
        "burnt": ("spent", -1.0),
        "calm": ("kept", 0.75),
        "gone": ("unknown", None),
        "idle": ("kept", 1.0),
        "never": ("unknown", None),
        "words": ("stated", None),
    }
    assert found["burnt"]["spent_since"] is not None
    assert found["calm"]["expressions"] == {"bad": SLI.bad, "total": SLI.total}
    assert "prometheus.slo" in found["never"]["why"]


async def test_objectives_of_other_products_are_left_out() -> None:
    assert {one["product"] for one in await told()} == {"pay", "shop"}
    assert {one["product"] for one in await told("pay-viewer-token")} == {"pay"}


async def talk(monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    async with running(facade()) as (_, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        monkeypatch.setenv("HOMEOSTAT_TOKEN", "viewer-token")
        return await asyncio.to_thread(CliRunner().invoke, app, ["slo", *words])


async def test_the_list_never_calls_good_what_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await talk(monkeypatch, "list", "--product", "shop")
    assert result.exit_code == 0, result.output
    lines = {line.split()[1]: line for line in result.stdout.splitlines()}
    assert "none: 2 times spent" in lines["burnt"]
    assert "14.0x in 1h" in lines["burnt"]
    assert "75.0%" in lines["calm"]
    assert "unknown: nothing reports it any more" in lines["gone"]
    assert "100.0% (there were no events)" in lines["idle"]
    assert "unknown: nothing reports it: is the source" in lines["never"]
    assert "stated: nothing watches it" in lines["words"]
    for name in ("gone", "never", "words"):
        assert "100" not in lines[name]


async def test_one_product_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await talk(monkeypatch, "show", "shop")
    assert "shop/burnt: spent" in result.stdout
    assert "burn 1h      14.00x" in result.stdout
    assert "rate(t[$window])" in result.stdout
    assert (await talk(monkeypatch, "show", "nobody")).exit_code == 1
    assert json.loads((await talk(monkeypatch, "list", "--format", "json")).stdout)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog-info.yaml").write_text(CATALOG)
    (tmp_path / "homeostat.yaml").write_text("products: [catalog-info.yaml]\n")
    return tmp_path


def rules(*words: str) -> Result:
    return CliRunner().invoke(app, ["slo", "rules", *words])


def test_rules_are_written_the_same_each_time_and_a_change_is_found(site: Path) -> None:
    assert rules("--out", "slos.yml").exit_code == 0
    text = (site / "slos.yml").read_text()
    assert text == rules().stdout
    assert text.startswith("# Written by `homeostat slo rules`")
    assert [g["name"] for g in yaml.safe_load(text)["groups"]] == [
        "slo:shop:pay:fast", "slo:shop:pay:slow",
    ]  # fmt: skip
    assert rules("--check", "slos.yml").exit_code == 0
    (site / "slos.yml").write_text(text.replace("> 0.0144", "> 0.9"))
    result = rules("--check", "slos.yml")
    assert result.exit_code == 1
    assert "> 0.9" in result.stdout
    assert "homeostat slo rules --out slos.yml" in result.stderr


def test_each_fault_of_the_files_has_a_line_of_its_own(site: Path) -> None:
    (site / "catalog-info.yaml").write_text(CATALOG.replace("owner: ", "oner: "))
    result = rules()
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) > 1
    assert all(line.startswith("homeostat: ") and ": HS3" in line for line in lines)


def test_rules_come_as_a_resource_and_as_json(site: Path) -> None:
    resource = yaml.safe_load(rules("--format", "crd").stdout)
    plain = json.loads(rules("--format", "json", "--link", "https://ops.example/").stdout)
    assert resource["kind"] == "PrometheusRule"
    assert len(resource["spec"]["groups"]) == len(plain["groups"]) == 2
    alert = plain["groups"][0]["rules"][-1]
    assert alert["annotations"]["runbook_url"] == "https://ops.example/products#shop"


def test_what_cannot_be_done_is_wrong_usage(site: Path) -> None:
    assert rules("--check", "nowhere.yml").exit_code == 2
    assert 'did you mean "shop"?' in rules("--product", "shob").stderr
    (site / "catalog-info.yaml").write_text(CATALOG.replace("99.9%", "100%"))
    result = rules()
    assert result.exit_code == 2
    assert "HS321" in result.stderr
