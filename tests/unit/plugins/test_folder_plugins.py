"""Looks into the folders of a process, and its trash, called as the runtime calls them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent.model.errors import Permanent
from agent.model.product import Registry
from agent.ports.kit import FolderSeen
from agent.runtime.kit import Kits
from plugins.actions.file_trash import Trash
from plugins.diagnostics import disk_usage
from plugins.diagnostics.file_state import FilesQuestion
from tests.support.kits import RealClock, ToldProcesses
from tests.support.shipped import run
from tests.support.substrate import Substrate

OLD = 1_000_000_000
OLD_LOGS = {"folder": "logs", "pattern": "app.log.*", "older_than": "7d"}


class House:
    def __init__(self, folder: Path) -> None:
        self.substrate = Substrate(folder)
        self.home = folder / "home"
        (self.home / "logs").mkdir(parents=True)
        self.substrate.add("web", cwd=str(self.home))
        self.kits = Kits(
            clock=RealClock(),
            processes=self.substrate.processes,
            products=lambda: Registry(entities=dict(self.substrate.entities)),
        )

    async def look(self, name: str, **params: Any) -> Any:
        return await run(name, self.kits.read(deadline_seconds=10), target="web", **params)

    async def act(self, name: str, key: str = "k", **params: Any) -> dict[str, Any]:
        kit = self.kits.act(key=key, deadline_seconds=10)
        return dict(await run(name, kit, **{"target": "web", **params}))

    def write(self, name: str, body: bytes = b"x", *, old: bool = True) -> None:
        path = self.home / "logs" / name
        path.write_bytes(body)
        if old:
            os.utime(path, (OLD, OLD))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    made.substrate.sweep()
    await made.kits.close()


async def test_old_logs_are_counted_moved_and_put_back(house: House) -> None:
    house.write("app.log.1", b"x" * 1000)
    house.write("app.log.2", b"x" * 500)
    house.write("app.log.3", b"young", old=False)
    seen = await house.look("files.state", **OLD_LOGS)
    assert (seen.count, seen.bytes, seen.old, seen.old_bytes) == (3, 1505, 2, 1500)
    assert seen.oldest_age > timedelta(days=7) > seen.newest_age
    assert seen.newest_bytes == 5
    result = await house.act("files.trash", **OLD_LOGS)
    assert result["moved"] == 2
    assert (await house.look("files.state", **OLD_LOGS)).old == 0
    assert result["undo"]["use"] == "files.restore"
    back = await house.act("files.restore", "k2", **result["undo"]["with"])
    assert back["restored"] == 2
    assert (await house.look("files.state", **OLD_LOGS)).old_bytes == 1500


async def test_where_nothing_was_moved_there_is_no_way_back(house: House) -> None:
    assert "undo" not in await house.act("files.trash", **OLD_LOGS)


async def test_an_empty_folder_has_no_ages(house: House) -> None:
    seen = await house.look("files.state", folder="logs")
    assert (seen.count, seen.newest_age, seen.oldest_age, seen.newest_bytes) == (
        0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("name", ["files.trash", "files.restore"])
async def test_a_target_that_is_not_registered_is_refused(house: House, name: str) -> None:
    params = OLD_LOGS if name == "files.trash" else {"batch": "0" * 16}
    with pytest.raises(Permanent, match="registered"):
        await house.act(name, target="$(reboot)", **params)


@pytest.mark.parametrize(
    "changes",
    [
        {"folder": "/var/log"},
        {"folder": "logs/../.."},
        {"folder": "."},
        {"folder": ""},
        {"pattern": "*"},
        {"pattern": "*.*"},
        {"pattern": "[abcdef]?*"},
        {"pattern": "logs/app*"},
        {"older_than": "59s"},
        {"older_than": "-1d"},
        {"most": 0},
    ],
)
def test_what_is_to_go_has_to_be_told_precisely(changes: dict[str, Any]) -> None:
    Trash.model_validate({"target": "web", **OLD_LOGS})
    with pytest.raises(ValidationError):
        Trash.model_validate({"target": "web", **OLD_LOGS, **changes})


@pytest.mark.parametrize("missing", ["folder", "pattern", "older_than", "target"])
def test_nothing_that_is_to_go_has_a_default(missing: str) -> None:
    given = {"target": "web", **OLD_LOGS}
    del given[missing]
    with pytest.raises(ValidationError, match=missing):
        Trash.model_validate(given)


def test_to_look_a_pattern_may_mean_everything() -> None:
    assert FilesQuestion(target="web", folder="logs").pattern == "*"


async def test_how_full_a_folder_and_its_disk_are(house: House) -> None:
    house.write("app.log", b"x" * 300)
    house.write("other", b"x" * 200)
    seen = await house.look("disk.usage", folder="logs")
    assert (seen.folder_bytes, seen.is_cut) == (500, False)
    assert 0 < seen.used_share < 1
    assert seen.used_share == pytest.approx(1 - seen.free_bytes / seen.disk_bytes, abs=0.001)


async def test_a_file_system_without_inodes_does_not_tell_their_share() -> None:
    class Told(ToldProcesses):
        async def folder(self, name: str, folder: str, *, pattern: str) -> FolderSeen:
            nothing = {"disk_bytes": 0, "disk_free_bytes": 0, "inodes": 0, "inodes_free": 0}
            return FolderSeen(path="/x", files=(), bytes=0, is_cut=False, **nothing)

    kits = Kits(clock=RealClock(), processes=Told(), products=Registry)  # type: ignore[arg-type]
    params = disk_usage.DiskQuestion(target="web", folder="logs")
    seen = await disk_usage.usage.run(kits.read(deadline_seconds=1), params)
    await kits.close()
    assert seen.model_dump(include={"used_share", "inodes_used_share"}) == {
        "used_share": None,
        "inodes_used_share": None,
    }
