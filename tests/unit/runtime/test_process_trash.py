"""Old files go into the trash whole, whatever is cut off, and come back as they were."""
# ruff: noqa: ASYNC240

from __future__ import annotations

import asyncio
import gzip
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.model.errors import Permanent
from agent.runtime import process_trash
from agent.runtime.process_trash import Steps, in_pieces
from tests.support.substrate import Substrate

OLD = 1_000_000_000


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


def write(path: Path, body: bytes, *, at: int = OLD) -> None:
    path.write_bytes(body)
    os.utime(path, (at, at))


async def trashed(house: Substrate, key: str = "k", **changes: Any) -> dict[str, Any]:
    wanted: dict[str, Any] = {"pattern": "app.log.*", "older_than_seconds": 3600.0, "most": 100}
    return dict(await house.processes.trash_files("web", "logs", key=key, **{**wanted, **changes}))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_old_files_go_and_come_back_as_they_were(house: Substrate, logs: Path) -> None:
    body = b"a line of a log\n" * 200_000
    write(logs / "app.log.1", body)
    (logs / "app.log.1").chmod(0o604)
    write(logs / "app.log.2", b"")
    (logs / "app.log.3").write_text("young")
    write(logs / "app.log", b"another name")
    result = await trashed(house)
    assert names(logs) == ["app.log", "app.log.3"]
    assert (result["moved"], result["bytes"], result["stopped"]) == (2, len(body), "")
    assert result["kept_bytes"] < len(body) / 50, "compressed, so that the disk is relieved"
    back = await house.processes.untrash_files("web", batch=result["batch"])
    assert (back["restored"], back["left"]) == (2, [])
    assert (logs / "app.log.1").read_bytes() == body
    seen = (logs / "app.log.1").stat()
    assert (seen.st_mode & 0o777, seen.st_mtime) == (0o604, OLD)
    assert names(logs) == ["app.log", "app.log.1", "app.log.2", "app.log.3"]
    again = await house.processes.untrash_files("web", batch=result["batch"])
    assert (again["restored"], again["left"]) == (0, [])


async def test_at_most_so_many_the_oldest_first(house: Substrate, logs: Path) -> None:
    for number in range(5):
        write(logs / f"app.log.{number}", b"x", at=OLD + number)
    assert (await trashed(house, most=2))["moved"] == 2
    assert names(logs) == ["app.log.2", "app.log.3", "app.log.4"]


async def test_with_the_same_key_it_goes_on_in_one_batch(house: Substrate, logs: Path) -> None:
    for number in range(3):
        write(logs / f"app.log.{number}", b"x", at=OLD + number)
    first = await trashed(house, most=1)
    second = await trashed(house, most=100)
    assert (first["batch"], first["moved"]) == (second["batch"], 1)
    assert second["moved"] == 3, "the result is that of the whole batch"
    other = await trashed(house, key="another")
    assert (other["moved"], other["batch"] == first["batch"]) == (0, False)


async def test_what_the_process_has_open_stays(house: Substrate, logs: Path) -> None:
    write(logs / "app.log.1", b"x")
    house.add(
        "web",
        "import time\nkept = open('logs/app.log.1')\nprint('ready')\ntime.sleep(600)\n",
        cwd=str(logs.parent),
    )
    await house.processes.start("web", key="s")
    await house.ready("web")
    assert (await trashed(house))["moved"] == 0
    assert names(logs) == ["app.log.1"]


async def test_a_link_is_never_followed(house: Substrate, logs: Path) -> None:
    outside = house.folder / "precious"
    write(outside, b"x")
    (logs / "app.log.1").symlink_to(outside)
    os.utime(logs / "app.log.1", (OLD, OLD), follow_symlinks=False)
    assert (await trashed(house))["moved"] == 0
    assert outside.read_bytes() == b"x"


def drive(steps: Steps[Any], *, pieces: int) -> None:
    """So many pieces, then it is cut off, as by a kill."""
    for _ in range(pieces):
        next(steps)
    steps.close()


@pytest.mark.parametrize("pieces", range(1, 9))
async def test_cut_off_anywhere_nothing_is_lost(
    house: Substrate, logs: Path, pieces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_trash, "PIECE_BYTES", 10)
    bodies = {f"app.log.{number}": os.urandom(25) for number in range(2)}
    for name, body in bodies.items():
        write(logs / name, body)
    wanted = process_trash.Wanted(
        root=logs.parent,
        folder="logs",
        pattern="app.log.*",
        modified_before=OLD + 10,
        most=100,
        in_use=frozenset(),
    )
    batch = house.processes._trash("web") / process_trash.batch_of("k")
    drive(process_trash.trash(wanted, batch), pieces=pieces)
    for name, body in bodies.items():
        inside = [gzip.decompress(path.read_bytes()) for path in batch.glob("*.gz")]
        there = logs / name
        assert body in inside or there.read_bytes() == body
    assert (await trashed(house))["moved"] == 2
    await house.processes.untrash_files("web", batch=batch.name)
    assert {name: (logs / name).read_bytes() for name in bodies} == bodies


async def test_between_the_list_and_the_removal_the_next_try_removes(
    house: Substrate, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(logs / "app.log.1", b"x")
    monkeypatch.setattr(process_trash, "_take_out", lambda *_: None)
    await trashed(house)
    assert names(logs) == ["app.log.1"]
    monkeypatch.undo()
    assert (await trashed(house))["moved"] == 1
    assert names(logs) == []


async def test_a_new_file_under_the_old_name_is_not_removed(
    house: Substrate, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(logs / "app.log.1", b"x")
    monkeypatch.setattr(process_trash, "_take_out", lambda *_: None)
    await trashed(house)
    monkeypatch.undo()
    (logs / "app.log.1").unlink()
    (logs / "app.log.1").write_text("rotated meanwhile")
    await trashed(house)
    assert (logs / "app.log.1").read_text() == "rotated meanwhile"


async def test_a_file_that_is_written_to_meanwhile_stays(
    house: Substrate, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(logs / "app.log.1", b"x")
    compress = process_trash._compress

    def and_somebody_writes(source: Any, part: Path) -> Steps[str]:
        digest = yield from compress(source, part)
        (logs / "app.log.1").write_text("xy")
        return digest

    monkeypatch.setattr(process_trash, "_compress", and_somebody_writes)
    assert (await trashed(house))["moved"] == 0
    assert (logs / "app.log.1").read_text() == "xy"
    assert not list(house.folder.rglob("*.part"))


async def test_a_name_that_is_taken_meanwhile_is_left_in_the_trash(
    house: Substrate, logs: Path
) -> None:
    write(logs / "app.log.1", b"old")
    result = await trashed(house)
    (logs / "app.log.1").write_text("new")
    back = await house.processes.untrash_files("web", batch=result["batch"])
    assert (back["restored"], back["left"], back["left_count"]) == (0, ["app.log.1"], 1)
    assert (logs / "app.log.1").read_text() == "new"
    assert gzip.decompress(next(Path(result["trash"]).glob("*.gz")).read_bytes()) == b"old"


async def test_a_damaged_batch_is_said_and_nothing_false_is_put_back(
    house: Substrate, logs: Path
) -> None:
    write(logs / "app.log.1", b"old")
    result = await trashed(house)
    kept = next(Path(result["trash"]).glob("*.gz"))
    kept.write_bytes(gzip.compress(b"false"))
    with pytest.raises(Permanent, match="damaged"):
        await house.processes.untrash_files("web", batch=result["batch"])
    kept.write_bytes(b"nothing of gzip")
    with pytest.raises(Permanent, match="damaged"):
        await house.processes.untrash_files("web", batch=result["batch"])
    assert names(logs) == []


@pytest.mark.parametrize("batch", ["0" * 16, "../../etc", ""])
async def test_a_batch_that_is_not_there_is_refused(house: Substrate, batch: str) -> None:
    with pytest.raises(Permanent, match="batch"):
        await house.processes.untrash_files("web", batch=batch)


async def test_a_full_disk_stops_it_and_what_moved_is_told(
    house: Substrate, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        write(logs / f"app.log.{number}", b"x", at=OLD + number)
    compress = process_trash._compress

    def until_it_is_full(source: Any, part: Path) -> Steps[str]:
        if list(part.parents[1].rglob("*.gz")):
            raise OSError(28, "No space left on device")
        return compress(source, part)

    monkeypatch.setattr(process_trash, "_compress", until_it_is_full)
    result = await trashed(house)
    assert (result["moved"], result["stopped"]) == (1, "No space left on device")
    assert names(logs) == ["app.log.1"]
    with pytest.raises(Permanent, match="No space left"):
        await trashed(house, key="another")


async def test_stopped_by_its_deadline_it_ends_the_piece_under_way() -> None:
    begun, free, ended = threading.Event(), threading.Event(), []

    def steps() -> Steps[None]:
        try:
            begun.set()
            free.wait(5)
            ended.append("piece")
            yield
        finally:
            ended.append("closed")

    driving = asyncio.create_task(in_pieces(steps()))
    await asyncio.to_thread(begun.wait, 5)
    driving.cancel()
    await asyncio.sleep(0)
    assert not driving.done(), "the piece is waited for"
    free.set()
    with pytest.raises(asyncio.CancelledError):
        await driving
    assert ended == ["piece", "closed"]
