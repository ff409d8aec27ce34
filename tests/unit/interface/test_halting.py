"""The kill switch as people meet it: API, command line, doctor and console."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent.core.halting import Place, Says
from agent.interface.cli.main import app
from agent.model.event import HaltAsked, HaltLifted
from agent.model.reason import Reason
from agent.model.records import Halt
from tests.support.caller import calling
from tests.support.facade import NOW, FakeAnswer, FakeFacade, everyone, running

HALT = Halt(at=NOW - 60, who="ann", why="drill <b>")
ON = Place(path="/x/HALT", says=Says.ON, why="by hand")
OFF = Place(path="/x/HALT", says=Says.OFF)
LOST = Place(path="/y/switch", says=Says.UNREADABLE, why="cannot be read: gone")


async def test_what_is_told_of_it() -> None:
    facade = FakeFacade(places=(OFF,))
    async with running(facade) as (_, url), calling(url) as caller:
        told = (await caller.get("/api/v1/halt")).json()
        assert (told["on"], told["who"], told["since"]) == (False, None, None)
        facade.view.halt = HALT
        told = (await caller.get("/api/v1/halt")).json()
        assert (told["on"], told["who"], told["why"]) == (True, "ann", "drill <b>")
        assert told["since"].startswith("20")
        facade.view.halt, facade.places = None, (OFF, LOST)
        told = (await caller.get("/api/v1/halt")).json()
        assert (told["on"], told["who"]) == (True, "file:/y/switch"), "before it is kept"
        assert [p["says"] for p in told["places"]] == ["off", "unreadable"]


async def test_it_is_set_by_a_proven_person() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url) as caller:
        told = await caller.post(
            "/api/v1/halt",
            json={"why": "drill"},
            headers={"authorization": "Bearer responder-token"},
        )
        assert told.status == 200
    assert facade.asked == [HaltAsked(at=NOW, who="the-responder", why="drill")]


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        ("sender", "halt", 403),
        ("viewer", "halt", 403),
        ("responder", "halt", 200),
        ("pay-responder", "halt", 200),
        ("platform", "halt", 200),
        ("responder", "unhalt", 403),
        ("approver", "unhalt", 403),
        ("platform", "unhalt", 200),
    ],
)
async def test_whoever_responds_may_set_it_and_only_the_platform_lifts_it(
    token: str, path: str, status: int
) -> None:
    """F-GRD-04"""
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url) as caller:
        told = await caller.post(
            f"/api/v1/{path}",
            json={"why": "mended"},
            headers={"authorization": f"Bearer {token}-token"},
        )
        assert told.status == status
    assert len(facade.asked) == (status == 200)


@pytest.mark.parametrize("place", [ON, LOST])
async def test_it_is_not_lifted_while_a_file_says_on_and_the_file_is_named(place: Place) -> None:
    """F-GRD-04, F-GRD-07"""
    facade = FakeFacade(places=(OFF, place))
    async with running(facade) as (_, url), calling(url) as caller:
        told = await caller.post("/api/v1/unhalt", json={"why": "mended"})
        assert told.status == 409
        assert place.path in told.json()["error"]
        assert told.json()["remedy"]
    assert facade.asked == []


async def test_it_is_lifted_with_a_reason_and_where_it_is_on() -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url), calling(url) as caller:
        assert (await caller.post("/api/v1/unhalt", json={"why": " "})).status == 400
        assert facade.asked == []
        assert (await caller.post("/api/v1/unhalt", json={"why": "mended"})).status == 200
        assert facade.asked == [HaltLifted(at=NOW, who="local", why="mended")]
        facade.answer = FakeAnswer(refused=Reason.MOVE_REFUSED, text="the kill switch is not on")
        assert (await caller.post("/api/v1/unhalt", json={"why": "mended"})).status == 409


async def test_the_console_says_it_on_every_page_and_keeps_saying_it_fresh() -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url), calling(url) as caller:
        assert "kill switch" not in (await caller.get("/")).text
        facade.view.halt = HALT
        for path in ("/", "/products", "/promotions", "/console/halt"):
            text = (await caller.get(path)).text
            assert "The kill switch is on." in text, path
            assert "drill &lt;b&gt;" in text, path
        assert 'hx-get="/console/halt"' in (await caller.get("/")).text


# The command line.


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HOMEOSTAT_CONFIG", "HOMEOSTAT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOMEOSTAT_URL", "http://127.0.0.1:1")
    (tmp_path / "homeostat.yaml").write_text("data_dir: data\n")


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


async def test_the_command_line_goes_through_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        told = await asyncio.to_thread(call, "halt", "drill")
        assert (told.exit_code, (tmp_path / "data").exists()) == (0, False)
        told = await asyncio.to_thread(call, "unhalt", "mended")
        assert told.exit_code == 0, told.output
        assert "is off" in told.output
    assert facade.asked == [
        HaltAsked(at=NOW, who="local", why="drill"),
        HaltLifted(at=NOW, who="local", why="mended"),
    ]


def test_where_no_daemon_answers_the_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    told = call("halt", "drill")
    assert told.exit_code == 0, told.output
    assert str(tmp_path / "data" / "HALT") in told.output
    assert (tmp_path / "data" / "HALT").read_text() == "drill\n"
    told = call("halt", "again", "--format", "json")
    assert told.exit_code == 0, told.output
    assert (tmp_path / "data" / "HALT").read_text() == "drill\n", "it stays as it was first set"


async def test_where_the_daemon_cannot_store_it_the_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk of the store is full, or gone: stopping must not depend on it."""
    (tmp_path / "data").mkdir()

    class Full(FakeFacade):
        async def ask(self, event: object) -> FakeAnswer:
            raise OSError("the disk is full")

    async with running(Full()) as (_, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        told = await asyncio.to_thread(call, "halt", "drill")
    assert told.exit_code == 0, told.output
    assert (tmp_path / "data" / "HALT").exists()


async def test_where_the_daemon_says_no_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    async with running(FakeFacade(principals=everyone())) as (_, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        told = await asyncio.to_thread(call, "halt", "drill")
    assert told.exit_code == 1
    assert not (tmp_path / "data" / "HALT").exists()


def test_where_not_even_the_file_can_be_written_that_is_said() -> None:
    told = call("halt", "drill")
    assert told.exit_code == 1
    assert "it is not halted" in told.output


def test_lifting_takes_the_daemon() -> None:
    assert call("unhalt", "mended").exit_code == 1
    assert call("unhalt").exit_code == 2, "a reason has to be given"


def switch() -> dict[str, str]:
    found = json.loads(call("doctor", "--format", "json").output)
    [row] = [row for row in found if row["what"] == "kill switch"]
    return dict(row)


def test_the_doctor_shows_it(tmp_path: Path) -> None:
    assert switch()["grade"] == "good"
    (tmp_path / "data").mkdir()
    call("halt", "drill")
    row = switch()
    assert row["grade"] == "unwise"
    assert "drill" in row["found"]
    (tmp_path / "data" / "HALT").unlink()
    (tmp_path / "homeostat.yaml").write_text("data_dir: data\nhalt_files: [switch]\n")
    assert str(tmp_path / "switch") in switch()["found"]
