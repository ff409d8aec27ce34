from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.catalog.change_windows import ChangeWindow, undeclared_windows
from agent.catalog.faults import FaultsError
from agent.catalog.policy import load_policy
from agent.catalog.runbooks import load_files
from agent.model.fault import Fault
from agent.model.policy import Policy
from tests.support.runbook_plugins import PLUGINS, WHOLE

OFFICE = '{days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00", zone: Europe/Berlin}'
NIGHT = '{days: [fri], from: "22:00", to: "04:00", zone: Europe/Berlin}'


Read = Callable[[str], Policy]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_policy(text: str) -> Policy:
        file = tmp_path / "policy.yaml"
        file.write_text(text)
        return load_policy(file)

    return read_policy


def window(read: Read, written: str) -> ChangeWindow:
    found = read(f"windows: {{w: {written}}}\n").windows["w"]
    assert isinstance(found, ChangeWindow)
    return found


def seconds(text: str, zone: str = "Europe/Berlin", fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-20T08:59:59", False),
        ("2026-11-20T09:00:00", True),
        ("2026-11-20T16:59:59", True),
        ("2026-11-20T17:00:00", False),
        ("2026-11-21T12:00:00", False),
        ("2026-07-20T09:00:00", True),
        ("2026-07-20T08:59:59", False),
    ],
)
def test_it_is_open_on_its_days_by_the_clock_on_the_wall(
    read: Read, at: str, is_open: bool
) -> None:
    assert window(read, OFFICE).is_open(seconds(at)) is is_open


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-20T21:59:00", False),
        ("2026-11-20T22:00:00", True),
        ("2026-11-21T03:59:00", True),
        ("2026-11-21T04:00:00", False),
        ("2026-11-21T22:30:00", False),
        ("2026-11-20T03:00:00", False),
    ],
)
def test_a_night_belongs_to_the_day_it_began_on(read: Read, at: str, is_open: bool) -> None:
    assert window(read, NIGHT).is_open(seconds(at)) is is_open


def test_the_night_the_clocks_change_is_an_hour_longer_or_shorter(read: Read) -> None:
    night = window(read, '{from: "02:00", to: "03:00", zone: Europe/Berlin}')
    back = seconds("2026-10-25T02:30:00")
    assert night.is_open(back)
    assert night.is_open(seconds("2026-10-25T02:30:00", fold=1))
    assert seconds("2026-10-25T02:30:00", fold=1) - back == 3600
    forward = seconds("2026-03-29T01:59:59")
    assert not night.is_open(forward)
    assert not night.is_open(forward + 1)


def test_without_days_it_opens_every_day_and_may_last_all_of_it(read: Read) -> None:
    always = window(read, '{from: "00:00", to: "24:00", zone: UTC}')
    assert all(always.is_open(seconds(f"2026-11-{day}T{hour}:59:59", "UTC"))
               for day in range(16, 23) for hour in ("00", "23"))  # fmt: skip


def test_it_says_what_was_written(read: Read) -> None:
    assert window(read, OFFICE).text == "mon tue wed thu fri 09:00-17:00 Europe/Berlin"


def test_intervals_reach_the_policy(read: Read) -> None:
    policy = read("evaluation_interval: 30s\ngroup_interval: 1m\n")
    assert (policy.evaluation_interval_seconds, policy.group_interval_seconds) == (30.0, 60.0)
    assert read("{}\n").windows == {}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('{from: "09:00", to: "17:00"}', ("HS420", "w.zone", 'key "zone" is missing')),
        ('{from: "09:00", to: "17:00", zone: Mars/Olympus}', ("HS421", "w.zone", "unknown time")),
        ('{from: "09:00", to: "17:00", zone: ../../etc/passwd}', ("HS421", "w.zone", "unknown")),
        ('{from: "09:00", to: "17:00", zone: Europe}', ("HS421", "w.zone", "unknown time zone")),
        ('{from: "09:00", to: "09:00", zone: UTC}', ("HS422", "w", "closes when it opens")),
        ('{from: "9:00", to: "17:00", zone: UTC}', ("HS420", "w.from", "a time of day")),
        ('{from: "09:00", to: "25:00", zone: UTC}', ("HS420", "w.to", "a time of day")),
        ('{days: [], from: "09:00", to: "17:00", zone: UTC}', ("HS420", "w.days", "too short")),
        ('{days: [monday], from: "09:00", to: "17:00", zone: UTC}',
         ("HS420", "w.days[0]", "not a day of the week")),
        ("{from: 09:00, to: 17:00, zone: UTC}", ("HS112", "", "base 60")),
    ],
)  # fmt: skip
def test_a_window_that_cannot_be_meant_is_a_fault(
    read: Read, written: str, told: tuple[str, str, str]
) -> None:
    with pytest.raises(FaultsError) as caught:
        window(read, written)
    fault: Fault = caught.value.faults[0]
    code, path, message = told
    assert (fault.code, fault.path) == (code, f"windows.{path}" if path else "")
    assert message in fault.message


def test_a_runbook_that_names_no_declared_window_is_told(read: Read) -> None:
    found = load_files([("r.yaml", WHOLE)], PLUGINS)
    (fault,) = undeclared_windows(found.runbooks, Policy(), found.places)
    assert str(fault).startswith("r.yaml:3:18: HS225 guard.window: the policy declares no change")
    assert fault.remedy == "declare it: policy.windows"
    near = read(f"windows: {{business-save: {OFFICE}}}\n")
    (fault,) = undeclared_windows(found.runbooks, near, found.places)
    assert fault.remedy == 'did you mean "business-save"?'
    declared = read(f"windows: {{business-safe: {OFFICE}}}\n")
    assert undeclared_windows(found.runbooks, declared, found.places) == ()
