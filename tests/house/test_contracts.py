"""The floors hold, and the machine that guards them really does: each contract is broken on
purpose in a copy, and import-linter has to say so by that contract's name."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.tree import ROOT

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
FUTURE = "from __future__ import annotations\n\n"

BREAKS: dict[str, tuple[str, Mapping[str, str]]] = {
    "the model imports from the runtime": (
        "Floors",
        {"agent/model/broken.py": "import agent.runtime"},
    ),
    "a room nobody planned": ("Floors", {"agent/attic/__init__.py": ""}),
    "store and catalog are strangers": (
        "Floors",
        {
            "agent/store/broken.py": "import agent.catalog.broken",
            "agent/catalog/broken.py": "",
        },
    ),
    "the core waits": ("Pure core", {"agent/core/broken.py": "import asyncio"}),
    "the model reads a clock": ("Pure core", {"agent/model/broken.py": "import time"}),
    "a port opens a socket": ("Pure core", {"agent/ports/broken.py": "import socket"}),
    "a plugin looks into the runtime": (
        "Plugins import agent.ports and agent.model only",
        {"plugins/actions/broken.py": "import agent.runtime"},
    ),
    "the agent has a favourite plugin": (
        "The agent names no plugin",
        {
            "agent/runtime/broken.py": "import plugins.actions.broken",
            "plugins/actions/broken.py": "",
        },
    ),
    "a plugin imports another plugin": (
        "No plugin imports another",
        {
            "plugins/actions/broken.py": "import plugins.notifiers.broken",
            "plugins/notifiers/broken.py": "",
        },
    ),
    "a plugin imports its neighbour": (
        "No plugin imports another",
        {
            "plugins/actions/broken.py": "import plugins.actions.mended",
            "plugins/actions/mended.py": "",
        },
    ),
    "the store decides": (
        "The store knows no rules",
        {"agent/store/broken.py": "import agent.core.broken", "agent/core/broken.py": ""},
    ),
    "the interface goes round the runtime": (
        "The interface asks the runtime",
        {"agent/interface/broken.py": "import agent.store.broken", "agent/store/broken.py": ""},
    ),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT_IMPORTS, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("house")
    ignore = shutil.ignore_patterns("__pycache__")
    for room in ("agent", "plugins"):
        shutil.copytree(ROOT / room, folder / room, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_floors_hold(copy: Path) -> None:
    checked = lint_imports(copy)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_floor_is_found(copy: Path, name: str) -> None:
    contract, files = BREAKS[name]
    written = [copy / path for path in files]
    made = [path.parent for path in written if not path.parent.exists()]
    try:
        for path, text in zip(written, files.values(), strict=True):
            assert path.name == "__init__.py" or not path.exists()
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{FUTURE}{text}\n")
        checked = lint_imports(copy)
    finally:
        for path in written:
            path.unlink()
        for folder in made:
            shutil.rmtree(folder)
    broken = [
        line.removesuffix("BROKEN").strip()
        for line in checked.stdout.splitlines()
        if line.rstrip().endswith("BROKEN")
    ]
    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert [line for line in broken if line.startswith(contract)], checked.stdout
