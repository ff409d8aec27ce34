"""The chart's values and their schema; what it renders is applied in tests/cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from agent import __version__
from agent.catalog.settings_document import SettingsDocument
from tests.support.tree import ROOT

CHART = ROOT / "deploy/helm/homeostat"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
FREE = {"global", "settings", "affinity"}
"""Keys under which something of others stands: the settings, and words of Kubernetes."""


def shapes(schema: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every object of the schema that has named properties, with the key it stands under."""
    if not isinstance(schema, dict):
        return
    if "properties" in schema:
        yield key, schema
    for name, inner in schema.get("properties", {}).items():
        yield from shapes(inner, name)
    for name, inner in schema.get("$defs", {}).items():
        yield from shapes(inner, name)
    yield from shapes(schema.get("items"), key)


def test_the_values_are_as_their_schema_says() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)


def test_no_key_is_free_that_the_chart_reads() -> None:
    assert len(list(shapes(SCHEMA))) > 15
    loose = [key for key, shape in shapes(SCHEMA) if shape.get("additionalProperties") is not False]
    assert set(loose) <= FREE


def test_every_value_is_in_the_schema_and_the_other_way_round() -> None:
    assert set(SCHEMA["properties"]) - {"global"} == set(VALUES)


def test_no_default_is_a_secret() -> None:
    """Secrets are named, never given: what is in values is in the history of a release."""
    for key in ("tokens", "secrets"):
        assert "token" not in VALUES[key]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"tokens": {"existingSecret": "a", "key": "b", "token": "c"}}, SCHEMA)


@pytest.mark.parametrize(
    "bad",
    [
        {"replicas": 2},
        {"image": {"repository": "x", "digest": "latest"}},
        {"kubernetes": {"tokenSeconds": 86400}},
        {"settings": {"listen": "127.0.0.1:1"}},
        {"runbooks": {"inline": {"readme.md": "text"}}},
        {"persistence": {"accessMode": "ReadWriteMany"}},
        {"rbac": {"roles": [{"namespace": "a", "rules": []}]}},
        {"networkPolicy": {"ingress": {"from": [{}]}}},
    ],
    ids=lambda bad: "-".join(bad),
)
def test_what_would_do_harm_is_refused(bad: Any) -> None:
    """F-SEC-22 among it: a token that is worth more than an hour. A peer without a selector is
    everybody, and two pods on one SQLite file are one too many."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, SCHEMA)


@pytest.mark.parametrize(
    "rule",
    [
        {"apiGroups": ["*"], "resources": ["pods"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["*"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]},
        {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]},
    ],
    ids=["groups", "resources", "verbs", "escalate", "impersonate"],
)
def test_no_role_is_for_everything(rule: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"rbac": {"roles": [{"namespace": "a", "rules": [rule]}]}}, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"rbac": {"clusterRules": [rule]}}, SCHEMA)


def test_what_the_chart_sets_itself_are_settings() -> None:
    fixed = set(SCHEMA["properties"]["settings"]["properties"])
    assert fixed <= set(SettingsDocument.model_fields)


def test_its_version_is_the_version_of_the_code() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == __version__
