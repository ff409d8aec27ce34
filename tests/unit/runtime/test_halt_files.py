"""The kill switch as files: what says on, what says off, and that in doubt it is on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.catalog.settings import load_settings
from agent.core.halting import Says
from agent.model.errors import StoreUnavailable
from agent.model.event import HaltAsked
from agent.model.records import Halt
from agent.runtime.halt_files import LOOK_SECONDS, NAME, HaltFiles, places
from tests.support.clock import TestClock, settle
from tests.support.deciding import make_view


def says(data_dir: Path, *others: Path) -> list[str]:
    return [place.says.value for place in places(data_dir, others)]


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_no_file_in_the_data_folder_is_off(tmp_path: Path) -> None:
    assert says(tmp_path) == ["off"]


@pytest.mark.parametrize("text", ["", "drill", "off", b"\xff\x00"])
def test_the_file_halts_by_being_there_and_its_text_is_the_reason(
    tmp_path: Path, text: str | bytes
) -> None:
    written(tmp_path / NAME, text)
    [place] = places(tmp_path, ())
    assert place.says is Says.ON
    assert place.why == ("drill" if text == "drill" else place.why)
    assert place.why


def test_whatever_stands_there_is_a_file_that_is_there(tmp_path: Path) -> None:
    """F-GRD-07"""
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to(tmp_path / "nowhere")):
        folder = tmp_path / getattr(make, "__name__", "x")
        folder.mkdir()
        make(folder / NAME)
        assert says(folder) == ["on"]


def test_a_data_folder_that_is_gone_or_no_folder_took_the_switch_along(tmp_path: Path) -> None:
    """F-GRD-07"""
    assert says(tmp_path / "gone") == ["unreadable"]
    assert says(written(tmp_path / "file", "")) == ["unreadable"]
    assert says(tmp_path / ("x" * 300)) == ["unreadable"]


@pytest.mark.parametrize("text", ["off", " Off\n", "run\n", "RUN"])
def test_a_further_file_is_off_by_saying_so(tmp_path: Path, text: str) -> None:
    assert says(tmp_path, written(tmp_path / "switch", text)) == ["off", "off"]


@pytest.mark.parametrize("text", ["", "on", "offf", "o f f", "\ufeffoff", "no", b"\xff"])
def test_a_further_file_that_says_anything_else_is_on(tmp_path: Path, text: str | bytes) -> None:
    """F-GRD-07"""
    assert says(tmp_path, written(tmp_path / "switch", text)) == ["off", "on"]


def test_a_further_file_that_cannot_be_read_is_on(tmp_path: Path) -> None:
    """F-GRD-07"""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    files = [tmp_path / name for name in ("missing", "pipe", "folder", "a\0b")]
    assert says(tmp_path, *files) == ["off", *["unreadable"] * 4]
    locked = written(tmp_path / "locked", "off")
    locked.chmod(0)
    if not os.access(locked, os.R_OK):  # root reads everything
        assert says(tmp_path, locked)[1] == "unreadable"


def test_a_mounted_key_is_followed_as_it_changes(tmp_path: Path) -> None:
    """A ConfigMap is a link that is turned to another folder."""
    for name, text in (("1", "off"), ("2", "on")):
        (tmp_path / name).mkdir()
        written(tmp_path / name / "halt", text)
    link, key = tmp_path / "data", tmp_path / "key"
    link.symlink_to("1")
    key.symlink_to("data/halt")
    assert says(tmp_path, key)[1] == "off"
    link.unlink()
    link.symlink_to("2")
    assert says(tmp_path, key)[1] == "on"


class Watched:
    """The part of the daemon, over a view that keeps what it is told."""

    def __init__(self, folder: Path) -> None:
        settings = load_settings(None, {"HOMEOSTAT_DATA_DIR": str(folder)})
        self.view, self.clock = make_view(), TestClock()
        self.told: list[HaltAsked] = []
        self.failures = 0
        self.files = HaltFiles(settings, view=self.view, clock=self.clock, tell=self.tell)

    async def tell(self, event: HaltAsked) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("the disk is full")
        self.told.append(event)
        self.view.halt = Halt(at=event.at, who=event.who, why=event.why)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.files.run())
        try:
            yield
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_file_is_told_once_within_half_a_second_and_stays_told(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    async with watched.running():
        await watched.clock.pass_time(5)
        assert watched.told == []
        file = written(tmp_path / NAME, "drill")
        await watched.clock.pass_time(LOOK_SECONDS)
        await watched.clock.pass_time(5)
        [event] = watched.told
        assert (event.who, event.why) == (f"file:{file}", "drill")
        file.unlink()
        await watched.clock.pass_time(5)
        assert watched.view.halt is not None, "only a person lifts it"


async def test_while_it_cannot_be_kept_it_is_told_again_and_holds_meanwhile(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path)
    watched.failures = 3
    written(tmp_path / NAME, "drill")
    async with watched.running():
        await settle()
        assert watched.view.halt is None
        assert watched.files.look() is not None, "the look before an act says no all the same"
        await watched.clock.pass_time(5)
    assert len(watched.told) == 1
