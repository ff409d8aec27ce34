"""Names by which delivery tools know an entity, from its annotations."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.products import load_registry


def slugs(folder: Path, annotations: Any) -> tuple[str, ...]:
    file = folder / "catalog-info.yaml"
    metadata = {"name": "web", "annotations": annotations}
    spec = {"type": "service", "owner": "team"}
    file.write_text(json.dumps({"kind": "Component", "metadata": metadata, "spec": spec}))
    registry, warnings = load_registry([file])
    assert warnings == ()
    return registry.entities["web"].slugs


def test_each_tool_has_its_annotation_and_there_is_one_for_all(tmp_path: Path) -> None:
    annotations = {
        "github.com/project-slug": "acme/web",
        "argocd/app-name": "web-prod",
        "homeostat/changed-as": "apps/web, apps/web-canary,",
        "backstage.io/techdocs-ref": "dir:.",
    }
    found = ("acme/web", "web-prod", "apps/web", "apps/web-canary")
    assert slugs(tmp_path, annotations) == found


@pytest.mark.parametrize(
    "annotations", [{}, None, [], "x", {"github.com/project-slug": 3, "argocd/app-name": None}]
)
def test_annotations_are_other_tools_business(tmp_path: Path, annotations: Any) -> None:
    """A catalog that was read before is read all the same."""
    assert slugs(tmp_path, annotations) == ()
