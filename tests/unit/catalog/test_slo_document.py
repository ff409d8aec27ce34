"""`slos` of a product: its forms, and what is told of those that cannot be kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry
from agent.model.product import Sli, Slo

RATE = "rate(x[$window])"


def load(folder: Path, slos: str, *, tier: str = "low") -> tuple[Slo, list[str]]:
    (folder / "catalog-info.yaml").write_text(
        f"kind: System\nmetadata: {{name: shop}}\nspec: {{owner: t, homeostat: {{tier: {tier},"
        f" slos: [{slos}]}}}}\n"
    )
    registry, faults = load_registry([folder])
    return registry.products["shop"].slos[0], [f"{f.code} {f.path}" for f in faults]


@pytest.mark.parametrize(
    ("sli", "meant"),
    [
        (f"bad: '{RATE}', total: '{RATE}'", Sli(bad=RATE, total=RATE)),
        (f"good: '{RATE}', total: '{RATE}'", Sli(good=RATE, total=RATE)),
        ("share: 'avg_over_time(x[{{.window}}])'", Sli(share="avg_over_time(x[$window])")),
        (
            "query: latency_seconds, above: 0.5",
            Sli(share="avg_over_time(max(((latency_seconds) >= -Inf) > bool 0.5)[$window:$step])"),
        ),
        (
            "query: free_share, below: 0",
            Sli(share="avg_over_time(max(((free_share) >= -Inf) < bool 0)[$window:$step])"),
        ),
    ],
)
def test_what_is_counted_has_five_forms(tmp_path: Path, sli: str, meant: Sli) -> None:
    found, _ = load(tmp_path, f"{{name: pay, objective: 99.9%, least_events: 5, sli: {{{sli}}}}}")
    assert (found.sli, found.least_events) == (meant, 5.0)
    assert found.path == f"{tmp_path}/catalog-info.yaml"


@pytest.mark.parametrize(
    ("slo", "said"),
    [
        ("name: pay, objective: 100%", "HS321 spec.homeostat.slos[0].objective: nothing may ever"),
        ("name: pay, objective: 0%", "HS321 spec.homeostat.slos[0].objective: everything may fail"),
        ("name: pay, objective: 99%, window: 5m", "HS321 spec.homeostat.slos[0].window: an error"),
        ("name: pay, objective: 99%, window: 1000d", "HS321 spec.homeostat.slos[0].window"),
        ("name: 'a b', objective: 99%", 'HS301 spec.homeostat.slos[0].name: "a b" cannot be a nam'),
        (
            "name: pay, objective: 99%, sli: {bad: 'rate(x[$window]'}",
            "HS320 spec.homeostat.slos[0].sli.bad: this cannot be used: 1:16: expected",
        ),
        (
            "name: pay, objective: 99%, sli: {bad: 'rate(x[5m])', total: 'rate(x[$window])'}",
            "HS320 spec.homeostat.slos[0].sli.bad: this cannot be used: it does not look at",
        ),
        (
            f"name: pay, objective: 99%, sli: {{bad: '{RATE}', share: '{RATE}'}}",
            "HS320 spec.homeostat.slos[0].sli: this does not say what is counted: it has bad",
        ),
        ("name: pay, objective: 99%, sli: {}", "it has nothing (write {bad, total}"),
        (
            f"name: pay, objective: 99%, sli: {{bad: '{RATE}', totel: '{RATE}'}}",
            'unknown key "totel" (did you mean "total"?)',
        ),
        ("name: a, objective: 99%}, {name: a, objective: 98%", "HS302 spec.homeostat.slos[1]"),
    ],
)
def test_what_cannot_be_kept_is_told_with_its_place(tmp_path: Path, slo: str, said: str) -> None:
    with pytest.raises(FaultsError) as caught:
        load(tmp_path, f"{{{slo}}}")
    assert any(said in str(fault) for fault in caught.value.faults), str(caught.value)


def test_doubts_are_warnings(tmp_path: Path) -> None:
    sli = "{query: latency_seconds, above: 1}"
    slo = f"{{name: pay, objective: 99%, window: 1d, sli: {sli}}}"
    _, told = load(tmp_path, slo, tier="high")
    at = "spec.homeostat.slos[0]"
    assert told == [f"HS322 {at}", f"HS323 {at}", f"HS324 {at}"]


def test_an_objective_that_is_only_stated_is_no_mistake(tmp_path: Path) -> None:
    found, told = load(tmp_path, "{name: pay, journey: a customer pays, objective: 99.9%}")
    assert (found.sli, told) == (None, [])
