"""The schema of `homeostat schema`, as editors use it: by the language server they run, told which
schema a file follows by the line that docs/runbooks.md tells authors to write."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agent.interface.cli.main import app
from agent.runtime.registry import shipped_runbooks_folder
from tests.editor.language_server import LanguageServer, language_server
from tests.support.tree import ROOT

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        "yaml-language-server" in os.environ.get("TESTS_WITHOUT", "").split(),
        reason="npm could not install yaml-language-server; `make editor` says why",
    ),
]

SHIPPED = sorted(shipped_runbooks_folder().rglob("*.yaml"))
MODELINE = "# yaml-language-server: $schema=runbook.schema.json\n"

GOOD = f"""\
{MODELINE}apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: web-hung, owner: team-shop, layer: product, tier: low}}
match: {{alert: ServiceNotAnswering}}
plans:
  restart:
    steps: [{{id: restart, use: process.restart}}]
    verify:
      success: alert_cleared
      within: 2m
"""


@pytest.fixture
async def editor(tmp_path: Path) -> AsyncIterator[LanguageServer]:
    printed = CliRunner().invoke(app, ["schema", "runbook"])
    assert printed.exit_code == 0, printed.output
    (tmp_path / "runbook.schema.json").write_text(printed.output)
    async with language_server(tmp_path) as server:
        yield server


def marked(diagnostics: list[dict[str, object]], text: str) -> dict[str, str]:
    """What is said, by the piece of text that it is marked at."""
    lines = text.splitlines()
    found = {}
    for diagnostic in diagnostics:
        place = json.loads(json.dumps(diagnostic["range"]))
        start, end = place["start"], place["end"]
        piece = lines[start["line"]][start["character"] :]
        if end["line"] == start["line"]:
            piece = piece[: end["character"] - start["character"]]
        found[f"{start['line'] + 1}: {piece}"] = str(diagnostic["message"])
    return found


async def test_a_good_runbook_is_not_marked_at_all(editor: LanguageServer) -> None:
    assert await editor.open("good.yaml", GOOD) == []


async def test_every_shipped_runbook_is_good_in_the_editor_too(editor: LanguageServer) -> None:
    said = {
        path.name: marked(await editor.open(path.name, text), text)
        for path in SHIPPED
        if (text := MODELINE + path.read_text())
    }
    assert len(said) > 2
    assert {name: marks for name, marks in said.items() if marks} == {}


async def test_an_unknown_key_is_marked_where_it_stands(editor: LanguageServer) -> None:
    text = GOOD.replace("      within: 2m", "      withn: 2m")
    said = marked(await editor.open("unknown.yaml", text), text)
    [(piece, message)] = said.items()
    assert piece == "11: withn"
    assert "not allowed" in message


async def test_a_wrong_word_is_marked_with_the_right_ones(editor: LanguageServer) -> None:
    text = GOOD.replace("tier: low", "tier: lo")
    said = marked(await editor.open("word.yaml", text), text)
    [(piece, message)] = said.items()
    assert piece == "4: lo"
    assert '"low", "medium", "high"' in message


async def test_a_missing_key_is_marked_at_what_lacks_it(editor: LanguageServer) -> None:
    text = GOOD.replace("layer: product, ", "")
    said = marked(await editor.open("missing.yaml", text), text)
    [(piece, message)] = said.items()
    assert piece == "4: metadata"
    assert '"layer"' in message


async def test_the_keys_of_a_proof_are_offered_with_what_they_mean(editor: LanguageServer) -> None:
    text = GOOD + "      \n"
    await editor.open("proof.yaml", text)
    offered = await editor.complete("proof.yaml", line=len(text.splitlines()) - 1, character=6)
    assert {"settle", "decay", "observe", "fail", "must_not_worsen"} <= set(offered)
    assert not {"success", "within"} & set(offered), "these are written already"
    assert "go on firing" in offered["decay"]


async def test_the_values_of_a_closed_list_are_offered(editor: LanguageServer) -> None:
    text = GOOD.replace("tier: low", "tier: ")
    await editor.open("values.yaml", text)
    column = text.splitlines()[3].index("tier: ") + len("tier: ")
    assert {"low", "medium", "high"} <= set(await editor.complete("values.yaml", 3, column))


async def test_a_key_explains_itself_when_pointed_at(editor: LanguageServer) -> None:
    await editor.open("hover.yaml", GOOD)
    row = next(n for n, line in enumerate(GOOD.splitlines()) if "within" in line)
    said = await editor.hover("hover.yaml", row, GOOD.splitlines()[row].index("within") + 1)
    assert "in which the proof has to be complete" in said


def test_the_line_authors_are_told_to_write_is_the_one_tried_here() -> None:
    page = (ROOT / "docs" / "runbooks.md").read_text()
    told = re.search(r"^(# yaml-language-server: \$schema=)\S*\.schema\.json$", page, re.MULTILINE)
    assert told is not None
    assert MODELINE.startswith(told[1])
