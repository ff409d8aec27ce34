"""One suite over every shipped plugin: what the registry cannot refuse is checked here."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.model.effect import Effect, Verdict
from agent.ports.plugin import Action, Diagnostic, Notifier, Plugin, PushSource, Verification
from agent.runtime.registry import KINDS, shipped_plugins_folder
from tests.support.kits import lent
from tests.support.shipped import shipped

FOLDER = shipped_plugins_folder()
FILES = sorted(
    path for kind in KINDS for path in (FOLDER / kind).glob("*.py") if not path.name.startswith("_")
)
PLUGINS = sorted(shipped().plugins.values(), key=lambda plugin: plugin.name)
HEAVY = (
    "aiohttp",
    "aiomqtt",
    "apprise",
    "cel_expr_python",
    "kubernetes",
    "numpy",
    "opentelemetry",
    "paho",
    "prometheus_api_client",
    "requests",
    "starlette",
    "uvicorn",
)
MAY_IMPORT = ("agent.ports", "agent.model")

LOAD_ALL = """
import json, sys
from pathlib import Path
from agent.runtime.registry import PluginRegistry
registry = PluginRegistry.load([Path(sys.argv[1])])
print(json.dumps({
    "plugins": sorted(registry.plugins),
    "refused": [str(refused) for refused in registry.refused],
    "imported": sorted({name.partition(".")[0] for name in sys.modules}),
}))
"""


def words(text: str) -> set[str]:
    return set(re.split(r"[._]", text))


def by_name(plugin: Plugin) -> str:
    return plugin.name


def by_path(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def test_all_load_in_a_fresh_interpreter_without_a_heavy_package() -> None:
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD_ALL, str(FOLDER)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        cwd=FOLDER.parent,
    )
    assert answer.returncode == 0, answer.stderr
    loaded = json.loads(answer.stdout)
    assert loaded["refused"] == []
    assert loaded["plugins"] == sorted(shipped().plugins)
    assert set(loaded["imported"]) & set(HEAVY) == set()


@pytest.mark.parametrize("path", FILES, ids=by_path)
def test_a_file_is_loaded_and_says_why_it_is_as_it_is(path: Path) -> None:
    loaded = path.resolve() in shipped().paths.values()
    assert loaded, [str(refused) for refused in shipped().refused if refused.path.samefile(path)]
    doc = ast.get_docstring(ast.parse(path.read_text()))
    assert doc is not None
    assert len(doc.split()) >= 10


@pytest.mark.parametrize("path", FILES, ids=by_path)
def test_a_file_imports_only_through_the_door(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        for name in names:
            assert name.partition(".")[0] != "plugins", name
            assert not name.startswith("agent") or name.startswith(MAY_IMPORT), name


@pytest.mark.parametrize("plugin", PLUGINS, ids=by_name)
def test_the_name_and_the_file_are_found_by_each_other(plugin: Plugin) -> None:
    """`promql.py` may hold `prometheus.query`: a common beginning of four letters is enough."""
    stem = shipped().paths[plugin.name].stem
    begins = {word[:4] for word in words(plugin.name)}
    assert begins & {word[:4] for word in words(stem)}, (plugin.name, stem)


@pytest.mark.parametrize("plugin", PLUGINS, ids=by_name)
def test_people_can_read_what_it_takes_and_gives(plugin: Plugin) -> None:
    assert len(plugin.summary) >= 10
    if isinstance(plugin, PushSource):
        return
    for field in plugin.params.model_json_schema().get("properties", {}).values():
        assert len(field["description"]) >= 10
    assert plugin.params.model_config.get("extra") == "forbid"
    assert plugin.params.model_config.get("frozen")
    if isinstance(plugin, Diagnostic | Verification):
        assert plugin.result.model_json_schema()["type"] == "object"
    if isinstance(plugin, Verification):
        assert plugin.result.model_fields["verdict"].annotation is Verdict


@pytest.mark.parametrize("plugin", shipped().actions(), ids=by_name)
def test_an_action_says_how_it_behaves_when_called_twice(plugin: Action) -> None:
    assert isinstance(plugin.effect, Effect)
    assert (plugin.effect is Effect.PROBED) <= (plugin.probe_function is not None)
    facts = shipped().facts()[plugin.name]
    assert facts.effect == plugin.effect.value


@pytest.mark.parametrize("plugin", shipped().notifiers(), ids=by_name)
def test_a_notifier_makes_its_text_harmless(plugin: Notifier) -> None:
    assert "safe(message)" in shipped().paths[plugin.name].read_text()


@pytest.mark.parametrize(
    "plugin", [*shipped().diagnostics(), *shipped().verifications()], ids=by_name
)
async def test_what_looks_asks_for_a_kit_that_cannot_write(
    plugin: Diagnostic | Verification,
) -> None:
    asked = plugin.run.__annotations__.get("kit")
    assert asked in ("ReadKit",), "the first parameter is `kit: ReadKit`"
    async with lent() as kits:
        kit = kits.read(deadline_seconds=1)
        for write in ("start", "stop", "restart", "set_version", "restore_config"):
            assert not hasattr(kit.processes, write)
