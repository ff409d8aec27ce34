"""One bad file is refused by name and reason; the others load."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import agent
from agent.model.errors import Permanent
from agent.ports.plugin import Diagnostic
from agent.runtime import registry as registry_module
from agent.runtime.registry import (
    PluginRegistry,
    shipped_plugins_folder,
    shipped_runbooks_folder,
)

HEAD = """
from __future__ import annotations
from collections.abc import Mapping
from typing import Any
from pydantic import Field
from agent.model.effect import Effect, Probed, Reversal, Verdict
from agent.model.errors import Permanent
from agent.ports.plugin import (
    Params, Result, action, diagnostic, level_source, notifier, push_source, verification,
)

class Given(Params):
    target: str = Field(description="What it looks at")

class Found(Result):
    verdict: Verdict
    alive: bool = True
"""

DIAGNOSTIC = """
@diagnostic(name="{name}", params=Given, result=Found, summary="Looks")
async def look(kit, params):
    return Found(verdict=Verdict.HELD)
"""

ACTION = """
@action(
    name="thing.mend",
    params=Given,
    effect=Effect.{effect},
    reversal=Reversal.NOTHING,
    summary="Mends",
)
async def mend(kit, params):
    return {{}}
"""

PROBE = """
@mend.probe
async def happened(kit, params, key):
    return Probed.HAPPENED
"""


def write(folder: Path, where: str, text: str) -> Path:
    path = folder / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + dedent(text))
    return path


def only_refusal(folder: Path) -> str:
    registry = PluginRegistry.load([folder])
    assert not registry.plugins
    (refused,) = registry.refused
    return refused.reason


def test_a_file_adds_a_plugin_with_its_facts(tmp_path: Path) -> None:
    write(tmp_path, "diagnostics/look.py", DIAGNOSTIC.format(name="thing.look"))
    path = write(tmp_path, "actions/mend.py", ACTION.format(effect="PROBED") + PROBE)
    registry = PluginRegistry.load([tmp_path])
    assert registry.refused == ()
    assert set(registry.plugins) == {"thing.look", "thing.mend"}
    assert isinstance(registry.get("thing.look"), Diagnostic)
    assert registry.paths["thing.mend"] == path
    facts = registry.facts()
    assert (facts["thing.mend"].kind, facts["thing.mend"].effect) == ("action", "probed")
    assert facts["thing.mend"].has_probe
    assert (facts["thing.look"].effect, facts["thing.look"].has_probe) == ("read", False)
    assert [plugin.name for plugin in registry.actions()] == ["thing.mend"]
    assert [plugin.name for plugin in registry.diagnostics()] == ["thing.look"]


def test_one_file_may_declare_a_family(tmp_path: Path) -> None:
    both = DIAGNOSTIC.format(name="thing.look") + DIAGNOSTIC.format(name="thing.stare").replace(
        "def look", "def stare"
    )
    write(tmp_path, "diagnostics/thing.py", both)
    assert set(PluginRegistry.load([tmp_path]).plugins) == {"thing.look", "thing.stare"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import a_package_nobody_has", "needs the package 'a_package_nobody_has'"),
        ("def broken(:", "is not Python: line"),
        ("raise SystemExit(3)", "cannot be loaded: SystemExit: 3"),
        ("1 / 0", "cannot be loaded: ZeroDivisionError"),
        ("x = 1", "declares no plugin"),
        (DIAGNOSTIC.format(name="Thing.Look"), "is no plugin name"),
        (DIAGNOSTIC.format(name="a.b.c"), "is no plugin name"),
        (DIAGNOSTIC.format(name="a" * 61), "is no plugin name"),
        (DIAGNOSTIC.format(name="thing.look\\n"), "is no plugin name"),
        (ACTION.format(effect="READ"), "its folder is actions/, not diagnostics/"),
        (DIAGNOSTIC.format(name="look").replace('"Looks"', '""'), "needs a summary of one line"),
        (DIAGNOSTIC.format(name="look").replace('"Looks"', "None"), "needs a summary of one line"),
        (DIAGNOSTIC.format(name="look").replace("async def", "def"), "has to be async"),
        (DIAGNOSTIC.format(name="look").replace("=Given", "=dict"), "a subclass of agent.ports"),
        (DIAGNOSTIC.format(name="look").replace("=Found", "=Given"), "its result has to be"),
        (
            "class Bare(Params):\n    host: str\n"
            + DIAGNOSTIC.format(name="look").replace("=Given", "=Bare"),
            "params without a description: host",
        ),
        (
            DIAGNOSTIC.format(name="look") + "twice = diagnostic(name='look', params=Given,"
            " result=Found, summary='x')(look.run)",
            "declares 'look' twice",
        ),
    ],
)
def test_a_file_that_breaks_the_contract_is_refused_with_its_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    path = write(tmp_path, "diagnostics/bad.py", text)
    before = set(sys.modules)
    registry = PluginRegistry.load([tmp_path])
    (refused,) = registry.refused
    assert refused.path == path
    assert reason in refused.reason
    assert str(path) in str(refused)
    if "loaded" in reason or "package" in reason:
        assert not {name for name in set(sys.modules) - before if "homeostat_plugin" in name}


def test_the_others_load_beside_a_bad_file(tmp_path: Path) -> None:
    write(tmp_path, "diagnostics/a_bad.py", "1 / 0")
    write(tmp_path, "diagnostics/good.py", DIAGNOSTIC.format(name="good"))
    write(tmp_path, "diagnostics/_unread.py", "1 / 0")
    registry = PluginRegistry.load([tmp_path])
    assert set(registry.plugins) == {"good"}
    assert [refused.path.name for refused in registry.refused] == ["a_bad.py"]


def test_probed_needs_a_probe(tmp_path: Path) -> None:
    write(tmp_path, "actions/mend.py", ACTION.format(effect="PROBED"))
    assert "is probed, but has no probe" in only_refusal(tmp_path)


def test_the_effect_is_a_member_of_the_enum(tmp_path: Path) -> None:
    text = ACTION.format(effect="READ").replace("Effect.READ", "'read'")
    write(tmp_path, "actions/mend.py", text)
    assert "has to be a member" in only_refusal(tmp_path)


def test_a_verification_needs_a_verdict(tmp_path: Path) -> None:
    text = "class Flat(Result):\n    verdict: str\n" + DIAGNOSTIC.format(name="look")
    text = text.replace("@diagnostic", "@verification").replace("=Found", "=Flat")
    write(tmp_path, "verifications/look.py", text)
    assert "needs a field `verdict: Verdict`" in only_refusal(tmp_path)


def test_push_sources_have_a_path_of_their_own_and_a_pure_decode(tmp_path: Path) -> None:
    source = "@push_source(name='{0}', path='{1}', summary='x')\ndef decode(body):\n    return ()\n"
    write(tmp_path, "sources/a.py", source.format("a", "/a"))
    write(tmp_path, "sources/b.py", source.format("b", "/a"))
    write(tmp_path, "sources/c.py", source.format("c", "c"))
    write(tmp_path, "sources/d.py", source.format("d", "/d").replace("def", "async def"))
    registry = PluginRegistry.load([tmp_path])
    assert [plugin.path for plugin in registry.push_sources()] == ["/a"]
    reasons = [refused.reason for refused in registry.refused]
    assert "the path '/a' is taken by 'a'" in reasons[0]
    assert "has to start with /" in reasons[1]
    assert "may not be async" in reasons[2]


def test_the_first_folder_keeps_a_name(tmp_path: Path) -> None:
    first = write(tmp_path / "one", "diagnostics/look.py", DIAGNOSTIC.format(name="look"))
    second = write(tmp_path / "two", "diagnostics/look.py", DIAGNOSTIC.format(name="look"))
    registry = PluginRegistry.load([tmp_path / "one", tmp_path / "two"])
    assert registry.paths["look"] == first
    (refused,) = registry.refused
    assert refused.path == second
    assert f"the name 'look' is taken by {first}" in refused.reason


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "there is no such folder" in only_refusal(tmp_path / "gone")


def test_a_file_cannot_shadow_the_standard_library(tmp_path: Path) -> None:
    import email

    write(tmp_path, "diagnostics/email.py", DIAGNOSTIC.format(name="email.look"))
    assert set(PluginRegistry.load([tmp_path]).plugins) == {"email.look"}
    assert sys.modules["email"] is email


def test_an_unknown_name_is_permanent_and_says_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "diagnostics/look.py", DIAGNOSTIC.format(name="thing.look"))
    write(tmp_path, "diagnostics/bad.py", "1 / 0")
    with pytest.raises(Permanent, match=r"did you mean 'thing.look'\? \(refused files: bad.py\)"):
        PluginRegistry.load([tmp_path]).get("thing.lok")


def test_loading_again_reads_the_file_again(tmp_path: Path) -> None:
    path = write(tmp_path, "diagnostics/look.py", DIAGNOSTIC.format(name="look"))
    old = PluginRegistry.load([tmp_path])
    path.write_text(path.read_text().replace('"Looks"', '"Looks twice as hard"'))
    new = PluginRegistry.load([tmp_path])
    assert old.get("look").summary == "Looks"
    assert new.get("look").summary == "Looks twice as hard"


def test_shipped_folders_in_the_checkout_and_after_an_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(agent.__file__).parent.parent
    assert shipped_plugins_folder() == root / "plugins"
    assert shipped_runbooks_folder() == root / "runbooks"
    package = tmp_path / "site" / "agent"
    shutil.copytree(root / "plugins", package / "shipped" / "plugins")
    (package / "shipped" / "runbooks").mkdir()
    monkeypatch.setattr(registry_module.agent, "__file__", str(package / "__init__.py"))
    assert shipped_plugins_folder() == package / "shipped" / "plugins"
    assert shipped_runbooks_folder() == package / "shipped" / "runbooks"
    assert "terminal" in PluginRegistry.load([shipped_plugins_folder()]).plugins
