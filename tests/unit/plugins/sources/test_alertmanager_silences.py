"""The reader of silences against recorded answers; the real server is in tests/integration."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.model.alert import SilenceList
from agent.model.records import SilenceMatcher
from plugins.sources import alertmanager_silences as plugin
from plugins.sources.alertmanager_silences import Silences, follow, source_of
from tests.support.loopback import Answer, Loopback, Received, json, serving, status
from tests.support.source_kit import Emitted, collecting
from tests.support.waiting import eventually


def listed(name: str, state: str = "active", **fields: Any) -> dict[str, Any]:
    return {
        "id": name,
        "status": {"state": state},
        "updatedAt": "2026-03-01T10:00:00.123Z",
        "comment": "I am on it",
        "createdBy": "ann",
        "startsAt": "2026-03-01T10:00:00.123Z",
        "endsAt": "2026-03-01T11:00:00.123Z",
        "matchers": [{"name": "alertname", "value": "Hu.*", "isRegex": True, "isEqual": False}],
        **fields,
    }


class Told:
    """An Alertmanager whose answer a test changes."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.answer: Answer = json(list(entries))

    def __call__(self, received: Received) -> Any:
        return self.answer(received)


@asynccontextmanager
async def following(told: Told, **params: Any) -> AsyncIterator[tuple[Loopback, Emitted]]:
    async with serving(told) as server, collecting() as emitted:
        given = Silences(url=server.url, **params)
        object.__setattr__(given, "every_seconds", 0.01)  # below what may be configured
        task = asyncio.create_task(follow.run(emitted.kit, given))
        try:
            yield server, emitted
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def lists(emitted: Emitted) -> list[SilenceList]:
    return [s for s in emitted.signals if isinstance(s, SilenceList)]


async def rounds(server: Loopback, number: int = 3) -> None:
    server.received.clear()
    await eventually(lambda: len(server.received) > number, within=5, what="asked", every=0.005)


async def test_those_in_force_and_to_come_are_told_and_only_when_they_change() -> None:
    told = Told(listed("b"), listed("a", "pending"), listed("c", "expired"))
    async with following(told) as (server, emitted):
        await rounds(server)
        [first] = lists(emitted)
        assert [s.id for s in first.silences] == ["a", "b"]
        assert first.source == f"alertmanager:{server.url.removeprefix('http://')}"
        silence = first.silences[0]
        assert silence.matchers == (
            SilenceMatcher(name="alertname", value="Hu.*", is_regex=True, is_equal=False),
        )
        assert (silence.created_by, silence.ends_at - silence.starts_at) == ("ann", 3600)
        told.answer = json([])
        await eventually(lambda: len(lists(emitted)) == 2, within=5, what="the change")
        assert lists(emitted)[1].silences == ()


@pytest.mark.parametrize(
    "answer",
    [
        status(503),
        status(200, body=b"<html>login</html>"),
        status(200, body=b'[{"id":'),
        json({"status": "success"}),
        json([{"id": "x"}]),
    ],
)
async def test_no_list_is_not_an_empty_list(answer: Answer) -> None:
    told = Told(listed("a"))
    async with following(told) as (server, emitted):
        await rounds(server)
        told.answer = answer
        await rounds(server)
        assert len(lists(emitted)) == 1


async def test_what_was_not_stored_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with following(Told(listed("a"))) as (server, emitted):
        await rounds(server)
        emitted.batches.clear()
        emitted.failures = 2
        monkeypatch.setattr(plugin, "AGAIN_SECONDS", 0.0)
        await eventually(lambda: lists(emitted), within=5, what="told again")
        assert emitted.failures == 0


async def test_the_token_is_read_at_each_reading(tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with following(Told(), bearer_file=str(file)) as (server, _):
        await asyncio.sleep(0.05)
        assert server.received == [], "without its token nothing is asked"
        file.write_text("first\n")
        await rounds(server)
        assert server.received[-1].headers["Authorization"] == "Bearer first"
        file.write_text("second\n")
        await rounds(server)
        assert server.received[-1].headers["Authorization"] == "Bearer second"


def test_user_and_password_are_no_part_of_the_name() -> None:
    assert source_of("http://ann:secret@am:9093/x/") == "alertmanager:am:9093/x"
