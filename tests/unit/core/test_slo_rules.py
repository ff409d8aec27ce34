"""What the rules say. Whether they do it: tests/integration/test_slo_rules.py."""

from __future__ import annotations

from typing import Any

from agent.core.slo_rules import as_resource, groups, interval_of, is_guarded, plain
from agent.model.product import Product, Sli, Slo

SLI = Sli(bad='rate(x{code="500"}[$window])', total="rate(x[$window])")


def product(name: str = "shop", **fields: Any) -> Product:
    slo = Slo(**{"name": "pay", "objective": 0.999, "sli": SLI, **fields})
    return Product(name=name, builder="t", tier="low", slos=(slo,))


def made(*products: Product, link: str = "") -> dict[str, dict[str, Any]]:
    """Rules by name."""
    return {
        rule.get("record") or rule["alert"]: rule
        for group in groups(products, link=link)
        for rule in group["rules"]
    }


def test_every_window_is_recorded_and_three_alerts_are_made() -> None:
    names = set(made(product()))
    windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
    assert {f"slo:bad:ratio_rate{w}" for w in windows} < names
    assert {"slo:bad:ratio_window", "slo:events:count_window"} < names
    assert {n for n in names if ":" not in n} == {"SloBurnFast", "SloBurnSlow", "SloNoData"}


def test_who_is_told_and_what_about_stands_in_labels_and_annotations() -> None:
    told = made(product(journey="a customer pays."), link="http://127.0.0.1:8420")
    fast = told["SloBurnFast"]
    assert fast["labels"] == {
        "layer": "product", "product": "shop", "slo": "pay", "severity": "critical",
    }  # fmt: skip
    assert told["SloBurnSlow"]["labels"]["severity"] == "warning"
    assert "shop/pay (a customer pays) fails too often" in fast["annotations"]["summary"]
    assert fast["annotations"]["runbook_url"] == "http://127.0.0.1:8420/products#shop"
    assert "0.1% of 30d may be" in fast["annotations"]["description"]
    assert told["SloNoData"]["for"] == "10m"


def test_words_of_people_are_no_template() -> None:
    told = made(product(journey="pays {{ query `up` }}\nand more"))
    summary = told["SloBurnFast"]["annotations"]["summary"]
    assert 'pays {{"{{"}} query `up` }} and more' in summary
    assert plain("a {{{ b") == 'a {{"{{"}}{ b'


def test_the_guard_counts_bad_events_where_they_can_be_counted() -> None:
    assert "* 3600 > 1.5" in made(product())["SloBurnFast"]["expr"]
    assert "* 3600 > 4.5" in made(product(least_events=5.0))["SloBurnFast"]["expr"]
    share = made(product(sli=Sli(share="avg_over_time(x[$window])")))
    assert "3600" not in share["SloBurnFast"]["expr"]
    assert "slo:events:count_window" not in share
    assert not is_guarded(Sli(share="avg_over_time(x[$window])"))


def test_counts_are_made_into_rates() -> None:
    sli = Sli(bad="increase(b[$window])", total="increase(t[$window])")
    assert (
        made(product(sli=sli))["slo:events:rate5m"]["expr"] == "sum((increase(t[5m])) / 300) >= 0"
    )


def test_an_objective_that_is_only_stated_has_no_rules() -> None:
    assert groups([product(sli=None)]) == []


def test_the_order_does_not_depend_on_that_of_the_files() -> None:
    both = [product("shop"), product("mail")]
    assert groups(both) == groups(both[::-1])
    assert [g["name"] for g in groups(both)][:2] == ["slo:mail:pay:fast", "slo:mail:pay:slow"]


def test_the_shortest_window_is_looked_at_twice_at_least() -> None:
    assert interval_of(Slo(name="a")) == 30
    assert interval_of(Slo(name="a", window_seconds=86_400.0)) == 5
    assert interval_of(Slo(name="a", window_seconds=3_600.0)) == 1


def test_the_same_groups_go_into_a_resource_of_the_operator() -> None:
    found = groups([product()])
    resource = as_resource(found)
    assert (resource["apiVersion"], resource["kind"]) == (
        "monitoring.coreos.com/v1", "PrometheusRule",
    )  # fmt: skip
    assert resource["spec"] == {"groups": found}
