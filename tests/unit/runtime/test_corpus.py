"""Corpora of every form become alerts that could arrive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.model.errors import Unparseable
from agent.runtime.corpus import Entry, plausible, read_corpus

RULE = {
    "alert": "PodGone",
    "expr": 'sum by (namespace, pod) (kube_pod_info{namespace="prod"}) == 0',
    "for": "15m",
    "labels": {"severity": "critical", "team": "{{ $labels.namespace }}-team"},
    "annotations": {"summary": "{{ $labels.pod }} is gone {{ humanize $value }}"},
}
GROUPS = {"groups": [{"name": "pods", "rules": [{"record": "a:b", "expr": "x"}, RULE]}]}
OBJECT = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule", "spec": GROUPS}
INSTANCE = {
    "alertname": "PodGone",
    "annotations": {"summary": "gone"},
    "labels": {"alertname": "PodGone", "namespace": "prod"},
}


def read(folder: Path, name: str, text: str) -> list[Entry]:
    (folder / name).write_text(text)
    return read_corpus(folder / name)


def test_a_rule_has_the_labels_its_expression_and_its_author_give(tmp_path: Path) -> None:
    told = {**RULE, "alertname": "PodGone"}
    del told["alert"]
    (entry,) = read(tmp_path, "c.jsonl", json.dumps(told) + "\n\n")
    assert entry.labels == {
        "alertname": "PodGone",
        "namespace": "prod",
        "pod": plausible("pod"),
        "severity": "critical",
        "team": "prod-team",
    }
    assert entry.annotations == {"summary": f"{plausible('pod')} is gone 1"}
    assert (entry.expression, entry.where) == (RULE["expr"], f"{tmp_path / 'c.jsonl'}:1")


def test_annotations_tell_of_labels_the_series_have(tmp_path: Path) -> None:
    whole = {**RULE, "expr": "x > 0", "annotations": {"summary": "{{ $labels.shard }}"}}
    closed = {**whole, "expr": "sum(x) > 0"}
    one, two = read(tmp_path, "c.json", json.dumps([whole, closed]))
    assert one.labels["shard"] == "some-shard"
    assert "shard" not in two.labels


def test_an_instance_is_taken_as_it_is(tmp_path: Path) -> None:
    (entry,) = read(tmp_path, "c.jsonl", json.dumps(INSTANCE))
    assert (entry.labels, entry.expression) == (INSTANCE["labels"], None)
    bare = {"labels": {"namespace": "prod"}, "alertname": "PodGone"}
    (entry,) = read(tmp_path, "c.jsonl", json.dumps(bare))
    assert entry.labels == INSTANCE["labels"]


@pytest.mark.parametrize("suffix", ["yaml", "yml", "json"])
@pytest.mark.parametrize(
    "data", [GROUPS, OBJECT, {"kind": "List", "items": [OBJECT, {"kind": "ConfigMap"}]}]
)
def test_rules_of_prometheus_and_of_its_operator(tmp_path: Path, data: Any, suffix: str) -> None:
    (entry,) = read(tmp_path, f"rules.{suffix}", json.dumps(data))
    assert (entry.name, entry.labels["severity"]) == ("PodGone", "critical")
    if data is GROUPS:
        assert entry.where.endswith(" pods")


def test_several_documents_in_a_file_and_several_files_in_a_folder(tmp_path: Path) -> None:
    text = f"{json.dumps(OBJECT)}\n---\n{{kind: Service}}\n---\n{json.dumps(GROUPS)}\n"
    assert len(read(tmp_path, "rules.yaml", text)) == 2
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "c.jsonl").write_text(json.dumps(INSTANCE))
    (tmp_path / "README.md").write_text("no corpus")
    assert len(read_corpus(tmp_path)) == 3


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("c.jsonl", '{"labels": {"alertname": "A"}}\n{', "c.jsonl:2: "),
        ("c.jsonl", "3", "is expected"),
        ("c.jsonl", '{"name": "A"}', "neither"),
        ("c.jsonl", '{"labels": {"a": "b"}}', "without alertname"),
        ("c.jsonl", '{"expr": "x"}', "needs a name"),
        ("c.jsonl", '{"alertname": "A", "expr": 3}', "needs a name"),
        ("c.json", "[", "c.json: "),
        ("c.yaml", "a: b: c", "c.yaml:1:"),
        ("c.yaml", "kind: Service", "neither"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(Unparseable, match=says):
        read(tmp_path, name, text)
