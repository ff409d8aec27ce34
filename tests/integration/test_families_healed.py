"""Each family that needs no cluster, on a part that is really broken: the alert comes in, what is
wrong is found, the remedy is applied and proven by looking at the part, and nobody is paged.

All parts break at once, under one daemon; each test then looks at one of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.breakable_certificate import certificate
from tests.support.breakable_company import Company, Part, company, group_of
from tests.support.running import http_get
from tests.support.servers import BREAKABLE
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

WITHIN_SECONDS = 45
OLD = 1_000_000_000
SERVES = ["--port", "PORT"]
V2 = {"VERSION": "v2", "BROKEN": "errors"}
RELEASES = {"version": "v1", "versions": {"v1": {"env": {"VERSION": "v1"}}, "v2": {"env": V2}}}

PARTS = [
    Part("leaky", ["memory", "--mib", "60"], before=["prlimit", "--rss=50000000"]),
    Part("busy", ["cpu"]),
    Part("hoarder", ["files"], before=["prlimit", "--nofile=64:64"]),
    Part("chatty", ["idle"], folders=["logs"]),
    Part("consumer", ["queue", *SERVES], scheme="http"),
    Part("vault", ["tls", *SERVES, "--file", "tls/server.pem"], scheme="https", folders=["tls"]),
    Part(
        "picky",
        [*SERVES, "--config", "app.json"],
        program=BREAKABLE,
        scheme="http",
        block={"config": "app.json"},
    ),
    Part("crasher", ["crash"], block=RELEASES),
    Part("saver", ["backup", "--to", "backups"], folders=["backups"]),
    Part("till", SERVES, program=BREAKABLE, scheme="http", block=RELEASES),
    Part("stuck", SERVES, program=BREAKABLE, scheme="http", block={"hung_after": "500ms"}),
    Part("dead", SERVES, program=BREAKABLE, scheme="http"),
    Part("pair-one", ["idle"], system="pair"),
    Part("pair-two", ["idle"], system="pair"),
]
ALERTS = {
    "leaky": "ProcessMemoryHigh",
    "busy": "ProcessCpuHigh",
    "hoarder": "ProcessOpenFilesHigh",
    "chatty": "ServiceDiskFull",
    "consumer": "ServiceQueueGrowing",
    "vault": "ServiceCertificateExpiring",
    "picky": "ServiceConfigDrift",
    "crasher": "ServiceCrashLooping",
    "saver": "ServiceBackupTooOld",
    "till": "ServiceErrors",
    "stuck": "ServiceNotAnswering",
    "dead": "ServiceDown",
    "pair": "ServiceMemberMissing",
}
CLEARED_BY_ITS_SOURCE = ("till", "stuck")
"""Their proof also waits for the alert to end, as a prober ends it once they answer again."""


async def begin(made: Company) -> None:
    """Everything works."""
    certificate(made.here("vault") / "tls" / "server.pem", days=2)
    (made.here("picky") / "app.json").write_text('{"bad": false}')
    (made.here("saver") / "locked").touch()
    for name in made.parts:
        await made.start(name)


async def break_all(made: Company) -> None:
    for name in ("leaky", "busy", "hoarder", "consumer"):
        await made.break_by_signal(name)
    for number in range(5):
        path = made.here("chatty") / "logs" / f"app.log.{number}"
        path.write_bytes(b"a line of a log\n" * 10_000)
        if number:
            os.utime(path, (OLD, OLD))
    certificate(made.here("vault") / "tls" / "server.pem", days=90)
    (made.here("picky") / "app.json").write_text('{"bad": true}')
    await made.processes.restart("picky", key="b")
    for name in ("till", "crasher"):
        await made.processes.set_version(name, version="v2", key="b")
    for number in range(2):
        await made.ended("crasher")
        await made.processes.start("crasher", key=f"again-{number}")
    await made.ended("crasher")
    os.kill(await made.pid("stuck"), signal.SIGUSR1)
    for name in ("dead", "pair-two"):
        os.kill(await made.pid(name), signal.SIGKILL)
        await made.ended(name)
    await made.ended("saver")
    (made.here("saver") / "locked").unlink()
    await leaked(made)


async def leaked(made: Company) -> None:
    """What breaks slowly is broken."""

    async def all_is_lost() -> bool:
        memory = await made.processes.use("leaky")
        files = await made.processes.use("hoarder")
        assert memory is not None
        assert files is not None
        return memory.memory_bytes > 60_000_000 and (files.open_files or 0) >= 60

    await eventually(all_is_lost, within=10, what="memory and files are taken")


def about(name: str) -> dict[str, str]:
    return {"service": "pair-all" if name == "pair" else name, "severity": "warning"}


async def tell(made: Company) -> dict[str, dict[str, Any]]:
    """Every alert, and what came of it."""
    for name, alert in ALERTS.items():
        assert await made.daemon.fire(alert, **about(name)) == 200

    async def follow(name: str) -> dict[str, Any]:
        if name in CLEARED_BY_ITS_SOURCE:
            await eventually(
                lambda: answers(made, name), within=WITHIN_SECONDS, what=f"{name} answers"
            )
            assert await made.daemon.clear(ALERTS[name], **about(name)) == 200
        return await made.over(name, within=WITHIN_SECONDS)

    incidents = await asyncio.gather(*(follow(name) for name in ALERTS))
    return dict(zip(ALERTS, incidents, strict=True))


async def answers(made: Company, name: str) -> bool:
    status, _ = await http_get(f"http://127.0.0.1:{made.parts[name].port}/health")
    return status == 200


async def look(made: Company) -> dict[str, Any]:
    """The parts themselves, as they are in the end."""
    leaky, hoarder = await made.processes.use("leaky"), await made.processes.use("hoarder")
    busy = await made.processes.use("busy")
    assert leaky is not None
    assert hoarder is not None
    assert busy is not None
    await asyncio.sleep(1)
    later = await made.processes.use("busy")
    assert later is not None
    _, body = await http_get(f"http://127.0.0.1:{made.parts['consumer'].port}/")
    served = await made.processes.certificates("vault", file="tls/server.pem")
    versions = {n: await made.processes.status(n) for n in ("till", "crasher")}
    return {
        "leaky": leaky.memory_bytes < 40_000_000,
        "busy": later.cpu_seconds - busy.cpu_seconds < 0.5,
        "hoarder": (hoarder.open_files or 99) < 20,
        "chatty": sorted(path.name for path in (made.here("chatty") / "logs").iterdir()),
        "consumer": json.loads(body)["queue"]["taken"] > 0,
        "vault": served.served is not None and served.served == served.on_disk,
        "picky": (made.here("picky") / "app.json").read_text(),
        "crasher": (versions["crasher"].version, versions["crasher"].alive),
        "saver": [path.name for path in (made.here("saver") / "backups").iterdir()],
        "till": (versions["till"].version, await answers(made, "till")),
        "stuck": await answers(made, "stuck"),
        "dead": await answers(made, "dead"),
        "pair": (await made.processes.status("pair-two")).alive,
    }


EXPECTED: dict[str, tuple[list[str], Any]] = {
    "leaky": (["process.restart"], True),
    "busy": (["process.restart"], True),
    "hoarder": (["process.restart"], True),
    "chatty": (["files.trash"], ["app.log.0"]),
    "consumer": (["process.restart"], True),
    "vault": (["process.restart"], True),
    "picky": (["config.restore"], '{"bad": false}'),
    "crasher": (["process.rollback_version"], ("v1", True)),
    "saver": (["process.start"], ["backup-0"]),
    "till": (["process.rollback_version"], ("v1", True)),
    "stuck": (["process.restart"], True),
    "dead": (["process.start"], True),
    "pair": (["process.start"], True),
}
"""By part: what is done to it, and how it is found in the end."""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    async def played(folder: Path) -> dict[str, Any]:
        async with company(folder, PARTS, more=[*group_of("pair", "pair-one", "pair-two")]) as made:
            await made.daemon.start()
            await begin(made)
            await break_all(made)
            incidents = await tell(made)
            found = await look(made)
            return {"incidents": incidents, "found": found, "pages": made.daemon.pages}

    return asyncio.run(played(tmp_path_factory.mktemp("families")))


@pytest.mark.parametrize("name", ALERTS)
def test_a_really_broken_part_is_healed_and_nobody_is_paged(
    story: dict[str, Any], name: str
) -> None:
    incident, (actions, found) = story["incidents"][name], EXPECTED[name]
    assert (incident["outcome"], incident["verdict"]) == ("healed", "held"), incident
    assert [step["use"] for step in incident["steps"]] == actions
    assert all(step["status"] == "done" for step in incident["steps"])
    assert story["found"][name] == found, "by looking at the part itself"
    assert incident["pages"] == []


def test_nobody_at_all_was_paged(story: dict[str, Any]) -> None:
    assert story["pages"] == []
