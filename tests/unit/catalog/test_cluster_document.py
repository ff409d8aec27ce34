"""How a cluster is reached, and what in it belongs to whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry
from agent.catalog.settings import load_settings
from agent.model.cluster import ClusterPlace


def settings(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "homeostat.yaml"
    file.write_text(text)
    return file


def test_an_empty_block_is_the_cluster_we_run_in(tmp_path: Path) -> None:
    read = load_settings(settings(tmp_path, "kubernetes: {}\n"), {})
    assert read.kubernetes is not None
    assert read.kubernetes.token_file.name == "token"
    assert [use.use for use in read.sources] == ["kubernetes.watch", "kubernetes.level"]


def test_without_the_block_there_is_none(tmp_path: Path) -> None:
    read = load_settings(settings(tmp_path, "level_check: 30s\n"), {})
    assert read.kubernetes is None
    assert read.sources == ()


def test_who_names_a_source_has_it_once(tmp_path: Path) -> None:
    text = "kubernetes: {kubeconfig: kube}\nsources: [{use: kubernetes.watch}]\n"
    read = load_settings(settings(tmp_path, text), {})
    assert [use.use for use in read.sources] == ["kubernetes.watch", "kubernetes.level"]
    assert read.kubernetes is not None
    assert read.kubernetes.kubeconfig == tmp_path / "kube"


def test_what_is_written_for_one_source_is_meant_for_both(tmp_path: Path) -> None:
    text = """\
kubernetes: {kubeconfig: kube}
sources: [{use: kubernetes.watch, with: {alerts: [KubeJobFailed], edited: 5m}}]
"""
    read = load_settings(settings(tmp_path, text), {})
    assert [use.params for use in read.sources] == [
        {"alerts": ["KubeJobFailed"], "edited": "5m"},
        {"alerts": ["KubeJobFailed"]},
    ]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("{kubeconfig: a, server: 'https://k'}", "two ways to say the same"),
        ("{context: prod}", "a context is of a kubeconfig"),
        ("{kubeconfg: a}", 'did you mean "kubeconfig"?'),
        ("{silence: 1s}", "kubernetes.silence"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, block: str, said: str) -> None:
    with pytest.raises(FaultsError) as wrong:
        load_settings(settings(tmp_path, f"kubernetes: {block}\n"), {})
    assert said in str(wrong.value)


def catalog(tmp_path: Path, spec: str, annotations: str = "{}") -> tuple[ClusterPlace, ...]:
    (tmp_path / "catalog-info.yaml").write_text(
        "kind: Component\n"
        f"metadata: {{name: web, annotations: {annotations}}}\n"
        f"spec: {{owner: t, homeostat: {{{spec}}}}}\n"
    )
    registry, faults = load_registry([tmp_path])
    assert not faults, faults
    return registry.entities["web"].places


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        (
            "kubernetes: {namespace: shop, deployment: web}",
            ClusterPlace(namespace="shop", kind="deployment", name="web"),
        ),
        (
            "kubernetes: [{namespace: shop, labels: {app: web}}]",
            ClusterPlace(namespace="shop", labels={"app": "web"}),
        ),
        ("kubernetes: {namespace: shop}", ClusterPlace(namespace="shop")),
        ("kubernetes: {node: n1}", ClusterPlace(kind="node", name="n1")),
        ("kubernetes: {nodes: {pool: a}}", ClusterPlace(kind="node", labels={"pool": "a"})),
    ],
)
def test_an_entity_says_where_it_runs(tmp_path: Path, spec: str, place: ClusterPlace) -> None:
    assert catalog(tmp_path, spec) == (place,)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("kubernetes: {deployment: web}", "in which namespace?"),
        ("kubernetes: {namespace: a, deployment: web, job: b}", "are two places"),
        ("kubernetes: {namespace: a, node: n}", "a node is in no namespace"),
    ],
)
def test_half_a_place_is_told(tmp_path: Path, spec: str, said: str) -> None:
    with pytest.raises(FaultsError) as wrong:
        catalog(tmp_path, spec)
    assert said in str(wrong.value)


@pytest.mark.parametrize(
    ("annotation", "labels"),
    [
        ("kubernetes-label-selector: 'app=web,tier==front'", {"app": "web", "tier": "front"}),
        ("kubernetes-id: web", {"backstage.io/kubernetes-id": "web"}),
        ("kubernetes-label-selector: 'app in (a, b)'", None),
        ("kubernetes-label-selector: 'app!=web'", None),
    ],
)  # fmt: skip
def test_backstage_s_annotations_say_it_too(
    tmp_path: Path, annotation: str, labels: dict[str, str] | None
) -> None:
    named = f"{{backstage.io/kubernetes-namespace: shop, backstage.io/{annotation}}}"
    places = catalog(tmp_path, "", named)
    assert places == (() if labels is None else (ClusterPlace(namespace="shop", labels=labels),))
