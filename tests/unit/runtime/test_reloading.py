"""Files change under a running daemon: the last good version of each of them stays in use."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.settings import load_settings
from agent.core.advance import advance
from agent.model.decision import Decision
from agent.model.event import RunbooksRead
from agent.runtime import lane as lane_file
from agent.runtime.daemon import Daemon
from agent.store.memory import MemoryStore
from tests.support.ics import calendar, event, ics_file, seconds
from tests.support.kits import RealClock
from tests.support.waiting import eventually

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: {name}, owner: platform, layer: product, tier: low}}
about: {{meaning: "{meaning}"}}
match: {{alert: {alert}}}
plans:
  restart: {{steps: [{{id: restart, use: process.restart}}], verify: alert_cleared}}
"""


def write(folder: Path, name: str, *, meaning: str = "first", alert: str = "") -> Path:
    """A runbook's file, as if it had been written a while ago."""
    file = folder / "runbooks" / f"{name}.yaml"
    file.write_text(RUNBOOK.format(name=name, meaning=meaning, alert=alert or f"Alert-{name}"))
    os.utime(file, (1_000_000_000, 1_000_000_000 + len(meaning)))
    return file


def spoil(file: Path, text: str | bytes) -> None:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(file, (1_000_000_000, 1_000_000_100))


@asynccontextmanager
async def started(folder: Path, more: str = "") -> AsyncIterator[Daemon]:
    (folder / "runbooks").mkdir(exist_ok=True)
    settings = folder / "homeostat.yaml"
    settings.write_text(f"runbooks: [runbooks]\nshipped_runbooks: false\n{more}")
    os.utime(settings, (1_000_000_000, 1_000_000_000))
    for name in ("a", "b"):
        write(folder, name)
    made = Daemon(load_settings(settings, {}), store=MemoryStore(), clock=RealClock())
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def meanings(made: Daemon) -> dict[str, str]:
    return {r.name: r.meaning for r in made.reading.runbooks.runbooks}


async def test_of_a_bad_file_the_last_good_version_stays_and_the_others_are_taken(
    tmp_path: Path,
) -> None:
    # F-RB-01
    async with started(tmp_path) as made:
        bad = write(tmp_path, "a", meaning="second")
        spoil(bad, bad.read_text().replace("match:", "\tmatch:"))
        write(tmp_path, "b", meaning="second")
        write(tmp_path, "c", meaning="new")
        faults = await made.reload()
        assert [(Path(f.file).name, f.line) for f in faults] == [("a.yaml", 5)]
        assert meanings(made) == {"a": "first", "b": "second", "c": "new"}
        assert made.view.runbooks.candidates({"alertname": "Alert-a"})
        assert made.files.refused == {str(bad)}
        write(tmp_path, "a", meaning="third")
        assert await made.reload() == ()
        assert meanings(made)["a"] == "third"
        assert made.files.refused == frozenset()


async def test_every_kind_of_unreadable_file_leaves_its_last_good_version(tmp_path: Path) -> None:
    # F-RB-01
    async with started(tmp_path) as made:
        good = (tmp_path / "runbooks" / "a.yaml").read_text()
        for wrong in (
            b"\x00\x01\x02",
            good.encode("utf-16"),
            b"a: [" * 5_000,
            good.encode() + b"\n#" + b"x" * (2 << 20),
            b"\xff\xfe" + good.encode(),
            b"metadata: {name: a, name: a}",
        ):
            spoil(tmp_path / "runbooks" / "a.yaml", wrong)
            assert await made.reload() != (), wrong[:20]
            assert meanings(made) == {"a": "first", "b": "first"}, wrong[:20]


async def test_of_two_files_that_tie_the_one_that_changed_stays_as_it_was(tmp_path: Path) -> None:
    # F-RB-04: one team's new file does not hold up everybody else's changes
    async with started(tmp_path) as made:
        changed = write(tmp_path, "a", meaning="second", alert="Alert-b")
        fresh = write(tmp_path, "aa", meaning="new", alert="Alert-b")
        write(tmp_path, "c", meaning="new")
        assert {f.code for f in await made.reload()} == {"HS210"}
        assert meanings(made) == {"a": "first", "b": "first", "c": "new"}
        assert made.files.refused == {str(changed), str(fresh)}


async def test_a_new_file_cannot_take_the_name_of_an_old_one(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        taken = (tmp_path / "runbooks" / "b.yaml").read_text().replace("first", "taken")
        fresh = tmp_path / "runbooks" / "0.yaml"
        spoil(fresh, taken)
        write(tmp_path, "a", meaning="second")
        assert {f.code for f in await made.reload()} == {"HS211"}
        assert meanings(made) == {"a": "second", "b": "first"}
        assert made.files.refused == {str(fresh)}


async def test_a_bad_file_is_counted_from_the_start(tmp_path: Path) -> None:
    (tmp_path / "runbooks").mkdir()
    bad = write(tmp_path, "c")
    spoil(bad, "kind: [")
    async with started(tmp_path) as made:
        assert made.files.refused == {str(bad)}
        assert meanings(made) == {"a": "first", "b": "first"}


async def test_a_name_that_moves_into_another_file_while_its_own_is_bad_changes_nothing(
    tmp_path: Path,
) -> None:
    async with started(tmp_path) as made:
        moved = (tmp_path / "runbooks" / "a.yaml").read_text().replace("first", "moved")
        spoil(tmp_path / "runbooks" / "z.yaml", moved)
        spoil(tmp_path / "runbooks" / "a.yaml", "kind: [")
        assert await made.reload() != ()
        assert meanings(made) == {"a": "first", "b": "first"}


async def test_a_folder_that_is_gone_for_a_moment_changes_nothing(tmp_path: Path) -> None:
    """As where it is mounted anew: a general runbook must not act in the absence of the one that
    says hands off."""
    async with started(tmp_path) as made:
        folder = tmp_path / "runbooks"
        folder.rename(tmp_path / "away")
        assert [f.code for f in await made.reload()] == ["HS214"]
        assert meanings(made) == {"a": "first", "b": "first"}
        (tmp_path / "away").rename(folder)
        assert await made.reload() == ()


async def test_what_is_kept_must_not_tie_with_what_is_new(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        spoil(tmp_path / "runbooks" / "a.yaml", "kind: [")
        write(tmp_path, "b", meaning="second", alert="Alert-a")
        assert await made.reload() != ()
        assert meanings(made) == {"a": "first", "b": "first"}


async def test_a_file_that_is_gone_takes_its_runbook_away(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        (tmp_path / "runbooks" / "a.yaml").unlink()
        assert await made.reload() == ()
        assert meanings(made) == {"b": "first"}


async def test_a_file_still_being_written_is_waited_for(tmp_path: Path) -> None:
    # F-RB-07: a writer that stops in the middle, and a reload that is asked for just then
    async with started(tmp_path) as made:
        file = tmp_path / "runbooks" / "a.yaml"
        whole = file.read_text().replace("first", "second")
        file.write_text(whole[: len(whole) // 2])
        made.request_reload()
        await RealClock().sleep(0.3)
        file.write_text(whole)
        await eventually(
            lambda: meanings(made)["a"] == "second", within=5, what="the whole file is read"
        )
        assert made.files.refused == frozenset()


async def test_changed_files_are_read_without_being_asked_to(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        write(tmp_path, "a", meaning="by itself")
        await eventually(
            lambda: meanings(made)["a"] == "by itself", within=8, what="the change is seen"
        )


async def test_a_changed_calendar_is_read_without_being_asked_to(tmp_path: Path) -> None:
    began = event("DTSTART:20260601T080000Z", "DTEND:20260601T100000Z")
    later = event("DTSTART:20270601T080000Z", "DTEND:20270601T100000Z")
    file = ics_file(tmp_path, calendar(began), "cal/freeze.ics")
    policy = "policy: {freezes: [{name: f, ics: cal/freeze.ics, zone: UTC}]}\n"
    async with started(tmp_path, policy) as made:
        made.files.settings_again = lambda: load_settings(tmp_path / "homeostat.yaml", {})
        at = seconds("2027-06-01T09:00", "UTC")
        assert not made.view.policy.freezes[0].period.is_open(at)
        spoil(file, "BEGIN:VCALENDAR\n")
        await eventually(lambda: made.files.refused, within=8, what="the broken file is told")
        assert not made.view.policy.freezes[0].period.is_open(at)
        ics_file(tmp_path, calendar(later), "cal/freeze.ics")
        await eventually(
            lambda: made.view.policy.freezes[0].period.is_open(at), within=8, what="it is read"
        )
        assert made.files.refused == frozenset()


async def test_whoever_relies_on_runbooks_is_told_when_they_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    decide = advance

    def listening(incident: Any, event: Any, view: Any) -> Decision:
        if isinstance(event, RunbooksRead):
            told.append(event.at)
        return decide(incident, event, view)

    monkeypatch.setattr(lane_file, "advance", listening)
    async with started(tmp_path) as made:
        assert len(told) == 1, "at start"
        await made.reload()
        told.clear()
        await made.reload()
        assert told == [], "nothing changed"
        write(tmp_path, "a", meaning="second")
        await made.reload()
        assert len(told) == 1


async def test_who_may_approve_is_known_to_decisions_and_read_anew(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        assert made.view.approvers is None, "people are not told apart"
    tokens = tmp_path / "tokens.yaml"

    def people(*names: str) -> None:
        rows = [{"name": n, "roles": ["approver"], "token": n * 20} for n in names]
        tokens.write_text(json.dumps({"principals": rows}))
        tokens.chmod(0o600)
        os.utime(tokens, (1_000_000_000, 1_000_000_000 + len(names)))

    people("ann")
    async with started(tmp_path, "tokens_file: tokens.yaml\n") as made:
        assert made.view.approvers == {"": frozenset({"ann"})}
        people("ann", "bob")
        assert await made.reload() == ()
        assert made.view.approvers == {"": frozenset({"ann", "bob"})}
