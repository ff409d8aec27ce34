"""Prose that can be false is tested: what the README tells people to type exists, what it shows
loads, the reference is what the code says, and nothing that can be used is left unsaid."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry
from agent.catalog.runbooks import load_text
from agent.catalog.settings import load_settings
from agent.core.lifecycle import diagram
from agent.model.incident import Ending, Radius, State
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle
from agent.runtime.registry import PluginRegistry, shipped_plugins_folder
from tests.support.pages import DOCS, FENCED, PAGES, README, REFERENCE, blocks
from tests.support.tree import ROOT

LINK = re.compile(r"(?<!`)\[[^\]]+\]\(([^)#\s]+)(#[^)]*)?\)")
PLUGINS = PluginRegistry.load([shipped_plugins_folder()])


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands_typed(page: Path, program: str) -> Iterator[str]:
    """Words after `program` in shell blocks and in `inline code` of this page."""
    text = page.read_text()
    typed = [line for block in blocks(page, "sh") for line in block.splitlines()]
    typed += re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
    for line in typed:
        if found := re.match(rf"{program} ([a-z][a-z-]*)", line.strip()):
            yield found[1]


def test_the_reference_is_what_the_code_says() -> None:
    """Mended by `make docs`."""
    checked = subprocess.run(
        [sys.executable, DOCS / "generate.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_shipped_plugin_is_refused() -> None:
    assert [str(refused) for refused in PLUGINS.refused] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_people_are_told_to_type_exist(page: Path) -> None:
    assert set(commands_typed(page, "make")) - make_targets() == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = [target for target, _ in LINK.findall(FENCED.sub("", page.read_text()))]
    broken = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_to_a_heading_find_it(page: Path) -> None:
    found = LINK.findall(FENCED.sub("", page.read_text()))
    inside = [(page, anchor) for anchor in re.findall(r"\]\(#([^)]+)\)", page.read_text())]
    across = [(page.parent / to, anchor[1:]) for to, anchor in found if anchor and "://" not in to]
    lost = [(to.name, anchor) for to, anchor in (*inside, *across) if anchor not in headings(to)]
    assert lost == []


def headings(page: Path) -> set[str]:
    """Of one page, as links name them."""
    written = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in written}


def test_every_make_target_is_explained() -> None:
    """`make` alone prints them. What has no explanation there is a part of another target."""
    explained = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert make_targets() - explained <= {"laws", "house"}


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) <= 200


def test_the_readmes_runbook_loads() -> None:
    [text] = [block for block in blocks(README, "yaml") if "kind: Runbook" in block]
    assert len(text.splitlines()) <= 15
    try:
        load_text(text, path="README.md", plugins=PLUGINS.plugins)
    except FaultsError as error:
        pytest.fail("\n".join(map(str, error.faults)))


@pytest.mark.parametrize("page", [README, DOCS / "products.md"], ids=["README", "products"])
def test_products_shown_load(page: Path, tmp_path: Path) -> None:
    [text] = [block for block in blocks(page, "yaml") if "kind: Component" in block]
    file = tmp_path / "catalog-info.yaml"
    file.write_text(text)
    try:
        _, warnings = load_registry([file])
    except FaultsError as error:
        pytest.fail("\n".join(map(str, error.faults)))
    assert [str(warning) for warning in warnings] == []


def test_the_readmes_settings_load(tmp_path: Path) -> None:
    [text] = [block for block in blocks(README, "yaml") if block.startswith("runbooks:")]
    file = tmp_path / "homeostat.yaml"
    file.write_text(text)
    settings = load_settings(file, {})
    assert settings.runbooks == (tmp_path / "runbooks",)
    assert list(settings.notify) == ["team-shop"]


@pytest.mark.parametrize("page", sorted(DOCS.rglob("runbooks.md")), ids=lambda page: page.name)
def test_plugins_shown_exist(page: Path) -> None:
    shown = {use for block in blocks(page, "yaml") for use in re.findall(r"use: ([\w.]+)", block)}
    assert shown <= set(PLUGINS.plugins)


def test_every_reason_is_explained() -> None:
    page = (REFERENCE / "reasons.md").read_text()
    assert [r.value for r in Reason if f"`{r.value}`" not in page] == []


def test_every_plugin_has_a_heading() -> None:
    page = (REFERENCE / "plugins.md").read_text()
    assert [name for name in PLUGINS.plugins if f"### {name}\n" not in page] == []


def test_the_diagram_of_states_is_printed_from_the_table() -> None:
    assert diagram() in (REFERENCE / "lifecycle.md").read_text()


@pytest.mark.parametrize("words", [State, Radius, Ending, Lifecycle], ids=lambda e: e.__name__)
def test_the_words_people_meet_are_in_the_docs(words: type[State]) -> None:
    prose = "\n".join(page.read_text() for page in PAGES)
    assert [word.value for word in words if word.value not in prose] == []


def test_the_commands_people_are_told_to_type_exist() -> None:
    """And each command that exists is in the reference, because that is generated."""
    reference = (REFERENCE / "cli.md").read_text()
    known = set(re.findall(r"^## homeostat ([a-z-]+)", reference, re.MULTILINE))
    assert known, "the reference names no command"
    typed = {(p.name, c) for p in PAGES for c in commands_typed(p, "homeostat") if c not in known}
    assert typed == set()


@pytest.mark.parametrize("page", sorted((DOCS / "decisions").glob("*.md")), ids=lambda p: p.stem)
def test_a_decision_says_its_price_and_when_to_reopen_it(page: Path) -> None:
    text = page.read_text()
    missing = [
        heading
        for heading in ("**Question.**", "**Choice.**", "**Price.**", "**Reopen when**")
        if heading not in text
    ]
    assert missing == []
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+", page.stem)


def test_the_lock_names_no_address_and_not_ourselves() -> None:
    """docs/decisions/0006: the bare name belongs to somebody else on the public index."""
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "://" not in text
        assert not re.search(r"^homeostat\b", text, re.MULTILINE)
        assert "--hash=sha256:" in text


def test_what_runs_is_locked_as_what_is_tested() -> None:
    def versions(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / lock).read_text(), re.MULTILINE))

    assert versions("requirements-run.lock") <= versions("requirements.lock")


def test_the_lock_is_that_of_pyproject() -> None:
    """Mended by `make lock`, when a dependency was added or its bound was raised."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for extra in project["project"]["optional-dependencies"].values():
        wanted += extra
    locked = dict(
        re.findall(r"^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    )
    stale = [
        str(requirement)
        for requirement in map(Requirement, wanted)
        if requirement.name != "homeostat"
        and not requirement.specifier.contains(
            locked.get(canonicalize_name(requirement.name), "0"), prereleases=True
        )
    ]
    assert stale == []
