"""The labels of an alert, read off the expression of its rule, as Prometheus would give them."""

from __future__ import annotations

import pytest

from agent.core.alert_labels import labels_of

JOB = {"job": "j"}


@pytest.mark.parametrize(
    ("expression", "pinned", "named"),
    [
        ('kube_pod_info{job="j"} > 0', JOB, {"instance", "namespace", "pod"}),
        ('rate(kube_deployment_x{job="j"}[5m])', JOB, {"instance", "namespace", "deployment"}),
        ('node_filesystem_x{job="j",fstype!=""}', JOB,
         {"instance", "device", "mountpoint", "fstype"}),
        ('sum(rate(x{job="j",zone="a"}[5m])) by (job)', JOB, set()),
        ('sum by (zone) (x{job="j"})', {}, {"zone"}),
        ('sum(x{job="j"})', {}, set()),
        ('sum without (pod, zone) (kube_pod_info{job="j",zone="a"})', JOB,
         {"instance", "namespace"}),
        ('topk(1, kube_pod_info{job="j"})', JOB, {"instance", "namespace", "pod"}),
        ('count_values by (job) ("version", x{job="j"})', JOB, {"version"}),
        ('absent(up{job="j"} == 1)', JOB, set()),
        ("vector(1)", {}, set()),
        ("time() > 3", {}, set()),
        ('time() - max by (job_name) (kube_job_x{job="j"}) > 60', {}, {"job_name"}),
        ('sum by (job) (x{job="j"}) / on (job) group_left (zone) y > 1', JOB, {"zone"}),
        ('y / on (job) group_right (zone) sum by (job) (x{job="j"})', JOB, {"zone"}),
        ('x{job="j",zone="a"} / on (job) y{job="j"}', JOB, set()),
        ('node_x{job="j",state="s"} - ignoring (state) node_y', JOB, {"instance"}),
        ('sum by (a) (x{a="1"}) and sum by (b) (y{b="2"})', {"a": "1"}, set()),
        ('sum by (a) (x{a="1"}) or vector(0)', {"a": "1"}, set()),
        ('histogram_quantile(0.9, sum by (le, job) (x{job="j"}))', JOB, set()),
        ('label_replace(sum by (job) (x{job="j"}), "zone", "$1", "job", "(.*)")', JOB, {"zone"}),
        ('-(sum by (job) (x{job="j"}))', JOB, set()),
        ('max_over_time((sum by (job) (x{job="j"}))[1h:5m])', JOB, set()),
        ("cluster_namespace:x:rate5m", {}, {"cluster", "namespace"}),
        ('cluster:x:sum{job="j"} > 1', JOB, {"cluster"}),
        ('sum by (resource) (x{resource=~"(cpu|memory)"})', {"resource": "cpu"}, set()),
        ('sum by (code) (x{code=~"5.."})', {}, {"code"}),
        ('sum by (job) ({__name__="kube_pod_info",job="j"})', JOB, set()),
        ('{__name__="kube_node_x",job="j"}', JOB, {"instance", "node"}),
    ],
)  # fmt: skip
def test_what_survives_is_known(expression: str, pinned: dict[str, str], named: set[str]) -> None:
    found = labels_of(expression)
    assert (dict(found.pinned), set(found.named)) == (pinned, named)


@pytest.mark.parametrize(
    ("expression", "is_whole"),
    [
        ("x", True),
        ("rate(x[5m]) > 1", True),
        ("sum without (pod) (x)", True),
        ("x / y", True),
        ("x / sum by (job) (y)", False),
        ("x / on (job) y", False),
        ("x / on (job) group_left y", True),
        ("sum by (job) (x)", False),
        ("absent(x)", False),
        ("job:x:sum", False),
        ("x{", True),
        ("", True),
    ],
)
def test_whether_the_series_other_labels_are_there_too(expression: str, is_whole: bool) -> None:
    assert labels_of(expression).is_whole is is_whole


def test_a_very_long_sum_ends_without_an_answer() -> None:
    found = labels_of(" + ".join(['sum by (job) (x{job="j"})'] * 600))
    assert (found.pinned, found.named) == ({}, frozenset())
