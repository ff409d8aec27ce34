"""OpenSLO v1: what is read, what is told as not read, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry
from agent.model.product import Sli, Slo

CATALOG = """\
kind: System
metadata: {name: shop}
spec: {owner: team-shop, homeostat: {slos: [{name: old, objective: 90%}]}}
---
kind: Component
metadata: {name: web}
spec: {type: service, owner: team-shop, system: shop}
---
kind: Resource
metadata: {name: cache}
spec: {type: cache, owner: platform}
"""


def source(query: str, **fields: Any) -> dict[str, Any]:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}, **fields}}


RATIO = {
    "ratioMetric": {
        "counter": True,
        "good": source('sum(http_requests{code=~"2xx|4xx"})'),
        "total": source("sum(http_requests)"),
    }
}


def slo(*, name: str = "search", **spec: Any) -> dict[str, Any]:
    told = {
        "description": "search requests are answered",
        "service": "shop",
        "indicator": {"metadata": {"name": "ratio"}, "spec": RATIO},
        "timeWindow": [{"duration": "4w", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"displayName": "Good", "target": 0.995}],
        **spec,
    }
    kept = {key: value for key, value in told.items() if value is not None}
    return {"apiVersion": "openslo/v1", "kind": "SLO", "metadata": {"name": name}, "spec": kept}


def indicator(spec: dict[str, Any], *, name: str = "ratio") -> dict[str, Any]:
    return {"apiVersion": "openslo/v1", "kind": "SLI", "metadata": {"name": name}, "spec": spec}


def load(folder: Path, *documents: dict[str, Any]) -> tuple[tuple[Slo, ...], list[str]]:
    """Objectives of the shop that OpenSLO states, and what was told as a warning."""
    (folder / "catalog-info.yaml").write_text(CATALOG)
    (folder / "deep" / "er").mkdir(parents=True, exist_ok=True)
    file = folder / "deep" / "er" / "slo.yaml"
    file.write_text("---\n".join(yaml.safe_dump(d, sort_keys=False) for d in documents))
    (folder / "deep" / "values.yaml").write_text("image: {{ not yaml at all }}\n")
    registry, faults = load_registry([folder])
    found = tuple(s for s in registry.products["shop"].slos if s.name != "old")
    return found, [str(f).replace(f"{folder}/deep/er/", "") for f in faults]


def refused(folder: Path, *documents: dict[str, Any]) -> list[str]:
    with pytest.raises(FaultsError) as caught:
        load(folder, *documents)
    return [str(f).replace(f"{folder}/deep/er/", "") for f in caught.value.faults]


def test_an_objective_is_found_at_any_depth_and_belongs_to_its_service(tmp_path: Path) -> None:
    [found], told = load(tmp_path, slo())
    assert told == []
    assert found == Slo(
        name="search",
        journey="search requests are answered",
        objective=0.995,
        window_seconds=28 * 86_400.0,
        sli=Sli(
            good='sum(increase(http_requests{code=~"2xx|4xx"}[$window]))',
            total="sum(increase(http_requests[$window]))",
        ),
        path=f"{tmp_path}/deep/er/slo.yaml",
    )


def test_a_service_of_a_product_names_it_too(tmp_path: Path) -> None:
    [found], _ = load(tmp_path, slo(service="web"))
    assert found.name == "search"


def test_an_indicator_may_stand_elsewhere_and_queries_as_other_tools_write_them(
    tmp_path: Path,
) -> None:
    ratio = {
        "ratioMetric": {
            "counter": True,
            "bad": source('sum(rate(http_requests{code="500"}[{{.window}}]))'),
            "total": source("sum(rate(http_requests[{{ .window }}]))"),
        }
    }
    service = {"apiVersion": "openslo/v1", "kind": "Service", "metadata": {"name": "shop"}}
    [found], told = load(
        tmp_path, slo(indicator=None, indicatorRef="ratio"), indicator(ratio), service
    )
    assert told == []
    assert found.sli == Sli(
        bad='sum(rate(http_requests{code="500"}[$window]))',
        total="sum(rate(http_requests[$window]))",
    )


def test_a_threshold_is_bad_where_it_is_not_good(tmp_path: Path) -> None:
    spec = {"thresholdMetric": source("latency_seconds")}
    objective = {"op": "lte", "value": 0.5, "targetPercent": 99.5}
    [found], told = load(
        tmp_path, slo(indicator={"spec": spec}, objectives=[objective], timeWindow=None)
    )
    assert found.sli is not None
    assert "> bool 0.5" in found.sli.share
    assert (found.objective, found.window_seconds) == (0.995, 30 * 86_400.0)
    assert "HS322" in told[0]


def test_a_ratio_that_is_stored_as_such_is_a_share(tmp_path: Path) -> None:
    raw = {"ratioMetric": {"raw": source("good_share"), "rawType": "success"}}
    [found], _ = load(tmp_path, slo(indicator={"spec": raw}))
    assert found.sli == Sli(share="1 - (avg_over_time((good_share)[$window:$step]))")


def test_several_objectives_of_one_indicator_are_told_apart_by_their_target(
    tmp_path: Path,
) -> None:
    found, _ = load(tmp_path, slo(objectives=[{"target": 0.99}, {"targetPercent": 99.9}]))
    assert [(s.name, s.objective) for s in found] == [("search-99", 0.99), ("search-99.9", 0.999)]


def test_what_is_not_read_is_said(tmp_path: Path) -> None:
    policy = {"apiVersion": "openslo/v1", "kind": "AlertPolicy", "metadata": {"name": "p"}}
    _, told = load(tmp_path, slo(alertPolicies=[{"alertPolicyRef": "p"}]), policy)
    assert len(told) == 2
    assert all("HS325" in line for line in told)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"budgetingMethod": "Timeslices"}, 'HS326 spec.budgetingMethod: budgetingMethod "Timesl'),
        (
            {"timeWindow": [{"duration": "1M", "calendar": {"timeZone": "UTC"}}]},
            "HS326 spec.timeWindow[0]: a budget is kept over the latest days",
        ),
        ({"timeWindow": [{"duration": "30"}]}, "HS301 spec.timeWindow[0].duration: a duration of"),
        ({"objectives": [{"target": 1.0}]}, "HS321 spec.objectives[0].target: nothing may ever"),
        ({"objectives": [{"targetPercent": 100}]}, "HS321 spec.objectives[0]: nothing may ever"),
        ({"objectives": [{"op": "gt"}]}, "HS321 spec.objectives[0]: this does not say its target"),
        ({"objektives": []}, 'unknown key "objektives" (did you mean "objectives"?)'),
        ({"service": "shob"}, 'HS303 spec.service: no product and no entity is called "shob" (did'),
        ({"service": "cache"}, 'HS303 spec.service: "cache" belongs to no product'),
        ({"indicator": None, "indicatorRef": "x"}, 'HS303 spec.indicatorRef: there is no SLI "x"'),
        ({"indicator": None}, "HS320 spec: this does not say what it measures"),
        (
            {"indicator": {"spec": {"thresholdMetric": source("a")}}},
            "HS320 spec.indicator.spec.thresholdMetric",
        ),
        (
            {"indicator": {"spec": {"thresholdMetric": source("a", type="Datadog")}}},
            "HS326 spec.indicator.spec.thresholdMetric.metricSource.type: a metric source of",
        ),
        (
            {"indicator": {"spec": {"ratioMetric": {"raw": source("a")}}}},
            "HS320 spec.indicator.spec.ratioMetric: raw does not say what it is a ratio of",
        ),
        (
            {"indicator": {"spec": {"ratioMetric": {"bad": source("a"), "total": source("b")}}}},
            "HS320 spec.indicator.spec.ratioMetric.bad.metricSource.spec.query: it does not say",
        ),
        (
            {
                "indicator": {
                    "spec": {
                        "ratioMetric": {
                            "counter": True,
                            "bad": source("sum(a) + sum(b)"),
                            "total": source("b"),
                        }
                    }
                }
            },
            "HS320 spec.indicator.spec.ratioMetric.bad.metricSource.spec.query: this cannot be use",
        ),
    ],
)
def test_what_would_mean_something_else_is_refused(
    tmp_path: Path, spec: dict[str, Any], said: str
) -> None:
    assert any(said in line for line in refused(tmp_path, slo(**spec)))


def test_a_name_is_given_once(tmp_path: Path) -> None:
    [twice] = refused(tmp_path, slo(name="old"))
    assert 'HS302 spec.objectives[0]: the objective "old" of shop stands at' in twice
    assert "catalog-info.yaml:3:45" in twice


@pytest.mark.parametrize("name", ['a"b', "a b", "../x", "{{x}}", "a\nb", ""])
def test_a_name_that_could_be_anything_else_is_refused(tmp_path: Path, name: str) -> None:
    assert any("cannot be a name" in line for line in refused(tmp_path, slo(name=name)))


def test_another_version_is_refused(tmp_path: Path) -> None:
    [line] = refused(tmp_path, {**slo(), "apiVersion": "openslo/v2alpha"})
    assert 'HS326 apiVersion: "openslo/v2alpha" is not read (write openslo/v1)' in line


def test_a_misspelt_kind_is_told_with_the_nearest(tmp_path: Path) -> None:
    [line] = refused(tmp_path, {**slo(), "kind": "SLOO"})
    assert 'did you mean "SLO"?' in line


@pytest.mark.parametrize("percent", [99, 99.5])
def test_a_percentage_under_the_key_of_shares_is_told_with_the_other_key(
    tmp_path: Path, percent: float
) -> None:
    [line] = refused(tmp_path, slo(objectives=[{"target": percent}]))
    assert (
        f"{percent:g} is no share: target goes from 0 to 1 (write targetPercent: {percent:g})"
        in line
    )


def test_by_itself_a_file_may_be_right(tmp_path: Path) -> None:
    file = tmp_path / "slo.yaml"
    file.write_text(yaml.safe_dump(slo()))
    _, [fault] = load_registry([file])
    assert fault.code == "HS303"
    assert "check it together with its catalog-info.yaml" in fault.remedy
