"""Everything bad that can be sent to a running daemon, by every door: it gets its answer, the
process lives, the next alert is taken, and the ledger counts all of it. And the signals.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, catalog, component, daemon, group, member
from tests.support.oracle import PLUGINS, Oracle
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

Start = Callable[..., Awaitable[Any]]

WEBHOOK, API, EVENTS = "/webhook/alertmanager", "/api/v2/alerts", "/webhook/events"
DOORS = (WEBHOOK, API, EVENTS)
DEEP = "[" * 200 + "]" * 200
LARGE = 20 * 1024 * 1024

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: acts, owner: team-shop, layer: product, tier: low}}
match: {{alert: Broken}}
plans:
  act:
    steps: [{{id: act, use: oracle.again, with: {{file: {file}, before: {before}}}}}]
    verify: {{success: alert_cleared, within: 2m}}
"""


@asynccontextmanager
async def running(
    folder: Path, *, before: float = 0.0, **settings: Any
) -> AsyncIterator[tuple[Daemon, Oracle]]:
    oracle = Oracle(folder / "oracle.txt")
    async with daemon(
        folder,
        products=catalog([component("web"), component("api")]),
        runbooks={"acts": RUNBOOK.format(file=oracle.file, before=before)},
        plugins=PLUGINS,
        policy={"page_hold": "0s"},
        **settings,
    ) as made:
        await made.start()
        yield made, oracle


def told(door: str, labels: dict[str, Any]) -> Any:
    """A firing alert with these labels, as it is said at this door."""
    alert = {**member("", starts_at=Daemon.began), "labels": labels}
    if door == WEBHOOK:
        return group(alert)
    if door == API:
        return [{"labels": labels, "startsAt": alert["startsAt"]}]
    data = {"labels": labels, "startsAt": alert["startsAt"]}
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "test",
        "type": "homeostat.alert",
        "data": data,
    }


def unreadable(door: str) -> dict[str, bytes]:
    whole = json.dumps(told(door, {"alertname": "Fine"})).encode()
    wrong: dict[str, Any] = {
        WEBHOOK: {**group(), "version": "5"},
        API: {"version": "5"},
        EVENTS: {**told(EVENTS, {"alertname": "A"}), "specversion": "0.3"},
    }
    return {
        "empty": b"",
        "not JSON": b"<html>",
        "cut": whole[: len(whole) // 2],
        "not UTF-8": whole.replace(b"Fine", b"\xff\xfe"),
        "another shape": b'"a string"',
        "deep": DEEP.encode(),
        "very deep": (b"[" * 100_000),
        "NUL": whole + b"\x00",
        "wrong version": json.dumps(wrong[door]).encode(),
        "labels that are no strings": json.dumps(told(door, {"alertname": 7})).encode(),
        "labels nested": json.dumps(told(door, {"alertname": {"a": "b"}})).encode(),
        "not a number": whole.replace(b'"Fine"', b"NaN"),
    }


def readable(door: str) -> dict[str, Any]:
    """Odd, and taken: it is cleaned, bounded, and goes to people."""
    named = {"alertname": "Odd"}
    return {
        "control characters": told(door, {**named, "service": "a\x00b\x1b[31mred\r\n\u202eleft"}),
        "a lone surrogate": told(door, {**named, "service": "a\ud800"}),
        "a label of 1 MB": told(door, {**named, "text": "x" * 1_000_000}),
        "5,000 labels": told(door, {**named, **{f"label_{n}": "v" for n in range(5000)}}),
        "no alertname": told(door, {"service": "web"}),
        "an unknown product": told(door, {"alertname": "Broken", "product": "nobody"}),
        "a service that reads like code": told(
            door, {"alertname": "Broken", "service": "$(touch /tmp/x); {{ 7 * 7 }} ../../etc"}
        ),
    }


@pytest.mark.parametrize("door", DOORS)
async def test_what_cannot_be_read_is_refused_and_kept(door: str, tmp_path: Path) -> None:
    async with running(tmp_path / "d") as (made, _):
        cases = unreadable(door)
        answers = {name: await made.post(door, body) for name, body in cases.items()}
        assert set(answers.values()) == {400}, answers
        compressed = gzip.compress(b"{}")
        assert await made.post(door, compressed, headers={"content-encoding": "gzip"}) == 415
        ledger = await made.ledger()
        assert (ledger["quarantined"], ledger["received"]) == (len(cases), len(cases))
        assert ledger["balanced"] is True
        assert await made.fire("Fine", service="web") == 200
        assert len(await made.incidents()) == 1


@pytest.mark.parametrize("door", DOORS)
async def test_what_is_odd_goes_to_people_and_is_never_acted_on(door: str, tmp_path: Path) -> None:
    async with running(tmp_path / "d") as (made, oracle):
        cases = readable(door)
        answers = {n: await made.post(door, json.dumps(body)) for n, body in cases.items()}
        # A lone surrogate is no JSON text: whoever sends it cannot have meant anything by it.
        assert answers.pop("a lone surrogate") in (200, 400)
        assert set(answers.values()) == {200}, answers

        async def all_told() -> list[dict[str, Any]]:
            found = await made.incidents()
            return found if all(i["state"] == "escalated" for i in found) else []

        incidents = await eventually(all_told, within=10, what="all of them are told to people")
        assert oracle.begun().total() == 0
        for incident in incidents:
            assert incident["steps"] == []
            assert incident["routed_to"] == "platform" or incident["product"] == "web"
        [unknown] = [i for i in incidents if i["title"].startswith("Broken")]
        assert (unknown["product"], len(unknown["alerts"])) == (None, 2)
        ledger = await made.ledger()
        assert ledger["balanced"] is True
        assert ledger["open"] == 0
        # What was acknowledged is there after a crash, and what is shown is clean.
        await made.kill()
        await made.start()
        after = await made.incidents()
        assert {i["id"] for i in after} == {i["id"] for i in incidents}
        shown = json.dumps(after) + json.dumps(made.pages)
        assert "\\u0000" not in shown
        assert "\\u001b" not in shown
        assert len(shown) < 1_000_000
        assert await made.fire("Fine", service="api") == 200


async def test_what_is_too_large_is_refused_and_the_sources_are_asked(
    recorder: Start, tmp_path: Path
) -> None:
    """A storm arrives as one large group, and Alertmanager drops what is answered with 4xx."""
    asked = await recorder()
    source = {"use": "alertmanager.level", "with": {"url": asked.url}}
    async with running(tmp_path / "d", sources=[source], level_check="10m") as (made, _):
        await asked.wait_for(lambda r: r, within=5, what="the first level check")
        for door in DOORS:
            so_far = len(asked.requests)
            assert await made.post(door, b" " * LARGE) == 413
            await eventually(
                lambda n=so_far: len(asked.requests) > n,  # type: ignore[misc]
                within=5,
                what="the sources are asked at once",
            )
        ledger = await made.ledger()
        assert (ledger["received"], ledger["balanced"]) == (0, True)
        assert await made.fire("Fine", service="web") == 200


async def test_a_sender_that_never_ends_does_not_hold_up_the_others(tmp_path: Path) -> None:
    async with running(tmp_path / "d") as (made, _):
        head = b"POST /webhook/alertmanager HTTP/1.1\r\nhost: localhost\r\n"
        slow = [await asyncio.open_connection("127.0.0.1", made.port) for _ in range(20)]
        for _, writer in slow:
            writer.write(head + b"content-length: 100000\r\n\r\n{")
            await writer.drain()
        began = time.monotonic()
        assert await made.fire("Fine", service="web") == 200
        assert time.monotonic() - began < 2
        for _, writer in slow:
            writer.close()
        assert (await made.ask("/-/healthy"))[0] == 200


async def test_a_wrong_request_by_a_person_changes_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "d") as (made, _):
        assert await made.fire("Fine", service="web") == 200
        incident = await made.until(state="escalated")
        for path in ("i-nowhere", "i-%00", "%2e%2e", "x" * 5000):
            status, _ = await made.ask(f"/api/v1/incidents/{path}/ack", method="POST", body={})
            assert 400 <= status < 500, path
        run = f"/api/v1/incidents/{incident['id']}/run"
        for body in ({"use": "no.such"}, {"use": "oracle.again", "with": {"target": "nobody"}}, []):
            status, _ = await made.ask(run, method="POST", body=body)
            assert 400 <= status < 500, body
        assert (await made.incident_of(id=incident["id"]))["steps"] == []
        assert (await made.ledger())["balanced"] is True


# The signals, and who may not run.


async def test_sigterm_lets_the_act_under_way_end_and_starts_no_other(tmp_path: Path) -> None:
    async with running(tmp_path / "d", before=1.0) as (made, oracle):
        assert await made.fire("Broken", service="web") == 200
        await eventually(lambda: oracle.begun().total(), within=5, what="it acts")
        assert await made.terminate(within=35) == 0
        assert oracle.acts().total() == 1, "it was given its time"
        assert "stopped" in made.output
        await made.start()
        incident = await made.incident_of(product="web")
        assert [s["status"] for s in incident["steps"]] == ["done"]
        assert oracle.begun().total() == 1


async def test_sigterm_with_a_page_that_waits_for_its_next_try_ends_at_once(
    tmp_path: Path,
) -> None:
    nobody = [{"use": "webhook", "with": {"url": "http://127.0.0.1:9/"}}]
    async with running(tmp_path / "d", notify={"team-shop": nobody}) as (made, _):
        assert await made.fire("Fine", service="web") == 200
        await made.until(state="escalated")
        await asyncio.sleep(1)
        began = time.monotonic()
        assert await made.terminate(within=35) == 0
        assert time.monotonic() - began < 4


async def test_a_second_daemon_on_the_same_store_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path / "d") as (made, _):
        promoted = made.var / "promoted"
        promoted.mkdir()
        (promoted / "kept.txt").write_text("x")
        code, said = await made.run_to_its_end()
        assert code == 1
        assert f"another Homeostat (pid {made.pid}) runs on this store" in said
        assert "Traceback" not in said
        assert await made.fire("Fine", service="web") == 200


async def test_a_taken_port_is_said_clearly(tmp_path: Path) -> None:
    async with running(tmp_path / "d") as (made, _):
        made.configure(data_dir="other")
        code, said = await made.run_to_its_end()
        assert code == 1
        assert "Address already in use" in said
        assert "Traceback" not in said


async def test_sighup_with_a_bad_file_keeps_the_last_good_set(tmp_path: Path) -> None:
    async with running(tmp_path / "d") as (made, oracle):
        file = made.folder / "runbooks" / "acts.yaml"
        good = file.read_text()
        file.write_text(good.replace("match:", "\tmatch:"))
        os.kill(made.pid, signal.SIGHUP)
        await eventually(
            lambda: "last_good_stays" in made.output, within=5, what="its last good version stays"
        )
        assert "acts.yaml:" in made.output
        assert await made.fire("Broken", service="web") == 200
        await eventually(lambda: oracle.acts().total() == 1, within=5, what="the old one acts")
        file.write_text(good.replace("name: acts", "name: better"))
        os.kill(made.pid, signal.SIGHUP)

        async def is_read() -> bool:
            return [r["name"] for r in await made.get("/api/v1/runbooks")] == ["better"]

        await eventually(is_read, within=8, what="the next good set is read")


async def test_a_token_file_that_cannot_be_read_opens_no_door(tmp_path: Path) -> None:
    async with daemon(tmp_path / "d", tokens_file="tokens.yaml") as made:
        for text in (None, "tokens: [", "- 7\n"):
            if text is not None:
                (made.folder / "tokens.yaml").write_text(text)
            code, said = await made.run_to_its_end()
            assert code == 1
            assert "the token file cannot be used" in said
            assert "Traceback" not in said
