"""Nothing leads out of the folder of a process, and only ordinary files are seen in it."""
# ruff: noqa: ASYNC240

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.errors import Permanent
from agent.runtime import process_folder
from agent.runtime.process_folder import list_files, matching, opened
from tests.support.substrate import Substrate


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Substrate]:
    substrate = Substrate(tmp_path)
    (tmp_path / "home" / "logs").mkdir(parents=True)
    substrate.add("web", cwd=str(tmp_path / "home"))
    yield substrate
    substrate.sweep()


@pytest.fixture
def logs(house: Substrate) -> Path:
    return house.folder / "home" / "logs"


@pytest.mark.parametrize(
    "written",
    ["/etc", "..", "../state", "logs/../..", "", ".", "logs//x", "./logs", "logs\0", "nowhere"],
)
async def test_a_folder_that_is_not_below_the_working_directory_is_refused(
    house: Substrate, written: str
) -> None:
    with pytest.raises(Permanent):
        await house.processes.folder("web", written, pattern="*")


async def test_a_link_that_leads_out_is_refused(house: Substrate, logs: Path) -> None:
    outside = house.folder / "outside"
    outside.mkdir()
    (logs.parent / "escape").symlink_to(outside)
    with pytest.raises(Permanent, match="leads out of"):
        await house.processes.folder("web", "escape", pattern="*")


async def test_a_link_within_is_followed(house: Substrate, logs: Path) -> None:
    (logs.parent / "current").symlink_to(logs)
    seen = await house.processes.folder("web", "current", pattern="*")
    assert seen.path == str(logs.resolve())


async def test_a_file_is_no_folder(house: Substrate, logs: Path) -> None:
    (logs.parent / "note").write_text("x")
    with pytest.raises(Permanent, match="cannot be opened"):
        await house.processes.folder("web", "note", pattern="*")


async def test_only_ordinary_files_that_match_are_seen(house: Substrate, logs: Path) -> None:
    for number, name in enumerate(["app.log.2", "app.log.1", "app.log", ".app.log.3"]):
        (logs / name).write_bytes(b"x" * 10)
        os.utime(logs / name, (1000 + number, 1000 + number))
    (logs / "app.log.4").mkdir()
    (logs / "app.log.5").symlink_to("/etc/passwd")
    os.mkfifo(logs / "app.log.6")
    seen = await house.processes.folder("web", "logs", pattern="app.log.*")
    assert [file.name for file in seen.files] == ["app.log.2", "app.log.1"], "oldest first"
    assert seen.files[0].bytes == 10
    assert seen.files[0].modified_seconds_ago > 1e9
    assert seen.bytes == 40, "all ordinary files of the folder"
    assert (seen.is_cut, seen.disk_bytes > seen.disk_free_bytes > 0) == (False, True)


async def test_a_file_the_process_has_open_is_in_use(house: Substrate, logs: Path) -> None:
    house.add(
        "web",
        "import time\nkept = open('logs/app.log.1', 'w')\nprint('ready')\ntime.sleep(600)\n",
        cwd=str(logs.parent),
    )
    (logs / "app.log.2").write_text("x")
    await house.processes.start("web", key="k")
    await house.ready("web")
    seen = await house.processes.folder("web", "logs", pattern="*")
    assert {file.name: file.in_use for file in seen.files} == {
        "app.log.1": True,
        "app.log.2": False,
    }


def test_a_name_that_is_no_text_matches_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in (b"app.log.\xff", b"app.log.\n1", b"app.log.1"):
        Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/" + name)).write_text("x")
    with opened(tmp_path, "in") as (descriptor, _):
        found = matching(list_files(descriptor), "app.log.*")
    assert [entry.name for entry in found] == ["app.log.1"]


def test_a_folder_with_too_many_entries_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_folder, "MOST_ENTRIES", 3)
    (tmp_path / "in").mkdir()
    for number in range(4):
        (tmp_path / "in" / str(number)).write_text("x")
    with opened(tmp_path, "in") as (descriptor, _):
        listing = list_files(descriptor)
    assert (len(listing.entries), listing.is_cut) == (3, True)
