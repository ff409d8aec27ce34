"""Alerts as in test_families_healed.py, where there is nothing to heal: facts say otherwise and
nothing is touched, or the remedy is none and is taken back, and people are told what was found.

All under one daemon at once; each test then looks at one of the parts.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.breakable_certificate import certificate
from tests.support.breakable_company import Company, Part, company, group_of
from tests.support.servers import BREAKABLE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

WITHIN_SECONDS = 30
OLD = 1_000_000_000
SERVES = ["--port", "PORT"]
RELEASES = {"version": "v1", "versions": {"v1": {}, "v2": {}}}

PARTS = [
    Part("unlimited", ["memory", "--mib", "60"]),
    Part("modest", ["files"], before=["prlimit", "--nofile=256:256"]),
    Part("young", ["idle"], folders=["logs"]),
    Part("vault", ["tls", *SERVES, "--file", "tls/server.pem"], scheme="https", folders=["tls"]),
    Part(
        "tuned",
        [*SERVES, "--config", "app.json"],
        program=BREAKABLE,
        scheme="http",
        block={"config": "app.json"},
    ),
    Part("crasher", ["crash"], block={"env": {"VERSION": "v2"}}),
    Part("saver", ["backup", "--to", "backups"], folders=["backups"]),
    Part("till", SERVES, program=BREAKABLE, scheme="http", block={"env": {"BROKEN": "errors"}}),
    Part("well", SERVES, program=BREAKABLE, scheme="http"),
    Part("pair-one", ["idle"], system="pair"),
    Part("pair-two", ["idle"], system="pair"),
    Part("batch", ["cpu"], before=["chrt", "--batch", "0"]),
    Part("doomed", ["crash"], block={**RELEASES, "env": {"VERSION": "v2"}}),
    Part("needy", ["needy", "--to", "logs"], folders=["logs"]),
]
ALERTS = {
    "unlimited": "ProcessMemoryHigh",
    "modest": "ProcessOpenFilesHigh",
    "young": "ServiceDiskFull",
    "vault": "ServiceCertificateExpiring",
    "tuned": "ServiceConfigDrift",
    "crasher": "ServiceCrashLooping",
    "saver": "ServiceBackupTooOld",
    "till": "ServiceErrors",
    "well": "ServiceDown",
    "pair": "ServiceMemberMissing",
}
BATCH = ("batch", "ProcessCpuHigh")
TAKEN_BACK = {"doomed": "ServiceCrashLooping", "needy": "ServiceDiskFull"}
DECIDED, UNKNOWN = "decided_to_escalate", "facts_unknown"
EXPECTED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "unlimited": (UNKNOWN, "used", {"alive": True, "memory_share": None}),
    "modest": (DECIDED, "used", {"alive": True, "open_files_limit": 256}),
    "young": (DECIDED, "old", {"count": 3, "old": 0}),
    "vault": (DECIDED, "tls", {"same": True, "renewed": False}),
    "tuned": (DECIDED, "config", {"changed": True}),
    "crasher": (DECIDED, "launches", {"lately": 3, "lately_since_change": None}),
    "saver": (DECIDED, "status", {"alive": False, "exit_code": 0}),
    "till": (DECIDED, "status", {"changed_recently": False, "answers": False}),
    "well": (DECIDED, "status", {"alive": True, "answers": True}),
    "pair": (DECIDED, "group", {"running": [], "gone": ["pair-one", "pair-two"]}),
}
"""By part: why it is left to people, and what they are shown."""


async def begin(made: Company) -> None:
    certificate(made.here("vault") / "tls" / "server.pem", days=2)
    (made.here("tuned") / "app.json").write_text('{"bad": false}')
    for number in range(3):
        (made.here("young") / "logs" / f"app.log.{number}").write_bytes(b"x" * 1000)
        needed = made.here("needy") / "logs" / f"app.log.{number}"
        needed.write_bytes(b"x" * 1000)
        os.utime(needed, (OLD, OLD))
    for name in made.parts:
        await made.start(name)
    for name in ("unlimited", "batch"):
        await made.break_by_signal(name)
    (made.here("tuned") / "app.json").write_text('{"bad": false, "workers": 8}')
    await made.ended("saver")
    [made_last] = (made.here("saver") / "backups").iterdir()
    os.utime(made_last, (OLD, OLD))
    await made.ended("doomed")
    await made.processes.set_version("doomed", version="v2", key="b")
    for number in range(2):
        for name in ("crasher", "doomed"):
            await made.ended(name)
            await made.processes.start(name, key=f"again-{number}")
    for name in ("crasher", "doomed"):
        await made.ended(name)
    await made.processes.end_all(["pair-one", "pair-two"])


async def traces(made: Company) -> dict[str, Any]:
    """What would be otherwise if anything had been touched: every launch, and every file."""
    launches = {}
    for name in sorted({*made.parts} - {*TAKEN_BACK}):
        state = made.processes._files.load(name)
        assert state is not None
        launches[name] = (state.launches, state.running, state.version)
    files = {
        str(path): path.stat().st_mtime_ns
        for part in made.parts
        for path in made.here(part).rglob("*")
        if path.is_file()
    }
    return {**launches, **files}


async def played(folder: Path) -> dict[str, Any]:
    async with company(folder, PARTS, more=group_of("pair", "pair-one", "pair-two")) as made:
        await made.daemon.start()
        await begin(made)
        before = await traces(made)
        for name, alert in {**ALERTS, **TAKEN_BACK, **dict([BATCH])}.items():
            named = "pair-all" if name == "pair" else name
            assert await made.daemon.fire(alert, service=named, severity="warning") == 200
        await made.daemon.until(product="batch", state="verifying", within=WITHIN_SECONDS)
        assert await made.daemon.clear(BATCH[1], service="batch", severity="warning") == 200
        names = (*ALERTS, *TAKEN_BACK, "batch")
        incidents = {name: await made.over(name, within=WITHIN_SECONDS) for name in names}
        after = await traces(made)
        changed = sorted(key for key in {*before, *after} if before.get(key) != after.get(key))
        return {
            "incidents": incidents,
            "changed": changed,
            "pages": made.daemon.pages,
            "version": (await made.processes.status("doomed")).version,
        }


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return asyncio.run(played(tmp_path_factory.mktemp("families")))


@pytest.mark.parametrize("name", ALERTS)
def test_where_the_facts_say_otherwise_people_are_told_what_was_found(
    story: dict[str, Any], name: str
) -> None:
    incident, (reason, diagnostic, shown) = story["incidents"][name], EXPECTED[name]
    assert (incident["state"], incident["reason"]) == ("escalated", reason), incident
    assert incident["steps"] == []
    found = incident["findings"][diagnostic]
    assert {field: found[field] for field in shown} == shown
    assert {page["to"] for page in incident["pages"]} == {"team-shop"}


def test_nothing_was_touched_but_what_was_put_back(story: dict[str, Any]) -> None:
    assert story["changed"] == [], "and the files that were moved have their times again"


def test_batch_work_is_waited_for(story: dict[str, Any]) -> None:
    incident = story["incidents"]["batch"]
    assert (incident["outcome"], incident["steps"]) == ("settled", [])
    assert incident["findings"]["cpu"]["is_batch"] is True


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("doomed", ["process.rollback_version", "process.rollback_version"]),
        ("needy", ["files.trash", "files.restore"]),
    ],
)
def test_a_remedy_that_is_none_is_taken_back_and_that_is_proven(
    story: dict[str, Any], name: str, actions: list[str]
) -> None:
    incident = story["incidents"][name]
    assert [step["use"] for step in incident["steps"]] == actions
    assert (incident["state"], incident["verdict"]) == ("escalated", "failed")
    reasons = [entry["reason"] for entry in incident["timeline"]]
    assert "rollback_verified" in reasons, reasons
    assert story["version"] == "v2", "the release that crashes is back"


def test_everybody_was_told_once(story: dict[str, Any]) -> None:
    told = [page["incident"] for page in story["pages"]]
    routed = [i["id"] for name, i in story["incidents"].items() if name != "batch"]
    assert sorted(told) == sorted(routed)
