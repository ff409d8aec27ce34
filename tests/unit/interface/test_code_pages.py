"""Every code has a page, and every page is true: its wrong example gives the code where it is
marked, and its right one gives no error at all."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent.catalog.codes import CodePage, Example, code_pages, reason_pages
from agent.catalog.runbook_document import SECTIONS
from agent.interface.cli import checking
from agent.interface.cli.main import app
from agent.model.fault import Fault, FaultSeverity
from agent.model.reason import Reason
from agent.runtime.registry import PluginRegistry
from tests.support import runbook_plugins
from tests.support.shipped import shipped
from tests.support.tree import ROOT, python_files

CODE = re.compile(r"HS\d{3}")
RUNBOOK = "runbook.yaml"
COVERAGE = "HS25"
"""Codes about what a runbook's tests leave out."""
ONLY_TOLD_BY_THE_DAEMON = {"HS410"}
"""Tried in tests of the daemon: it alone writes files."""

AROUND = {
    "apiVersion": "apiVersion: homeostat/v1\n",
    "kind": "kind: Runbook\n",
    "metadata": "metadata: {name: web-hung, owner: team-shop, layer: product, tier: low}\n",
    "about": "about: {meaning: the web process runs and does not answer}\n",
    "match": "match: {alert: WebHangs}\n",
    "plans": """\
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: alert_cleared
""",
    "lifecycle": "lifecycle: {state: draft}\n",
}
"""What an example of one section stands in, so that a page shows only what it is about."""


def codes_of_the_program() -> dict[str, str]:
    """Every code that is given a name, and where."""
    found = {}
    for path in python_files("agent"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)):
                found[str(node.value)] = path.name
    return found


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert set(code_pages()) == set(codes_of_the_program())


def test_every_reason_has_a_page() -> None:
    assert list(reason_pages()) == [reason.value for reason in Reason]


@pytest.mark.parametrize("page", code_pages().values(), ids=lambda page: page.code)
def test_a_page_leads_only_to_what_exists(page: CodePage) -> None:
    assert page.meaning
    assert page.why
    assert page.wrong
    assert page.right
    reasons = {reason.value for reason in Reason}
    lost = [
        see
        for see in page.see
        if not (
            see in code_pages()
            or see in reasons
            or see.startswith("homeostat ")
            or (ROOT / see).is_file()
        )
    ]
    assert lost == []


def explain_code(*words: str) -> Result:
    return CliRunner().invoke(app, ["explain-code", *words])


def test_a_page_shows_what_it_means_and_the_place_in_the_wrong_example() -> None:
    said = explain_code("hs204").stdout
    wrong, _, right = said.partition("\nRight\n")
    assert said.startswith("HS204: ")
    assert "\nWhy\n" in said
    [place] = [line for line in wrong.splitlines() if line.strip().strip("#").strip() == "^"]
    above = wrong.splitlines()[wrong.splitlines().index(place) - 1]
    assert above[place.index("^") :].startswith("alvie")
    assert "^" not in right
    assert "See also: HS205" in right


def test_a_page_as_data_names_the_place() -> None:
    found = json.loads(explain_code("HS204", "--format", "json").stdout)
    [example] = found["wrong"]
    [mark] = example["marks"]
    assert example["text"].splitlines()[mark["line"] - 1][mark["column"] - 1 :].startswith("alvie")
    assert found["kind"] == "fault"


def test_a_reason_says_when_it_is_given_and_what_to_do() -> None:
    said = explain_code("cooldown").stdout
    assert said.startswith(f"cooldown: {Reason.COOLDOWN.sentence}\n")
    assert "\nWhen: The target" in said
    assert "\nWhat to do: Find out" in said


def test_a_code_nobody_knows_is_wrong_usage_with_the_nearest() -> None:
    result = explain_code("cooldwn")
    assert result.exit_code == 2
    assert 'did you mean "cooldown"?' in result.output


@cache
def plugins() -> PluginRegistry:
    """Those that are shipped, and one that is opaque, because none of them is."""
    return PluginRegistry({**shipped().plugins, "shell.run": runbook_plugins.shell})


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("HOMEOSTAT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOMEOSTAT_SHIPPED_RUNBOOKS", "false")


def in_a_whole_runbook(page: CodePage, example: Example) -> tuple[str, list[tuple[int, int]]]:
    """The example among the other sections, in their order, and its marks moved accordingly."""
    named = page.code.startswith("HS2") and not example.file and example.language == "yaml"
    if not named or example.text.startswith("apiVersion"):
        return example.text, list(example.marks)
    parts: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(example.text.splitlines(keepends=True)):
        if key := re.match(r"(\w+):", line):
            name = key[1]
            parts[name] = (number, line)
        else:
            parts[name] = (parts[name][0], parts[name][1] + line)
    assert set(parts) <= set(SECTIONS), "an example shows whole sections"
    text, moved = "", {}
    for section in SECTIONS:
        first, part = parts.get(section, (None, AROUND.get(section, "")))
        if first is not None:
            for offset in range(part.count("\n")):
                moved[first + offset + 1] = text.count("\n") + offset + 1
        text += part
    return text, [(moved[line], column) for line, column in example.marks]


def laid_out(
    page: CodePage, examples: tuple[Example, ...], environment: pytest.MonkeyPatch
) -> dict[str, list[tuple[int, int]]]:
    """Writes the files of an example here; the marked places by name of file."""
    marks = {}
    for example in examples:
        if example.language == "sh":
            said = ["bash", "-euc", f"{example.text}\nenv -0"]
            done = subprocess.run(said, check=True, capture_output=True, text=True)
            for name, _, value in (line.partition("=") for line in done.stdout.split("\0")):
                if name.startswith("HOMEOSTAT_"):
                    environment.setenv(name, value)
            continue
        name = example.file or RUNBOOK
        text, marks[name] = in_a_whole_runbook(page, example)
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
        Path(name).chmod(0o600)
    return marks


def faults(page: CodePage, monkeypatch: pytest.MonkeyPatch) -> list[Fault]:
    """What `homeostat check .` finds. Plugins are loaded once, unless the example brings some."""
    if not Path("mine").exists():
        monkeypatch.setattr(checking, "load_plugins", lambda _settings: plugins())
    config = Path("homeostat.yaml")
    site = checking.check_site(config if config.exists() else None)
    return [*site.faults, *checking.check_paths([Path()], config=None).faults]


@pytest.mark.parametrize(
    "page",
    [p for p in code_pages().values() if p.code not in ONLY_TOLD_BY_THE_DAEMON],
    ids=lambda page: page.code,
)
class TestExamples:
    def test_the_wrong_one_gives_the_code_where_it_is_marked(
        self, page: CodePage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        marks = laid_out(page, page.wrong, monkeypatch)
        found = {
            (os.path.relpath(fault.file), fault.line, fault.column)
            for fault in faults(page, monkeypatch)
            if fault.code == page.code
        }
        assert found, "it does not give the code"
        wanted = {(file, *mark) for file, places in marks.items() for mark in places}
        if wanted:
            assert found == wanted
        elif page.wrong[0].language != "sh":
            assert {place[1:] for place in found} == {(1, 1)}, "a place within a file is marked"

    def test_the_right_one_gives_no_error(
        self, page: CodePage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        laid_out(page, page.right, monkeypatch)
        found = faults(page, monkeypatch)
        assert [str(f) for f in found if f.code == page.code] == []
        errors = {f for f in found if f.severity is FaultSeverity.ERROR}
        if page.code.startswith("HS1"):  # shows a piece of YAML, and no whole file
            errors = {f for f in errors if f.code.startswith("HS1")}
        elif not page.code.startswith(COVERAGE):  # leaves tests out, to be short
            errors = {f for f in errors if not f.code.startswith(COVERAGE)}
        assert list(map(str, errors)) == []
