"""Acts on real processes, and looks at them, called as the runtime calls them."""
# ruff: noqa: ASYNC240

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agent.model.effect import Effect, Probed, Reversal, Verdict
from agent.model.errors import Permanent
from agent.model.product import Registry
from agent.ports.kit import ActKit, ReadKit
from agent.ports.plugin import Action
from agent.runtime.http_client import AiohttpHttp
from agent.runtime.kit import Kits
from plugins.actions.config_restore import RestoreConfig
from plugins.actions.config_restore import restore as restore_config
from plugins.actions.process_restart import Restart, restart
from plugins.actions.process_rollback_version import RollbackVersion, rollback_version
from plugins.actions.process_start import Start, start
from plugins.actions.process_stop import Stop, stop
from plugins.diagnostics.config_state import ConfigState, config_state
from plugins.diagnostics.process_recent_log import RecentLog, recent_log
from plugins.diagnostics.process_status import Status, StatusResult, status
from plugins.verifications.process_up import Up, UpResult, up
from tests.support.kits import RealClock
from tests.support.running import free_port
from tests.support.substrate import IDLE, PYTHON, WEB, Substrate, until

ACTIONS = (start, stop, restart, rollback_version, restore_config)


@dataclass
class House:
    substrate: Substrate
    kits: Kits

    def reading(self) -> ReadKit:
        return self.kits.read(deadline_seconds=10.0)

    def acting(self, key: str) -> ActKit:
        return self.kits.act(key=key, deadline_seconds=10.0)

    async def run(self, action: Action, key: str, **params: Any) -> dict[str, Any]:
        checked = action.params.model_validate({"target": "web", **params})
        return dict(await action.run(self.acting(key), checked))

    async def probe(self, action: Action, key: str, **params: Any) -> Probed:
        assert action.probe_function is not None
        checked = action.params.model_validate({"target": "web", **params})
        return await action.probe_function(self.reading(), checked, key)

    async def status(self, **params: Any) -> StatusResult:
        checked = Status.model_validate({"target": "web", **params})
        result = await status.run(self.reading(), checked)
        assert isinstance(result, StatusResult)
        return result

    async def verdict(self, **params: Any) -> Verdict:
        checked = Up.model_validate({"target": "web", **params})
        result = await up.run(self.reading(), checked)
        assert isinstance(result, UpResult)
        return result.verdict


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    http = AiohttpHttp(RealClock())
    substrate = Substrate(tmp_path, http)
    kits = Kits(
        clock=RealClock(),
        processes=substrate.processes,
        products=lambda: Registry(entities=dict(substrate.entities)),
    )
    yield House(substrate, kits)
    substrate.sweep()
    await kits.close()
    await http.close()


def test_what_the_actions_declare() -> None:
    assert {action.name: action.effect for action in ACTIONS} == {
        "process.start": Effect.IDEMPOTENT,
        "process.stop": Effect.IDEMPOTENT,
        "process.restart": Effect.PROBED,
        "process.rollback_version": Effect.PROBED,
        "config.restore": Effect.PROBED,
    }
    assert [a.name for a in ACTIONS if a.reversal is Reversal.NOTHING] == ["process.restart"]


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
async def test_a_target_that_is_not_registered_is_refused(house: House, action: Action) -> None:
    with pytest.raises(Permanent, match="registered"):
        await house.run(action, "k", target="$(reboot)")


def test_parameters_are_checked() -> None:
    with pytest.raises(ValidationError):
        Restart.model_validate({"target": "web", "grace_seconds": -1})
    for params in (Start, Stop, RollbackVersion, RestoreConfig, RecentLog, ConfigState):
        with pytest.raises(ValidationError):
            params.model_validate({"target": "web", "targte": "db"})


async def test_start_and_stop_name_each_other_as_the_way_back(house: House) -> None:
    house.substrate.add("web")
    started = await house.run(start, "k1")
    assert started["undo"] == {"use": "process.stop", "with": {"target": "web"}}
    stopped = await house.run(stop, "k2", grace_seconds=1)
    assert stopped["undo"] == {"use": "process.start", "with": {"target": "web"}}
    assert "undo" not in await house.run(stop, "k3")  # there was nothing to take away


async def test_a_hang_is_found_healed_and_proven(house: House) -> None:
    house.substrate.add("web")
    await house.run(start, "k1")
    await house.substrate.ready("web")
    seen = await house.status()
    assert seen.pid is not None
    os.kill(seen.pid, signal.SIGSTOP)
    seen = await until(house.status, lambda found: found.hung)
    assert (seen.alive, seen.answers) == (True, False)
    assert await house.verdict() is Verdict.FAILED
    assert await house.probe(restart, "k2") is Probed.NOT_HAPPENED
    result = await house.run(restart, "k2")
    assert await house.probe(restart, "k2") is Probed.HAPPENED
    assert "undo" not in result
    assert await house.verdict() is Verdict.HELD
    assert (await house.status()).restarts == 1
    assert await house.run(restart, "k2") == result
    assert (await house.status()).restarts == 1


async def test_a_bad_release_is_found_rolled_back_and_undone(house: House) -> None:
    port = free_port()
    program = str(house.substrate.folder / "web.py")
    house.substrate.add(
        "web", WEB, str(port), "200",
        version="v1",
        versions={"v2": {"command": [*PYTHON, program, str(port), "500"]}},
        health_url=f"http://127.0.0.1:{port}/",
    )  # fmt: skip
    await house.run(start, "k1")
    await until(house.verdict, lambda verdict: verdict is Verdict.HELD)
    seen = await house.status()
    assert (seen.changed_recently, seen.previous_version) == (False, "")
    await house.run(rollback_version, "k2", to="v2")
    seen = await until(house.status, lambda found: "500" in found.detail)
    assert (seen.alive, seen.hung, seen.answers) == (True, False, False)
    assert (seen.version, seen.previous_version, seen.changed_recently) == ("v2", "v1", True)
    assert (await house.status(recent_seconds=0.001)).changed_recently is False
    assert await house.verdict() is Verdict.FAILED
    back = await house.run(rollback_version, "k3")
    assert back["version"] == "v1"
    assert await house.probe(rollback_version, "k3") is Probed.HAPPENED
    assert back["undo"] == {
        "use": "process.rollback_version",
        "with": {"target": "web", "to": "v2"},
    }
    await until(house.verdict, lambda verdict: verdict is Verdict.HELD)
    assert (await house.status()).previous_version == ""
    assert "undo" not in await house.run(rollback_version, "k4", to="v1")  # it runs already


async def test_a_poisoned_configuration_is_found_and_put_back(house: House) -> None:
    config = house.substrate.folder / "web.conf"
    config.write_text("workers = 4\n")
    house.substrate.add("web", config=str(config))
    looking = ConfigState(target="web")
    before = await config_state.run(house.reading(), looking)
    assert before.model_dump(include={"known", "changed"}) == {"known": False, "changed": None}
    await house.run(start, "k1")
    config.write_text("workers = none\n")
    seen = await config_state.run(house.reading(), looking)
    assert seen.model_dump()["changed"] is True
    assert "+workers = none" in seen.model_dump()["diff"]
    result = await house.run(restore_config, "k2")
    assert await house.probe(restore_config, "k2") is Probed.HAPPENED
    assert Path(result["kept"]).read_text() == "workers = none\n"
    seen = await config_state.run(house.reading(), looking)
    assert seen.model_dump()["changed"] is False
    undo = result["undo"]["with"]
    assert result["undo"]["use"] == "config.restore"
    back = await house.run(restore_config, "k3", **undo)
    assert config.read_text() == "workers = none\n", "the way back is what was replaced"
    assert back["undo"]["with"]["to"] == result["restored"]
    assert "undo" not in await house.run(restore_config, "k4", **undo), "it is there already"


async def test_a_configuration_put_back_is_read_where_that_is_asked_for(house: House) -> None:
    config = house.substrate.folder / "web.conf"
    config.write_text("good")
    house.substrate.add("web", "print(open('web.conf').read())\n" + IDLE,
                        config="web.conf", cwd=str(house.substrate.folder))  # fmt: skip
    await house.run(start, "k1")
    await house.substrate.ready("web", "good")
    config.write_text("bad")
    result = await house.run(restore_config, "k2", restart=True)
    seen = await house.status()
    assert (seen.restarts, seen.pid) == (1, result["pid"])
    assert result["undo"]["with"]["restart"] is True, "and the way back reads it too"
    assert await house.probe(restore_config, "k2", restart=True) is Probed.HAPPENED
    config.write_text("worse")
    await house.run(restore_config, "k3")
    assert await house.probe(restore_config, "k3", restart=True) is Probed.NOT_HAPPENED
    await house.run(restore_config, "k3", restart=True)
    assert (await house.status()).restarts == 2
    await house.run(restore_config, "k4", **result["undo"]["with"])
    await house.substrate.ready("web", "bad")


async def test_a_configuration_that_is_not_kept_cannot_come_back(house: House) -> None:
    house.substrate.add("web", config="web.conf", cwd=str(house.substrate.folder))
    (house.substrate.folder / "web.conf").write_text("good")
    await house.run(start, "k1")
    with pytest.raises(Permanent, match="no copy 000000000000 of"):
        await house.run(restore_config, "k2", to="0" * 64)


async def test_a_probe_that_cannot_tell_says_so(house: House) -> None:
    house.substrate.add("web", "import signal, time\nsignal.signal(15, signal.SIG_IGN)\n" + IDLE)
    await house.run(start, "k1")
    await house.substrate.ready("web")
    descriptor = house.substrate.processes._files.try_lock("web")
    assert descriptor is not None
    try:
        state = house.substrate.processes._files.load("web")
        assert state is not None
        begun = house.substrate.processes._launching(state, "restart", "k2", "")
        house.substrate.processes._files.save("web", type(state)(running=begun.was, begun=begun))
        assert await house.probe(restart, "k2") is Probed.UNCLEAR
    finally:
        os.close(descriptor)


async def test_the_last_error_of_a_log(house: House) -> None:
    house.substrate.add("web", log="web.log", cwd=str(house.substrate.folder))
    (house.substrate.folder / "web.log").write_text(
        "listening\n0 errors so far\nValueError: bad\nretrying\nERROR: pool is empty\nbye\n"
    )
    found = await recent_log.run(house.reading(), RecentLog(target="web", lines=6))
    seen = found.model_dump()
    assert len(seen["lines"]) == 6
    assert (seen["errors"], seen["last_error"]) == (2, "ERROR: pool is empty")


async def test_what_cannot_be_looked_at_is_never_health(house: House) -> None:
    house.substrate.add_block("web", None)
    with pytest.raises(Permanent, match="no process block"):
        await house.status()
    assert await house.verdict() is Verdict.INCONCLUSIVE


async def test_down_fails_and_young_is_inconclusive(house: House) -> None:
    house.substrate.add("web", health_url=f"http://127.0.0.1:{free_port()}/", hung_after="1m")
    assert await house.verdict() is Verdict.FAILED
    assert (await house.status()).answers is False
    await house.run(start, "k1")
    assert await house.verdict() is Verdict.INCONCLUSIVE  # does not listen yet
    house.substrate.add("web")
    assert await house.verdict() is Verdict.HELD
    assert await house.verdict(for_seconds=60) is Verdict.INCONCLUSIVE
