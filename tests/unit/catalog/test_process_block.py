from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry

BEFORE = "kind: Component\nmetadata: {name: a}\nspec:\n  owner: t\n  homeostat:\n    process:\n"


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            "{command: python3 app.py}",
            "11: HS301 spec.homeostat.process.command: a command is a list of arguments; there is"
            ' no shell (write ["python3", "app.py"])',
        ),
        (
            "{command: []}",
            "11: HS301 spec.homeostat.process.command: the command is empty"
            ' (write it like ["python3", "app.py"])',
        ),
        (
            "{command: [sleep, 5]}",
            "19: HS301 spec.homeostat.process.command[1]: text is expected here,"
            ' not the number 5 (quote it: "5")',
        ),
        (
            "{}",
            "1: HS301 spec.homeostat.process: the command is missing"
            ' (add command: ["python3", "app.py"])',
        ),
        (
            "{versions: {v1: {command: [a]}}}",
            "1: HS301 spec.homeostat.process: which of the versions it begins with is not said"
            ' (add version: "v1")',
        ),
        (
            "{version: v12, versions: {v1: {command: [a]}}}",
            '1: HS301 spec.homeostat.process: version "v12" is not declared (did you mean "v1"?)',
        ),
        (
            "{command: [a], env: {A: true, B C: x}}",
            "25: HS301 spec.homeostat.process.env.A: text is expected here, not true"
            ' (quote it: "true")',
        ),
        (
            "{command: [a], env: {B C: x}}",
            '22: HS301 spec.homeostat.process.env.B C: the text "B C" does not match pattern'
            " ^[A-Za-z_][A-Za-z0-9_]*$ (write it so)",
        ),
        (
            "{command: [a], comand: [b]}",
            '16: HS301 spec.homeostat.process.comand: unknown key "comand"'
            ' (did you mean "command"?)',
        ),
        (
            "{command: [a], stop_grace: 3}",
            "28: HS301 spec.homeostat.process.stop_grace: a duration needs a unit"
            " (write 3s for seconds, 3m for minutes)",
        ),
    ],
)
def test_the_process_block_is_checked(tmp_path: Path, block: str, said: str) -> None:
    (tmp_path / "catalog-info.yaml").write_text(f"{BEFORE}     {block}\n")
    with pytest.raises(FaultsError) as caught:
        load_registry([tmp_path])
    column, rest = said.split(":", 1)
    first = str(caught.value.faults[0])
    assert first == f"{tmp_path}/catalog-info.yaml:7:{int(column) + 5}:{rest}"
