"""Alertmanager API v2: the shapes, and amtool itself against a real server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest

from agent.interface.http import alertmanager_api as am
from agent.interface.http.replies import Refused
from agent.interface.times import rfc3339
from agent.model.alert import Alert, AlertStatus
from agent.model.errors import Unparseable
from agent.model.principal import LOCAL, Principal, Role
from agent.ports.plugin import PushSource
from tests.support.caller import calling
from tests.support.facade import NOW, FakeFacade, burning, everyone, running


async def test_alerts_have_the_shape_of_gettable_alerts() -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning(labels={"pod": "a"}, routed_to="team-shop"))
        (alert,) = (await caller.get("/api/v2/alerts")).json()
        (group,) = (await caller.get("/api/v2/alerts/groups")).json()
    assert alert["fingerprint"] == "f00d"
    assert alert["status"] == {"state": "active", "silencedBy": [], "inhibitedBy": []}
    assert alert["receivers"] == [{"name": "team-shop"}]
    assert alert["labels"] == {"alertname": "Slow", "product": "shop", "pod": "a"}
    assert alert.keys() == {
        "annotations", "endsAt", "fingerprint", "receivers", "startsAt", "status", "updatedAt",
        "generatorURL", "labels",
    }  # fmt: skip
    assert group["alerts"] == [alert]
    assert group["labels"] == alert["labels"]


async def test_what_another_alert_speaks_for_is_shown_as_inhibited_by_it() -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning(inhibited_by="am/beef"))
        (alert,) = (await caller.get("/api/v2/alerts")).json()
        assert (await caller.get("/api/v2/alerts?inhibited=false")).json() == []
    assert alert["status"] == {"state": "suppressed", "silencedBy": [], "inhibitedBy": ["beef"]}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('filter=alertname="Slow"', 1),
        ("filter=alertname=Slow", 1),
        ("filter=alertname!=Slow", 0),
        ("filter=alertname=~S.*w", 1),
        ("filter=alertname!~S.*", 0),
        ("filter=alertname=Slow&filter=product=pay", 0),
        ("active=false", 0),
        ("receiver=nobody", 0),
    ],
)
async def test_filters(query: str, found: int) -> None:
    facade = FakeFacade()
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning())
        assert len((await caller.get(f"/api/v2/alerts?{query}")).json()) == found


@pytest.mark.parametrize("text", ["", "x", "=v", "a=~(a+)+", "a=~("])
def test_a_filter_that_cannot_be_read_or_bounded_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        am.parse_filters([text])


def silence(**fields: Any) -> bytes:
    given = {
        "matchers": [{"name": "alertname", "value": "Slow", "isRegex": False}],
        "startsAt": rfc3339(NOW - 10),
        "endsAt": rfc3339(NOW + 600),
        "createdBy": "somebody",
        "comment": "works",
    }
    return json.dumps(given | fields).encode()


def test_the_author_of_a_silence_is_proven_and_its_id_is_its_content() -> None:
    one, _ = am.read_silence(silence(), who=LOCAL, now=NOW)
    again, _ = am.read_silence(silence(), who=LOCAL, now=NOW + 1)
    other, _ = am.read_silence(silence(comment="else"), who=LOCAL, now=NOW)
    assert one.created_by == "local"
    assert one.id == again.id != other.id


@pytest.mark.parametrize(
    "fields",
    [
        {"endsAt": rfc3339(NOW - 1)},
        {"endsAt": "tomorrow"},
        {"endsAt": "2099-01-01T00:00:00"},
        {"matchers": []},
        {"matchers": [{"name": "a", "value": ".*", "isRegex": True}]},
        {"matchers": [{"name": "a", "value": "(a+)+$", "isRegex": True}]},
        {"matchers": [{"name": "a", "value": "x", "isRegex": False, "isEqual": False}]},
        {"matchers": "x"},
    ],
)
def test_silences_that_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        am.read_silence(silence(**fields), who=LOCAL, now=NOW)
    assert refused.value.status == 400


def test_a_responder_of_one_product_may_silence_that_one_only() -> None:
    who = Principal(name="p", roles=frozenset({Role.RESPONDER}), products=frozenset({"pay"}))
    with pytest.raises(Refused) as refused:
        am.read_silence(silence(), who=who, now=NOW)
    assert refused.value.status == 403
    matchers = [{"name": "product", "value": "pay", "isRegex": False}]
    assert am.read_silence(silence(matchers=matchers), who=who, now=NOW)[0].created_by == "p"


async def test_a_refusal_is_one_string_as_amtool_reads_it() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url, token="responder-token") as caller:
        matchers = [{"name": "alertname", "value": "(((", "isRegex": True}]
        reply = await caller.post("/api/v2/silences", data=silence(matchers=matchers))
        assert reply.status == 400
        assert "no bounded regular expression" in str(reply.json())
        assert isinstance(reply.json(), str)
    async with running(facade) as (_, url), calling(url) as stranger:
        reply = await stranger.get("/api/v2/silences")
        assert (reply.status, isinstance(reply.json(), str)) == (401, True)
        assert "www-authenticate" in reply.headers


async def test_silences_live_and_end() -> None:
    facade = FakeFacade(principals=everyone())
    async with (
        running(facade) as (_, url),
        calling(url, token="responder-token") as caller,
        calling(url, token="viewer-token") as viewer,
    ):
        assert (await viewer.post("/api/v2/silences", data=silence())).status == 403
        made = (await caller.post("/api/v2/silences", data=silence())).json()["silenceID"]
        (found,) = (await viewer.get("/api/v2/silences")).json()
        assert (found["id"], found["status"]["state"]) == (made, "active")
        assert found["matchers"] == [
            {"name": "alertname", "value": "Slow", "isRegex": False, "isEqual": True}
        ]
        changed = await caller.post("/api/v2/silences", data=silence(id=made, comment="longer"))
        assert changed.json()["silenceID"] != made
        states = {
            s["id"]: s["status"]["state"] for s in (await viewer.get("/api/v2/silences")).json()
        }
        assert states == {made: "expired", changed.json()["silenceID"]: "active"}
        path = f"/api/v2/silence/{changed.json()['silenceID']}"
        assert (await viewer.request("DELETE", path)).status == 403
        assert (await caller.request("DELETE", path)).status == 200
        assert (await viewer.get(path)).json()["status"]["state"] == "expired"
        assert (await caller.request("DELETE", path)).status == 409
        assert (await viewer.get("/api/v2/silence/nope")).status == 404


def api_source(facade: FakeFacade) -> PushSource:
    """`POST /api/v2/alerts`, thin: the real one is a plugin and has tests of its own."""

    def decode(body: bytes) -> list[Alert]:
        try:
            found = msgspec.json.decode(body, type=list[dict[str, Any]])
        except msgspec.DecodeError as error:
            raise Unparseable(str(error)) from None
        return [
            Alert(
                source="am", fingerprint="1", status=AlertStatus.FIRING, labels=a["labels"],
                starts_at=NOW,
            )
            for a in found
        ]  # fmt: skip

    return PushSource(name="api", path="/api/v2/alerts", summary="", decode=decode)


async def amtool(url: str, *words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        "amtool", f"--alertmanager.url={url}", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode()


@pytest.mark.integration
async def test_amtool_works_unchanged(alertmanager: object) -> None:
    facade = FakeFacade()
    async with running(facade, api_source(facade)) as (_, url):
        await facade.add(burning())
        assert "Slow" in await amtool(url, "alert", "query")
        assert "Slow" not in await amtool(url, "alert", "query", "alertname=Other")
        await amtool(url, "alert", "add", "Made", "product=shop")
        assert facade.received[0].labels["alertname"] == "Made"  # type: ignore[union-attr]
        added = await amtool(url, "silence", "add", "alertname=Slow", "-c", "x", "-d", "1000000h")
        assert added.strip() in facade.view.silences
        assert "local" in await amtool(url, "silence", "query")
        await amtool(url, "silence", "expire", added.strip())
        assert facade.view.silences[added.strip()].ends_at == NOW
