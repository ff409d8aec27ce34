from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.catalog.runbooks import (
    FileRead,
    RunbookSet,
    as_set,
    load_files,
    load_runbooks,
    load_text,
    read_file,
)
from agent.model.runbook import Runbook
from tests.support.runbook_plugins import FULL, PLUGINS, SMALL


def changed(old: str, new: str, text: str = FULL) -> str:
    assert old in text
    return text.replace(old, new, 1)


def renamed(name: str, text: str = SMALL, **changes: str) -> str:
    text = text.replace("web-hung", name)
    for old, new in changes.items():
        text = text.replace(old, new)
    return text


def load_set(*texts: str) -> RunbookSet:
    return load_files([(f"{n}.yaml", text) for n, text in enumerate(texts)], PLUGINS)


def test_a_name_is_taken_once() -> None:
    found = load_set(SMALL, renamed("web-hung", ServiceNotAnswering="Other"))
    assert [(f.code, f.file, f.line, f.column) for f in found.faults] == [
        ("HS211", "1.yaml", 3, 18)
    ]
    assert [r.match.alert for r in found.runbooks] == [("ServiceNotAnswering",)]


@pytest.mark.parametrize(
    ("one", "other", "tie"),
    [
        ("{alert: A}", "{alert: [B, A]}", True),
        ("{alert: A}", "{alert: B}", False),
        ("{alert: A}", "{alert: A, product: shop}", False),
        ("{alert: A, product: pay}", "{alert: A, product: shop}", False),
        ("{alert: A, labels: {x: [a, b]}}", "{alert: A, labels: {x: b}}", True),
        ("{alert: A, labels: {x: a}}", "{alert: A, labels: {x: b}}", False),
        ("{alert: A, labels: {x: a}}", "{alert: A, labels: {y: b}}", False),
        ("{alert: A, layer: product}", "{alert: A, layer: machinery}", False),
        ("{alert: A, layer: product}", "{alert: A, layer: product}", True),
        ("{alert: A, layer: product}", "{alert: A}", False),
        ("{alert: A, when: 'true'}", "{alert: A, when: 'true'}", True),
        ("{alert: A, when: alert.name == 'a'}", "{alert: A, when: 'true'}", False),
        ("{labels: {x: a}}", "{labels: {x: a}}", True),
    ],
)
def test_ties(one: str, other: str, tie: bool) -> None:
    texts = [
        renamed(name, SMALL).replace("{alert: ServiceNotAnswering}", match)
        for name, match in (("one", one), ("two", other))
    ]
    found = load_set(*texts)
    assert [f.code for f in found.faults] == (["HS210"] if tie else [])
    shadow = texts[1].replace("tests:", "lifecycle: {state: shadow}\ntests:")
    assert not load_set(texts[0], shadow).faults


def test_several_documents_keep_versions_of_their_own() -> None:
    second = renamed("second", ServiceNotAnswering="Other")
    whole = f"# first\n{SMALL}---\n# nothing\n--- # second\n{second}"
    found = load_set(whole)
    assert not found.faults
    by_name = {r.name: r for r in found.runbooks}
    edited = load_set(whole.replace("name: second, owner: team-shop", "name: second, owner: x"))
    assert edited.runbooks[1].digest == by_name["web-hung"].digest
    assert {r.digest for r in edited.runbooks} != {r.digest for r in found.runbooks}
    for runbook in found.runbooks:
        again = load_text(runbook.text, path=runbook.path, plugins=PLUGINS)
        assert (again.name, again.digest) == (runbook.name, runbook.digest)
    (test,) = found.tests("second")
    assert whole.splitlines()[test.line - 1] == "  - name: a hung service is restarted"
    assert found.tests("nobody") == ()


def names(found: Sequence[Runbook]) -> list[str]:
    return [r.name for r in found]


def test_folders(tmp_path: Path) -> None:
    root = tmp_path / "runbooks"
    (root / "deep" / "er").mkdir(parents=True)
    (root / "b.yaml").write_text(renamed("bb", ServiceNotAnswering="B"))
    (root / "deep" / "er" / "a.yml").write_text(renamed("aa", ServiceNotAnswering="A"))
    (root / "notes.txt").write_text("not a runbook")
    (root / "folder.yaml").mkdir()
    found = load_runbooks([root], PLUGINS)
    assert found.faults == ()
    assert names(found.runbooks) == ["aa", "bb"]
    os.utime(root / "b.yaml", (1, 1))
    again = load_runbooks([root / "deep", root / "b.yaml"], PLUGINS)
    assert [r.digest for r in again.runbooks] == [r.digest for r in found.runbooks]


def test_what_is_not_read(tmp_path: Path) -> None:
    root = tmp_path / "runbooks"
    root.mkdir()
    outside = tmp_path / "outside.yaml"
    outside.write_text(SMALL)
    (root / "link.yaml").symlink_to(outside)
    os.mkfifo(root / "pipe.yaml")
    (root / "gone.yaml").symlink_to(root / "nowhere.yaml")
    (root / "large.yaml").write_text("# " + "x" * (1024 * 1024) + "\n" + SMALL)
    (root / "inside.yaml").write_text(renamed("inside"))
    found = load_runbooks([root, tmp_path / "missing"], PLUGINS)
    assert names(found.runbooks) == ["inside"]
    told = {Path(f.file).name: (f.code, f.message) for f in found.faults}
    assert told.keys() == {"link.yaml", "pipe.yaml", "gone.yaml", "large.yaml", "missing"}
    assert told["link.yaml"] == ("HS214", "the link leads out of the folder")
    assert told["large.yaml"][0] == "HS101"


def test_files_can_be_read_one_by_one_and_put_together_later() -> None:
    texts = [("a.yaml", SMALL), ("b.yaml", renamed("web-hung", ServiceNotAnswering="B")),
             ("c.yaml", "a: [")]  # fmt: skip
    read = [read_file(file, text, PLUGINS) for file, text in texts]
    assert [[one.runbook.name for one in file.loaded] for file in read] == [
        ["web-hung"],
        ["web-hung"],
        [],
    ]
    assert [[f.code for f in file.faults] for file in read] == [[], [], ["HS104"]]
    whole = as_set(read)
    assert whole == load_files(texts, PLUGINS)
    assert [f.code for f in whole.faults] == ["HS211", "HS104"]


def test_a_runbook_that_was_kept_without_its_document_is_still_checked_against_the_others() -> None:
    kept = [replace(one, document=None, tests=()) for one in read_file("a", SMALL, PLUGINS).loaded]
    other = read_file("b.yaml", renamed("second"), PLUGINS)
    found = as_set([FileRead(loaded=tuple(kept)), other])
    assert [f.code for f in found.faults] == ["HS210"]
    assert list(found.documents) == ["second"]
    assert found.places["web-hung"] == ("a", 3, 18)
    assert found.tests("web-hung") == ()


@pytest.mark.parametrize(
    ("before", "newline"), [("%YAML 1.2\n---\n", "\n"), ("", "\r")], ids=["directive", "returns"]
)
def test_two_runbooks_never_share_a_version(before: str, newline: str) -> None:
    both = before + SMALL + "---\n" + SMALL.replace("web-hung", "web-other")
    found = load_files([("both.yaml", both.replace("\n", newline))], PLUGINS)
    assert [f.code for f in found.faults] == ["HS227"]
    assert found.runbooks == ()
