"""What the pages show can be copied: every YAML example is read by the loader it is meant for, and
the figures of the example of the blast radius are what the code finds."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.catalog.calendar import IcsCalendar
from agent.catalog.faults import FaultsError
from agent.catalog.on_call import load_on_call
from agent.catalog.people_document import PrincipalDocument
from agent.catalog.product_document import ProductKeys
from agent.catalog.products import load_registry
from agent.catalog.runbook_document import RunbookDocument
from agent.catalog.runbooks import load_text
from agent.catalog.settings import load_settings
from agent.catalog.settings_document import SettingsDocument
from agent.core.blast_radius import assess
from agent.core.view import View
from agent.runtime.registry import PluginRegistry, shipped_plugins_folder
from tests.support.cases import World
from tests.support.pages import DOCS, PAGES, REFERENCE, blocks
from tests.support.tree import ROOT

PLUGINS = PluginRegistry.load([shipped_plugins_folder()])
FOREIGN = {"alerting", "groups", "route", "receivers"}
"""Keys of files that are Prometheus's and Alertmanager's."""
CALENDAR = blocks(DOCS / "operating" / "calendar.md", "ics")[0]

EXAMPLES = [
    pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    if not page.is_relative_to(REFERENCE)
    for number, text in enumerate(blocks(page, "yaml"), start=1)
]


def load_catalog(text: str, folder: Path) -> None:
    file = folder / "catalog-info.yaml"
    file.write_text(text)
    _, warnings = load_registry([file])
    assert [str(w) for w in warnings] == []


def load_product_keys(text: str, folder: Path) -> None:
    """What stands under `spec.homeostat` of a product."""
    said = textwrap.indent(text, 4 * " ")
    head = "apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata: {name: shop}\nspec:\n"
    load_catalog(f"{head}  owner: team-shop\n  homeostat:\n{said}", folder)


def load_rota(text: str, folder: Path) -> None:
    file = folder / "on-call.yaml"
    file.write_text(text)
    assert [str(w) for w in load_on_call([file]).warnings] == []


def load_site(text: str, folder: Path) -> None:
    file = folder / "homeostat.yaml"
    file.write_text(text)
    settings = load_settings(file, {})
    for use in (*settings.sources, *(u for team in settings.notify.values() for u in team)):
        params: Any = getattr(PLUGINS.plugins[use.use], "params")  # noqa: B009 - not all have some
        params.model_validate(use.params)


def load_runbook(text: str, _folder: Path) -> None:
    load_text(text, path="runbook.yaml", plugins=PLUGINS.plugins)


def know_runbook_keys(text: str, _folder: Path) -> None:
    assert set(yaml.safe_load(text) or {}) <= set(RunbookDocument.model_fields)


def know_principal_keys(text: str, _folder: Path) -> None:
    found = yaml.safe_load(textwrap.dedent(text))
    rows = found["principals"] if isinstance(found, Mapping) else found
    assert {key for row in rows for key in row} <= set(PrincipalDocument.model_fields)


def nothing_of_ours(_text: str, _folder: Path) -> None:
    """Somebody else's file."""


def loader_of(text: str) -> Callable[[str, Path], None]:
    [first, *_] = [*yaml.safe_load_all(textwrap.dedent(text)), None]
    if first is None:
        return know_runbook_keys  # a comment alone
    if isinstance(first, list):
        return know_principal_keys
    version, keys = str(first.get("apiVersion", "")), set(first)
    by_version: dict[str, Callable[[str, Path], None]] = {
        "backstage.io/v1alpha1": load_catalog,
        "homeostat/v1": load_rota if first.get("kind") == "OnCall" else load_runbook,
        "v1": nothing_of_ours,
    }
    if version in by_version:
        return by_version[version]
    if "principals" in keys:
        return know_principal_keys
    if keys <= FOREIGN:
        return nothing_of_ours
    if keys <= set(SettingsDocument.model_fields):
        return load_site
    if keys <= set(ProductKeys.model_fields):
        return load_product_keys
    return know_runbook_keys


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_loads(text: str, tmp_path: Path) -> None:
    for name in re.findall(r"\bics: ([\w.-]+)", text):
        (tmp_path / name).write_text(CALENDAR.replace("\n", "\r\n"))
    try:
        loader_of(text)(text, tmp_path)
    except FaultsError as error:
        pytest.fail("\n".join(map(str, error.faults)))


def test_the_calendar_that_is_shown_is_on_when_it_says(tmp_path: Path) -> None:
    file = tmp_path / "changes.ics"
    file.write_text(CALENDAR)
    calendar = IcsCalendar(file, zone="Europe/Berlin", is_longer=False)
    tuesday_21h = 1767729600.0
    assert [o.summary for o in calendar.at(tuesday_21h)] == ["changes"]
    assert calendar.at(tuesday_21h + 2 * 3600) == ()


def radius_rows() -> list[Any]:
    text = (DOCS / "radius.md").read_text()
    table = text.split("| burns | radius | suspect | because |\n")[1].split("\n\n")[0]
    rows = []
    for line in table.splitlines()[1:]:
        burns, radius, suspect, _ = (cell.strip() for cell in line.strip("|").split("|"))
        rows.append(pytest.param(burns.split(", "), radius, suspect, id=burns))
    return rows


@pytest.mark.parametrize(("burns", "radius", "suspect"), radius_rows())
def test_the_example_of_the_radius_is_what_the_code_finds(
    burns: list[str], radius: str, suspect: str, tmp_path: Path
) -> None:
    file = tmp_path / "catalog-info.yaml"
    file.write_text(blocks(DOCS / "radius.md", "yaml")[0])
    world = World(registry=load_registry([file])[0])
    for name in burns:
        world.fire(entity=name)
    found = assess(about("web", world.view), world.view)
    assert (found.radius.value, found.suspect or "none") == (radius, suspect)


def about(name: str, view: View) -> Any:
    return next(i for i in view.incidents.values() if i.entity == name)
