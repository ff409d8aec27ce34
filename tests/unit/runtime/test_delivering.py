"""An approved runbook as a file, and what is done where it cannot be written."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.catalog.draft import draft
from agent.catalog.learning_document import DeliverySettings
from agent.model.errors import StoreUnavailable
from agent.model.event import PromotionDelivered
from agent.model.learning import Delivered, Promotion, PromotionState
from agent.runtime.commands import CommandFailed, run
from agent.runtime.delivering import Delivering, deliver, is_due, message_of
from tests.support.clock import TestClock
from tests.support.learned_text import NAME, document, learned
from tests.support.waiting import eventually

AT = 1_750_000_000.0


def approved(name: str = NAME, **fields: Any) -> Promotion:
    made = learned(name, PromotionState.APPROVED, lifecycle="active")
    told = {"decided_at": AT, "decided_by": "carla", **fields}
    return msgspec.structs.replace(made, **told)


def to(folder: Path | None, promotion: Promotion | None = None) -> Delivered:
    settings = DeliverySettings(folder=folder)
    return deliver(promotion or approved(), settings, Path("/data"), AT + 1)


def test_without_a_folder_it_stays_in_the_data_folder() -> None:
    done = to(None)
    assert (done.path, done.branch, done.error) == (f"/data/promoted/{NAME}.yaml", "", "")


def test_outside_of_git_the_file_is_written_whole(tmp_path: Path) -> None:
    done = to(tmp_path)
    assert (done.error, done.path) == ("", str(tmp_path / f"{NAME}.yaml"))
    assert [p.name for p in tmp_path.iterdir()] == [f"{NAME}.yaml"]
    assert (tmp_path / f"{NAME}.yaml").read_text() == draft(document())


def test_a_file_that_agrees_is_left_alone(tmp_path: Path) -> None:
    to(tmp_path)
    os.utime(tmp_path / f"{NAME}.yaml", (1, 1))
    assert to(tmp_path).error == ""
    assert (tmp_path / f"{NAME}.yaml").stat().st_mtime == 1


@pytest.mark.parametrize("name", ["../evil", "a/b", "", "Big", "-x", ".hidden", "a\n"])
def test_only_a_name_of_a_runbook_becomes_a_file(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "runbooks"
    folder.mkdir()
    done = to(folder, approved(name))
    assert "no name of a runbook" in done.error
    assert list(tmp_path.rglob("*.yaml")) == []


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert "does not exist" in to(tmp_path / "nowhere").error
    (tmp_path / "file").write_text("x")
    assert "is no folder" in to(tmp_path / "file").error


def test_no_link_is_followed(tmp_path: Path) -> None:
    out, folder = tmp_path / "out", tmp_path / "runbooks"
    out.mkdir()
    folder.mkdir()
    (tmp_path / "link").symlink_to(out)
    assert "is a link" in to(tmp_path / "link").error
    (folder / f"{NAME}.yaml").symlink_to(out / "target.yaml")
    assert "no ordinary file" in to(folder).error
    (folder / f"{NAME}.yaml").unlink()
    (folder / f".{NAME}.yaml.new").symlink_to(out / "target.yaml")
    assert to(folder).error == ""
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    "there", [b"\xff\xfe caf\xe9", b"by: hand\n", b"lifecycle: 1\n", b"- a\n", b""], ids=repr
)
def test_what_somebody_else_wrote_is_left_as_it_is(tmp_path: Path, there: bytes) -> None:
    """Also what nobody can read: it must not end the daemon, which would not start again."""
    path = tmp_path / f"{NAME}.yaml"
    path.write_bytes(there)
    assert "was written or changed by somebody" in to(tmp_path).error
    assert path.read_bytes() == there


def test_a_later_approval_changes_what_was_written_unless_people_have(tmp_path: Path) -> None:
    path, now = tmp_path / f"{NAME}.yaml", {"state": "assisted", "review_by": "2099-12-31"}
    before = document(lifecycle={**document()["lifecycle"], **now})
    assert to(tmp_path, approved(document=before)).error == ""
    assert to(tmp_path).error == ""
    assert path.read_text() == draft(document())
    to(tmp_path, approved(document=before))
    path.write_text(path.read_text().replace('"5m"', '"9m"'))
    assert "changed by somebody" in to(tmp_path).error


def test_a_repository_without_files_is_no_folder_for_them(tmp_path: Path) -> None:
    for name in ("objects", "refs", "runbooks"):
        (tmp_path / name).mkdir()
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    for folder in (tmp_path, tmp_path / "runbooks"):
        assert "without files" in to(folder).error
    assert list(tmp_path.rglob("*.yaml")) == []


def test_what_is_no_repository_any_more_is_not_written_past_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git cannot be started" in to(tmp_path).error
    assert not (tmp_path / f"{NAME}.yaml").exists()


def test_the_message_is_lines_of_plain_text() -> None:
    """F-SEC-28"""
    said = message_of(approved(why="first\nSigned-off-by: Root\x1b[31m", alertname="Hung\nX"))
    assert "\nSigned-off-by" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("promotion", "due"),
    [
        (approved(), True),
        (learned(), False),
        (approved(lifecycle="retired"), False),
        (approved(delivered=Delivered(path="x", at=AT + 1)), False),
        (approved(delivered=Delivered(path="x", at=AT + 1, error="no")), True),
        (approved(delivered=Delivered(path="x", at=AT - 1)), True),
    ],
    ids=["approved", "trying", "another has its remedies", "done", "failed", "approved once more"],
)
def test_what_was_approved_is_due_until_it_is_written(promotion: Promotion, due: bool) -> None:
    assert is_due(promotion) is due


# a program of the machine


async def test_a_program_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    script = f"sleep 30 & echo $! > {tmp_path}/child; wait"
    with pytest.raises(CommandFailed, match="took longer than"):
        run(("/bin/sh", "-c", script), cwd=tmp_path, env={}, seconds=1.0)
    child = Path(f"/proc/{int((tmp_path / 'child').read_text())}/stat")

    def is_gone() -> bool:
        return not child.exists() or child.read_text().rpartition(") ")[2][0] in "ZX"

    assert await eventually(is_gone, within=10, what="the end of the child")


def test_a_program_is_ended_when_the_agent_stops(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(CommandFailed, match="the agent stops"):
        run(("/bin/sleep", "30"), cwd=tmp_path, env={}, seconds=30, stop=stop)


def test_a_program_that_does_not_stop_talking_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.runtime.commands.MOST_WRITTEN", 1_000_000)
    with pytest.raises(CommandFailed, match="said more than"):
        run(("/usr/bin/yes",), cwd=tmp_path, env={}, seconds=30)


# again and again


class Written:
    """Where deliveries are told, over a clock that stands until it is moved."""

    def __init__(self, folder: Path, *promotions: Promotion) -> None:
        self.promotions = {p.name: p for p in promotions}
        self.told: list[Delivered] = []
        self.clock = TestClock(AT + 1)
        self.is_down = False
        self.delivering = Delivering(
            promotions=self.promotions,
            settings=lambda: DeliverySettings(folder=folder),
            data_dir=folder / "var",
            submit=self.submit,
            clock=self.clock,
        )
        for promotion in promotions:
            self.delivering.note(promotion)

    async def submit(self, event: PromotionDelivered) -> None:
        if self.is_down:
            raise StoreUnavailable
        self.told.append(event.delivered)
        known = self.promotions[event.subject]
        changed = msgspec.structs.replace(known, delivered=event.delivered)
        self.promotions[event.subject] = changed
        self.delivering.note(changed)

    async def pass_by(self) -> float | None:
        return await asyncio.wait_for(self.delivering.pass_by(threading.Event()), 20)


async def test_what_was_written_is_told_once(tmp_path: Path) -> None:
    made = Written(tmp_path, approved())
    assert await made.pass_by() is None
    assert await made.pass_by() is None
    assert [d.error for d in made.told] == [""]


async def test_a_failure_is_told_once_and_tried_ever_more_rarely(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    made = Written(folder, approved())
    pauses = [await made.pass_by()]
    assert await made.pass_by() == pauses[0], "its time has not come"
    for _ in range(2):
        made.clock.at += pauses[-1] or 0.0
        pauses.append(await made.pass_by())
    assert pauses == [60.0, 120.0, 240.0]
    assert len(made.told) == 1
    folder.mkdir()
    made.clock.at += 240.0
    assert await made.pass_by() is None
    assert [bool(d.error) for d in made.told] == [True, False]


async def test_it_gives_up_until_somebody_approves_anew(tmp_path: Path) -> None:
    made = Written(tmp_path / "nowhere", approved())
    for _ in range(30):
        pause = await made.pass_by()
        if pause is None:
            break
        made.clock.at += pause
    assert pause is None
    again = approved(decided_at=made.clock.at)
    made.promotions[NAME] = again
    made.delivering.note(again)
    assert await made.pass_by() == 60.0


async def test_what_could_not_be_told_is_told_later(tmp_path: Path) -> None:
    made = Written(tmp_path, approved())
    made.is_down = True
    assert await made.pass_by() == 60.0
    made.is_down = False
    made.clock.at += 60.0
    assert await made.pass_by() is None
    assert [d.error for d in made.told] == [""]


@pytest.mark.parametrize(
    "fields", [{"state": PromotionState.REJECTED}, {"lifecycle": "retired"}], ids=str
)
async def test_what_is_over_goes_from_the_folder(tmp_path: Path, fields: dict[str, Any]) -> None:
    made = Written(tmp_path, approved())
    await made.pass_by()
    assert (tmp_path / f"{NAME}.yaml").is_file()
    over = msgspec.structs.replace(made.promotions[NAME], **fields)
    made.promotions[NAME] = over
    made.delivering.note(over)
    await made.pass_by()
    assert not (tmp_path / f"{NAME}.yaml").exists()


async def test_what_people_changed_since_is_theirs(tmp_path: Path) -> None:
    made = Written(tmp_path, approved())
    await made.pass_by()
    (tmp_path / f"{NAME}.yaml").write_text("changed: by hand\n")
    over = msgspec.structs.replace(made.promotions[NAME], state=PromotionState.REJECTED)
    made.promotions[NAME] = over
    made.delivering.note(over)
    await made.pass_by()
    assert (tmp_path / f"{NAME}.yaml").read_text() == "changed: by hand\n"
