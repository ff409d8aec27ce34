"""The files of the demo, as the catalog reads them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from agent.catalog.people import load_principals
from agent.catalog.products import load_registry
from agent.catalog.settings import load_settings
from agent.interface.demo.chapters import CHAPTERS
from agent.interface.demo.layout import PEOPLE, Layout, lay_out, runbook_names
from agent.model.principal import Role
from agent.model.product import EntityKind
from agent.runtime.process_spec import launch_of, spec_of
from agent.runtime.registry import shipped_runbooks_folder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return lay_out(tmp_path / 'a "b"', port=0, runbooks=shipped_runbooks_folder(), without=())


def test_the_files_are_free_of_faults(layout: Layout) -> None:
    settings = load_settings(layout.settings, {})
    registry, warnings = load_registry(settings.products)
    assert warnings == ()
    assert set(registry.products) == {"shop", "pay"}
    kinds = {name: entity.kind for name, entity in registry.entities.items()}
    assert kinds["ledger"] is EntityKind.SUBSTRATE
    assert kinds["forecaster"] is EntityKind.AGENT
    assert settings.tokens_file is not None
    assert load_principals(settings.tokens_file).warnings == ()


def test_every_program_can_be_started_in_every_version(layout: Layout) -> None:
    registry, _ = load_registry([layout.catalog])
    for name, entity in registry.entities.items():
        spec = spec_of(entity)
        for version in {*spec.versions, spec.version}:
            assert launch_of(name, spec, version).command


def test_who_resolves_may_not_approve(layout: Layout) -> None:
    principals = load_principals(layout.folder / "tokens.yaml")
    roles = {p.name: p.roles for p in principals}
    assert set(roles) == set(PEOPLE)
    for name in ("alice", "bob", "dave", "erin"):
        assert Role.APPROVER not in roles[name]
    assert roles["carol"] == {Role.VIEWER, Role.APPROVER}


def test_only_its_owner_reads_what_holds_tokens(layout: Layout) -> None:
    for name in ("tokens.yaml", "company.token"):
        assert stat.S_IMODE((layout.folder / name).stat().st_mode) == 0o600


def test_the_policy_only_makes_the_rails_faster(layout: Layout) -> None:
    policy = load_settings(layout.settings, {}).policy
    assert policy.attempts_per_incident == 3
    assert policy.attempts_per_day == 5
    assert policy.resolutions_needed == 3
    assert policy.cooldown_seconds > 0
    assert policy.page_hold_seconds > 0


def test_a_runbook_can_be_left_out(tmp_path: Path) -> None:
    shipped = runbook_names(shipped_runbooks_folder())
    folder = tmp_path / "demo"
    lay_out(folder, port=0, runbooks=shipped_runbooks_folder(), without={"process-hung"})
    assert set(runbook_names(folder / "runbooks")) == {*shipped} - {"process-hung"}


def test_chapters_have_names_of_their_own() -> None:
    names = [chapter.name for chapter in CHAPTERS]
    assert len(set(names)) == len(names) == 7
