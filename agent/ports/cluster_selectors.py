"""Label selectors: whether labels match one, and how it is written in a question to the API server.

Of two forms: plain pairs, as a Service has them, and `matchLabels` with `matchExpressions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.ports.cluster_walking import items, mapping, text, walk


def pairs_match(pairs: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """For a Service. One without pairs selects nothing."""
    return bool(pairs) and all(labels.get(name) == value for name, value in pairs.items())


def matches(selector: Any, labels: Mapping[str, Any]) -> bool | None:
    """An empty selector matches everything, none at all nothing. None: it is written in a way that
    is not known here."""
    if not isinstance(selector, Mapping):
        return False
    if any(labels.get(k) != v for k, v in mapping(selector, "matchLabels").items()):
        return False
    answers = [_expression(each, labels) for each in items(selector, "matchExpressions")]
    if False in answers:
        return False
    return None if None in answers else True


def _expression(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool | None:
    key, operator = text(expression, "key"), text(expression, "operator")
    values = _values(expression)
    match operator:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return None


def asked_as(selector: Any) -> str | None:
    """As the API server takes it in a query. None: it would select everything, or cannot be said,
    and then whoever asks would take the objects of others for those of one workload."""
    parts = [f"{k}={v}" for k, v in sorted(mapping(selector, "matchLabels").items())]
    for each in items(selector, "matchExpressions"):
        key, values = text(each, "key"), ",".join(_values(each))
        said = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }.get(text(each, "operator"))
        if said is None:
            return None
        parts.append(said)
    return ",".join(parts) or None


def _values(expression: Mapping[str, Any]) -> tuple[str, ...]:
    found = walk(expression, "values")
    return tuple(v for v in found if isinstance(v, str)) if isinstance(found, list) else ()
