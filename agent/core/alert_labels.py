"""The labels an alert carries, read off the expression of its rule.

An alert has the labels of the series its expression gives. What a matcher pins is known with its
value; what an aggregation, a join or the kind of metric names is known to be there; an aggregation
takes everything else away. So a rule alone, before it ever fired, says what its alerts can be told
by.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from agent.core.promql import skim
from agent.core.promql_rules import Kind
from agent.core.promql_tokens import PromqlError
from agent.core.promql_tree import (
    Aggregation,
    Binary,
    Bracketed,
    Call,
    Selector,
    Subquery,
    Text,
    Tree,
    Unary,
)

DEEPEST = 200
SELECTING = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
"""Aggregations that pick series and leave them as they are."""
_ONE = re.compile(r"\(?([\w:-]+)(?:\|[^()]*)?\)?")
"""A regular expression whose first alternative is a plain word."""

TARGET = ("job", "instance")
SCRAPED = ("namespace", "pod", "container", "service", "endpoint")
"""What a target in a cluster brings besides."""
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("kube_pod_container_", ("namespace", "pod", "container")),
    ("kube_pod_init_container_", ("namespace", "pod", "container")),
    ("kube_poddisruptionbudget_", ("namespace", "poddisruptionbudget")),
    ("kube_pod_", ("namespace", "pod")),
    ("kube_deployment_", ("namespace", "deployment")),
    ("kube_statefulset_", ("namespace", "statefulset")),
    ("kube_daemonset_", ("namespace", "daemonset")),
    ("kube_replicaset_", ("namespace", "replicaset")),
    ("kube_job_", ("namespace", "job_name")),
    ("kube_cronjob_", ("namespace", "cronjob")),
    ("kube_horizontalpodautoscaler_", ("namespace", "horizontalpodautoscaler")),
    ("kube_persistentvolumeclaim_", ("namespace", "persistentvolumeclaim")),
    ("kube_persistentvolume_", ("persistentvolume",)),
    ("kube_resourcequota", ("namespace", "resourcequota", "resource")),
    ("kube_ingress_", ("namespace", "ingress")),
    ("kube_namespace_", ("namespace",)),
    ("kube_node_", ("node",)),
    ("kube_", ()),
    ("kubelet_volume_stats_", ("namespace", "persistentvolumeclaim", "node")),
    ("kubelet_", ("node",)),
    ("container_", ("namespace", "pod", "container", "node")),
    ("node_filesystem_", ("device", "mountpoint", "fstype")),
    ("node_network_", ("device",)),
    ("node_disk_", ("device",)),
    ("node_md_", ("device",)),
    ("node_systemd_", ("name",)),
    ("node_", ()),
    ("probe_", ()),
    ("up", SCRAPED),
)
"""Labels of the metrics of well-known exporters, by how their names begin; the first counts."""
LEVEL = frozenset(
    {"cluster", "namespace", "node", "pod", "container", "job", "instance", "service", "handler"}
)
"""Labels that recording rules put into the first part of their name."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """`pinned`: with their values. `named`: those that are there. `is_whole`: everything else the
    series had is there too."""

    pinned: Mapping[str, str] = {}
    named: frozenset[str] = frozenset()
    is_whole: bool = False

    def only(self, labels: tuple[str, ...]) -> Carried:
        """What is left of it where only these are kept. Each of them is taken to be there."""
        pinned = {k: v for k, v in self.pinned.items() if k in labels}
        return Carried(pinned=pinned, named=frozenset(labels) - pinned.keys())

    def without(self, labels: tuple[str, ...]) -> Carried:
        return Carried(
            pinned={k: v for k, v in self.pinned.items() if k not in labels},
            named=self.named - set(labels),
            is_whole=self.is_whole,
        )

    def also(self, labels: tuple[str, ...]) -> Carried:
        """These are there as well, with values that are not known."""
        kept = self.without(labels)
        return msgspec.structs.replace(kept, named=kept.named | set(labels))


NOTHING = Carried()
ANYTHING = Carried(is_whole=True)


def labels_of(expression: str) -> Carried:
    """What alerts of this rule carry besides the labels the rule itself gives them. An expression
    that cannot be read may give anything."""
    try:
        return _carried(skim(expression), 0)
    except PromqlError:
        return ANYTHING


def _carried(tree: Tree, depth: int) -> Carried:
    if depth > DEEPEST:
        return ANYTHING
    below = depth + 1
    match tree:
        case Selector():
            return _selected(tree)
        case Bracketed(inner=inner) | Unary(inner=inner) | Subquery(inner=inner):
            return _carried(inner, below)
        case Call():
            return _called(tree, below)
        case Aggregation():
            return _aggregated(tree, below)
        case Binary():
            return _joined(tree, below)
        case _:
            return NOTHING


def _selected(tree: Selector) -> Carried:
    names = [m.value for m in tree.matchers if (m.label, m.op) == ("__name__", "=")]
    pinned, named = {}, set(_usual(tree.name or next(iter(names), "")))
    for matcher in tree.matchers:
        if matcher.label == "__name__":
            continue
        if matcher.op == "=" and matcher.value:
            pinned[matcher.label] = matcher.value
        elif matcher.op == "=~" and (one := _ONE.fullmatch(matcher.value)):
            pinned[matcher.label] = one[1]
        elif matcher.value:
            named.add(matcher.label)
        elif matcher.op == "=":
            named.discard(matcher.label)
        else:
            named.add(matcher.label)
    is_recorded = ":" in tree.name
    return Carried(pinned=pinned, named=frozenset(named) - pinned.keys(), is_whole=not is_recorded)


def _usual(name: str) -> tuple[str, ...]:
    level, is_recorded, _ = name.partition(":")
    if is_recorded:
        return tuple(label for label in level.split("_") if label in LEVEL)
    for beginning, labels in FAMILIES:
        if name.startswith(beginning):
            return (*TARGET, *labels)
    return (*TARGET, *SCRAPED)


def _called(tree: Call, depth: int) -> Carried:
    vectors = [a for a in tree.arguments if a.kind in (Kind.VECTOR, Kind.RANGE, Kind.ANY)]
    if tree.kind is Kind.SCALAR or tree.name == "vector" or not vectors:
        return NOTHING
    inner = _carried(vectors[0], depth)
    if tree.name in ("absent", "absent_over_time"):
        # What is not there has the labels that were asked for, and no others.
        return Carried(pinned=inner.pinned)
    if tree.name in ("label_replace", "label_join"):
        made = [a.value for a in tree.arguments if isinstance(a, Text)]
        return inner.also((made[0],)) if made else inner
    if tree.name == "histogram_quantile":
        return inner.without(("le",))
    return inner


def _aggregated(tree: Aggregation, depth: int) -> Carried:
    inner = _carried(tree.arguments[-1], depth) if tree.arguments else NOTHING
    if tree.name in SELECTING:
        return inner
    found = inner.without(tree.labels) if tree.is_without else inner.only(tree.labels)
    if tree.name == "count_values" and isinstance(tree.arguments[0], Text):
        return found.also((tree.arguments[0].value,))
    return found


def _joined(tree: Binary, depth: int) -> Carried:
    if tree.left.kind is Kind.SCALAR:
        return _carried(tree.right, depth)
    left = _carried(tree.left, depth)
    if tree.right.kind is Kind.SCALAR or tree.op in ("and", "or", "unless"):
        return left
    matching = tree.matching
    if matching.group == "group_right":
        return _carried(tree.right, depth).also(matching.include)
    if matching.group == "group_left":
        return left.also(matching.include)
    if matching.is_on:
        return left.only(matching.labels)
    right = _carried(tree.right, depth)
    kept = left.without(matching.labels)
    # Series that are joined by all their labels have the same ones.
    return kept if right.is_whole else msgspec.structs.replace(kept, is_whole=False)
