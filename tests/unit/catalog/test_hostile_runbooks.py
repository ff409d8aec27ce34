"""Files that are no runbooks, or want to be more than that."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from agent.catalog.runbook_files import runbook_files
from agent.catalog.runbook_ties import in_common
from agent.catalog.runbooks import RunbookSet, load_files, load_runbooks, load_text
from agent.model.fault import Fault
from agent.model.runbook import Truth
from tests.support.runbook_plugins import FULL, PLUGINS, SMALL


def changed(old: str, new: str, text: str = FULL) -> str:
    assert old in text
    return text.replace(old, new, 1)


def beside_a_good_one(raw: str | bytes) -> tuple[RunbookSet, tuple[Fault, ...]]:
    found = load_files([("bad.yaml", raw), ("good.yaml", SMALL)], PLUGINS)
    return found, found.faults


# F-RB-01
@pytest.mark.parametrize(
    ("raw", "code", "place"),
    [
        pytest.param(SMALL.replace("  restart:", "\trestart:"), "HS105", (6, 1), id="a tab"),
        pytest.param(b"\xef\xbb\xbf" + SMALL.encode(), "HS102", (1, 1), id="a byte order mark"),
        pytest.param(SMALL.encode("utf-16"), "HS102", (1, 1), id="UTF-16"),
        pytest.param("# " + "x" * (10 * 1024 * 1024), "HS101", (1, 1), id="ten megabytes"),
        pytest.param(b"\x7fELF\x02\x01\x01\x00", "HS103", (1, 1), id="a program"),
        pytest.param(SMALL.encode() + b"\xc3(", "HS102", (13, 1), id="half a character"),
        pytest.param(SMALL.replace("[{id", "{id"), "HS104", (7, 47), id="a bracket too many"),
    ],
)
def test_a_file_that_is_no_text_is_refused_with_its_place_and_the_others_load(
    raw: str | bytes, code: str, place: tuple[int, int]
) -> None:
    found, faults = beside_a_good_one(raw)
    assert faults[0].code == code
    assert (faults[0].line, faults[0].column) == place
    assert {fault.file for fault in faults} == {"bad.yaml"}
    assert [r.name for r in found.runbooks] == ["web-hung"]


# F-RB-02
@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param("a: &a [x]\n" + "b: [*a, *a, *a, *a]\n" * 20, "HS108", id="aliases"),
        pytest.param("a: &a {x: 1}\nb: {<<: *a}\n", "HS109", id="merge keys"),
        pytest.param("a: " + "[" * 5_000, "HS106", id="deep lists"),
        pytest.param("a: " + "{b: " * 5_000, "HS106", id="deep mappings"),
        pytest.param("a: [" + "x, " * 200_000 + "]", "HS107", id="too many values"),
    ],
)
def test_a_bomb_is_refused_before_it_unfolds(raw: str, code: str) -> None:
    found, faults = beside_a_good_one(raw)
    assert code in {fault.code for fault in faults}
    assert [r.name for r in found.runbooks] == ["web-hung"]


# F-RB-03
def test_a_misspelt_action_names_the_one_that_was_meant() -> None:
    _, (fault,) = beside_a_good_one(
        SMALL.replace("web-hung", "other")
        .replace("ServiceNotAnswering", "Other")
        .replace("use: process.restart", "use: process.restrat")
    )
    assert str(fault) == (
        "bad.yaml:7:32: HS201 plans.restart.steps[0].use: unknown plugin process.restrat"
        ' (did you mean "process.restart"?)'
    )


# F-RB-11
@pytest.mark.parametrize(
    ("written", "code", "message"),
    [
        ("{target: =entity.nam}", "HS204", "unknown name entity.nam"),
        ("{target: =alert.labels.instance.}", "HS204", ""),
        ("{target: ''}", "HS202", "parameter target is empty"),
        ("{target: null}", "HS202", "parameter target is empty"),
        ("{target: '  '}", "HS202", "parameter target is empty"),
        ("{target: '='}", "HS204", "the expression is empty"),
        ("{target: [web]}", "HS202", "parameter target"),
        ("{target: '=1 + 1'}", "HS202", "1 + 1 is int, which parameter target cannot be"),
        ("{target: =web.restarts}", "HS204", "unknown name web.restarts"),
    ],
)
def test_what_cannot_be_filled_in_is_refused_and_names_variable_and_step(
    written: str, code: str, message: str
) -> None:
    text = SMALL.replace("use: process.restart}", f"use: process.restart, with: {written}}}")
    _, (fault, *_) = beside_a_good_one(text)
    assert (fault.code, fault.path) == (code, "plans.restart.steps[0].with.target")
    assert message in fault.message


def folder_with(tmp_path: Path) -> Path:
    root = tmp_path / "runbooks"
    root.mkdir()
    (root / "good.yaml").write_text(SMALL)
    return root


def told_of(root: Path) -> dict[str, str]:
    faults: list[Fault] = []
    read = [Path(file).name for file, _ in runbook_files([root], faults)]
    assert read == ["good.yaml"], "what is refused is not read"
    assert {f.code for f in faults} <= {"HS214"}
    return {Path(f.file).name: f.message for f in faults}


LEADS_OUT = "the link leads out of the folder"
NOT_REGULAR = "not a regular file"


# F-RB-16
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    root = folder_with(tmp_path)
    (root / "passwd.yaml").symlink_to("/etc/passwd")
    (root / "relative.yaml").symlink_to(Path("..") / "outside.yaml")
    (tmp_path / "outside.yaml").write_text(SMALL)
    (root / "twice.yaml").symlink_to(root / "relative.yaml")
    assert told_of(root) == dict.fromkeys(("passwd.yaml", "relative.yaml", "twice.yaml"), LEADS_OUT)


# F-RB-16
def test_a_link_to_a_folder_outside_is_refused(tmp_path: Path) -> None:
    root = folder_with(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "a.yaml").write_text(SMALL)
    (root / "elsewhere.yaml").symlink_to(tmp_path / "elsewhere")
    (root / "quietly").symlink_to(tmp_path / "elsewhere")
    assert told_of(root) == {"elsewhere.yaml": LEADS_OUT}


# F-RB-16
def test_a_pipe_a_socket_and_a_device_are_never_read(tmp_path: Path) -> None:
    root = folder_with(tmp_path)
    os.mkfifo(root / "pipe.yaml")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "socket.yaml"))
        (root / "null.yaml").symlink_to("/dev/null")
        told = told_of(root)
    assert told.pop("null.yaml") == LEADS_OUT
    assert told.pop("pipe.yaml") == NOT_REGULAR
    assert told.pop("socket.yaml").startswith("cannot be read")
    assert not told
    assert [f.message for f in load_runbooks([Path("/dev/zero")], PLUGINS).faults] == [NOT_REGULAR]


# F-RB-16
def test_a_folder_called_like_a_file_is_a_folder(tmp_path: Path) -> None:
    root = folder_with(tmp_path)
    (root / "folder.yaml").mkdir()
    assert told_of(root) == {}


def test_links_within_the_folder_and_hidden_names_are_as_kubernetes_mounts_them(
    tmp_path: Path,
) -> None:
    root = tmp_path / "mounted"
    (root / "..2026_11").mkdir(parents=True)
    (root / "..2026_11" / "good.yaml").write_text(SMALL)
    (root / "..data").symlink_to("..2026_11")
    (root / "good.yaml").symlink_to("..data/good.yaml")
    (root / ".good.yaml.swp.yaml").write_text("half")
    assert told_of(root) == {}


@pytest.mark.parametrize(
    "key", ["include: ../../etc/passwd", "extends: base", "$ref: other.yaml", "import: [x]"]
)
def test_nothing_can_be_included(key: str) -> None:  # F-RB-16
    _, (fault,) = beside_a_good_one(changed("guard:\n", f"{key}\nguard:\n"))
    assert fault.message.startswith("unknown key")


# F-RB-17
def test_an_expression_of_the_evil_kind_ends_in_linear_time() -> None:
    text = changed(
        'alert.labels.namespace.startsWith("prod-")',
        "alert.labels.namespace.matches('^(([a-z])+.)+[A-Z]([a-z])+$')",
    )
    when = load_text(text, path="r.yaml", plugins=PLUGINS).match.when
    assert when is not None
    assert when({"alert": {"labels": {"namespace": "a" * 2_000}}}) is Truth.FALSE


# F-RB-17
@pytest.mark.parametrize("pattern", ["(a)\\1", "(?=a)a", "(?<!a)a"])
def test_what_would_need_backtracking_cannot_be_written(pattern: str) -> None:
    text = changed(
        'alert.labels.namespace.startsWith("prod-")',
        f"alert.labels.namespace.matches('{pattern}')",
    ).replace("crash-loop", "evil")
    found, (fault,) = beside_a_good_one(text)
    assert (fault.code, fault.path) == ("HS204", "match.when")
    assert [r.name for r in found.runbooks] == ["web-hung"]


# F-RB-17
def test_globs_are_compared_without_backtracking() -> None:
    one, other = "*a" * 400 + "*b", "*a" * 400 + "*c"
    assert in_common(one, other) is None
    assert in_common(one, one + "*") is not None
