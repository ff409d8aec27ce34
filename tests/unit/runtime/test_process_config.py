"""A configuration that was changed is shown, and put back once."""
# ruff: noqa: ASYNC240

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.errors import Permanent, UnknownEffect
from tests.support.substrate import (
    Substrate,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Substrate]:
    substrate = Substrate(tmp_path)
    yield substrate
    substrate.sweep()


@pytest.fixture
async def configured(house: Substrate) -> Path:
    config = house.folder / "web.conf"
    config.write_text("workers = 4\npassword = swordfish\n")
    config.chmod(0o640)
    house.add("web", config=str(config))
    await house.processes.start("web", key="k1")
    return config


async def test_a_changed_configuration_is_shown_and_put_back(
    house: Substrate, configured: Path
) -> None:
    assert (await house.processes.config_state("web"))["changed"] is False
    configured.write_text("workers = -1\npassword = hunter2\n")
    state = await house.processes.config_state("web")
    assert (state["known"], state["changed"]) == (True, True)
    assert state["changed_seconds_ago"] < 60
    assert "-workers = 4" in state["diff"]
    assert "+workers = -1" in state["diff"]
    assert "+password = ***" in state["diff"]
    result = await house.processes.restore_config("web", key="k2")
    assert configured.read_text() == "workers = 4\npassword = swordfish\n"
    assert configured.stat().st_mode & 0o777 == 0o640
    assert "hunter2" in Path(result["kept"]).read_text()
    assert await house.processes.done_with_key("web", "k2") is True


async def test_put_back_twice_with_one_key_does_nothing(house: Substrate, configured: Path) -> None:
    configured.write_text("poison")
    first = await house.processes.restore_config("web", key="k2")
    configured.write_text("written by a person afterwards")
    assert await house.processes.restore_config("web", key="k2") == first
    assert configured.read_text() == "written by a person afterwards"


async def test_a_configuration_that_is_gone_comes_back(house: Substrate, configured: Path) -> None:
    configured.unlink()
    assert (await house.processes.config_state("web"))["changed"] is True
    await house.processes.restore_config("web", key="k2")
    assert configured.read_text().startswith("workers = 4")


async def test_a_change_on_purpose_is_marked_good(house: Substrate, configured: Path) -> None:
    configured.write_text("workers = 8\n")
    await house.processes.mark_config_good("web")
    assert (await house.processes.config_state("web"))["changed"] is False
    await house.processes.restart("web", key="k2")
    configured.write_text("poison")
    await house.processes.restore_config("web", key="k3")
    assert configured.read_text() == "workers = 8\n"


@pytest.mark.parametrize(
    ("found", "done"),
    [("good", True), ("poison", False), ("third", None)],
)
async def test_a_restore_cut_off_is_known_by_the_hashes(
    house: Substrate, configured: Path, found: str, done: bool | None
) -> None:
    good = configured.read_text()
    configured.write_text("poison")
    await house.processes.restore_config("web", key="k2")
    path = house.state / "web.json"
    state = json.loads(path.read_bytes())
    row = state["completed"].pop()
    state["begun"] = {
        "key": "k2", "act": "restore_config", "at": row["at"],
        "replaced": row["result"]["replaced"], "restored": row["result"]["restored"],
    }  # fmt: skip
    path.write_text(json.dumps(state))
    configured.write_text(good if found == "good" else found)
    assert await house.processes.done_with_key("web", "k2") is done
    if done is None:
        for _ in range(2):
            with pytest.raises(UnknownEffect):
                await house.processes.restore_config("web", key="k2")
            assert await house.processes.done_with_key("web", "k2") is None
        assert configured.read_text() == "third"
    else:
        await house.processes.restore_config("web", key="k2")
        assert configured.read_text() == good


async def test_without_configuration_nothing_is_known(house: Substrate) -> None:
    house.add("web")
    assert (await house.processes.config_state("web"))["known"] is False
    with pytest.raises(Permanent, match="declares no config"):
        await house.processes.restore_config("web", key="k")


async def test_a_huge_difference_is_cut(house: Substrate, configured: Path) -> None:
    configured.write_text("\n".join(f"\x1b[31mline {n} {'x' * 500}" for n in range(2000)))
    diff = (await house.processes.config_state("web"))["diff"]
    assert len(diff) == 20
    assert diff[-1] == "... (more)"
    assert all(len(line) <= 220 and "\x1b" not in line for line in diff)


async def test_a_pipe_in_place_of_a_file_does_not_hold_the_loop(
    house: Substrate, configured: Path
) -> None:
    configured.unlink()
    os.mkfifo(configured)
    with pytest.raises(Permanent, match="no ordinary file"):
        await house.processes.config_state("web")
    with pytest.raises(Permanent, match="no ordinary file"):
        await house.processes.restore_config("web", key="k2")


async def test_secrets_stay_out_of_the_difference(house: Substrate, configured: Path) -> None:
    configured.write_text('db:\n  "api_key": "k-123"\n  DB_PASSWORD=p-123\nAuthToken: t-123\n')
    diff = "\n".join((await house.processes.config_state("web"))["diff"])
    assert "swordfish" not in diff
    assert "-123" not in diff
    assert "DB_PASSWORD=***" in diff
