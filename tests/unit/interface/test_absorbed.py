"""The absorbed share over HTTP, on the command line and in the console."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from agent.core.matching import MatchIndex
from agent.interface.absorbed_drawing import draw
from agent.interface.cli.main import app
from agent.interface.http.absorbed_api import KEPT_SECONDS, AbsorbedReader
from agent.measure.absorbed import Counts, Week
from agent.model.decision import Decision, LedgerState
from agent.model.errors import StoreUnavailable
from agent.model.incident import AlertState, Ending, Incident, Page, State
from agent.model.learning import Resolution
from agent.model.past import WEEK_SECONDS, week_of, week_start
from agent.model.principal import LOCAL
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Match
from agent.ports.store import PastPage
from agent.store.memory import MemoryStore
from tests.support.caller import calling
from tests.support.cases import runbook
from tests.support.decisions import make_entry, make_incident
from tests.support.facade import NOW, FakeFacade, everyone, running

THIS_WEEK = week_start(week_of(NOW))
EVIL = "<img src=x onerror=alert(1)>"


def ended(name: str, outcome: Ending | None, **fields: Any) -> Incident:
    opened = fields.pop("opened_at", THIS_WEEK + 60)
    alert = AlertState(
        identity=name, name=fields.pop("alert", "Slow"), status="resolved",  # type: ignore[arg-type]
        labels={}, starts_at=opened,
    )  # fmt: skip
    told: dict[str, Any] = {
        "state": State.RESOLVED,
        "outcome": outcome,
        "opened_at": opened,
        "resolved_at": opened + 600,
        "alerts": {name: alert},
        **fields,
    }
    if outcome is Ending.ROUTED:
        page = Page(id=f"{name}/page/1/c", to="t", channel="c", at=opened, text="x")
        told = {"pages": (page,), "routed_to": "team-shop", **told}
    return make_incident(name, **told)


PAST = (
    ended("h1", Ending.HEALED),
    ended("h2", Ending.HEALED),
    ended("s1", Ending.SETTLED, opened_at=THIS_WEEK - 3 * WEEK_SECONDS + 5),
    ended("d1", Ending.ROUTED, findings={"status": {"alive": False}}, runbook="slow"),
    ended("r1", Ending.ROUTED, product="pay", alert=EVIL),
    ended("c1", None),
)


async def remember(facade: FakeFacade, *incidents: Incident) -> None:
    entries = tuple(
        make_entry(
            i.id, incident_id=i.id, product=None, at=i.opened_at, state=state_of(i),
            reason=Reason.HEALED,
        )
        for i in incidents
    )  # fmt: skip
    await facade.store.commit(
        [*(Decision(incident=i) for i in incidents), Decision(entries=entries)]
    )


def state_of(incident: Incident) -> LedgerState:
    if incident.outcome is None:
        return LedgerState.CLEARED
    is_told = incident.outcome is Ending.ROUTED
    return LedgerState.ROUTED if is_told else LedgerState.ABSORBED


async def asked(url: str, path: str, token: str = "viewer-token") -> Any:
    async with calling(url, token=token) as caller:
        reply = await caller.get(f"/api/v1/absorbed{path}")
        return reply.status, reply.json()


async def test_shares_by_week_and_product_over_http() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url):
        await remember(facade, *PAST)
        status, found = await asked(url, "?weeks=4")
        assert status == 200
        grades = {"healed": 2, "settled": 1, "diagnosed": 1, "routed": 1, "cleared": 1,
                  "suppressed": 0, "open": 0, "needed": 5, "share": 0.6}  # fmt: skip
        assert found["incidents"] == grades
        assert found["alerts"] == {**grades, "healed": 3, "settled": 0}
        assert [w["incidents"]["share"] for w in found["weeks"]] == [1.0, None, None, 0.5]
        assert [w["is_partial"] for w in found["weeks"]] == [True, False, False, True]
        assert [w["pages"] for w in found["weeks"]] == [0, 0, 0, 2]
        shares = {p["product"]: p["incidents"]["share"] for p in found["products"]}
        assert shares == {"shop": 0.75, "pay": 0.0}
        assert found["trend"]["direction"] == "too little to say"
        _, one = await asked(url, "?weeks=1&product=shop")
        assert one["incidents"] | {"share": None} == {**grades, "healed": 2, "settled": 0,
            "routed": 0, "needed": 3, "share": None}  # fmt: skip


async def test_each_sees_only_what_is_theirs() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url):
        await remember(facade, *PAST)
        await asked(url, "")  # by somebody who sees all: what was counted is shared, not shown
        _, found = await asked(url, "", token="pay-viewer-token")
        assert [p["product"] for p in found["products"]] == ["pay"]
        assert [f["alertname"] for f in found["families"]] == [EVIL]
        assert found["incidents"]["needed"] == 1
        status, _ = await asked(url, "?product=shop", token="pay-viewer-token")
        assert status == 404


@pytest.mark.parametrize("weeks", ["0", "105", "-1", "x", "", "²", "9" * 5000])
async def test_a_number_of_weeks_that_is_none_is_refused(weeks: str) -> None:
    async with running(FakeFacade(principals=everyone())) as (_, url):
        status, found = await asked(url, f"?weeks={weeks}")
        assert status == 400
        assert found["remedy"] == "from 1 to 104"


async def test_families_say_their_minutes_and_why_they_are_not_absorbed() -> None:
    facade = FakeFacade(principals=everyone())
    shadow = runbook("slow", lifecycle=Lifecycle.SHADOW, match=Match(alert=("Slow",)))
    facade.view.runbooks = MatchIndex([shadow])
    facade.view.resolutions = {
        "r1": Resolution(
            incident_id="r1", signature="s", recipe="", at=1.0, alertname=EVIL, layer="product",
            product="pay", entity=None, labels={}, minutes=45.0,
        )
    }  # fmt: skip
    async with running(facade) as (_, url):
        await remember(facade, *PAST)
        _, found = await asked(url, "")
        assert [
            (f["alertname"], f["minutes"], f["pages"], f["why"]) for f in found["families"]
        ] == [
            (EVIL, 45.0, 1, "no runbook matches it"),
            ("Slow", 10.0, 1, "the runbook slow only looks on (shadow)"),
        ]


class Counting(MemoryStore):
    def __init__(self) -> None:
        super().__init__()
        self.pages = 0
        self.is_broken = False

    async def past(self, *, after: tuple[float, int], limit: int = 500) -> PastPage:
        self.pages += 1
        if self.is_broken:
            raise StoreUnavailable("disk gone")
        await asyncio.sleep(0)
        return await super().past(after=after, limit=min(limit, 2))


async def test_the_past_is_counted_once_a_minute_whoever_asks() -> None:
    facade = FakeFacade(store=Counting())
    assert isinstance(facade.store, Counting)
    await facade.store.open(now=NOW)
    await remember(facade, *PAST)
    reader = AbsorbedReader()
    told = [reader.told(facade, LOCAL, weeks=weeks) for weeks in (8, 8, 4)]
    found = await asyncio.gather(*told)
    pages = facade.store.pages
    assert [f.incidents.needed for f in found] == [5, 5, 5]
    assert pages == 4  # of two each, and an empty one behind them
    await reader.told(facade, LOCAL, weeks=9)
    assert facade.store.pages == 2 * pages
    await remember(facade, ended("h3", Ending.HEALED))
    await facade.clock.pass_time(KEPT_SECONDS + 1)
    assert (await reader.told(facade, LOCAL, weeks=4)).incidents.needed == 6


async def test_a_store_that_cannot_be_read_is_said_to_be_so() -> None:
    facade = FakeFacade(principals=everyone(), store=Counting())
    assert isinstance(facade.store, Counting)
    facade.store.is_broken = True
    async with running(facade) as (_, url):
        status, found = await asked(url, "")
        assert status == 503
        assert "the past cannot be read now: disk gone" in found["error"]


async def talk(url: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setenv("HOMEOSTAT_URL", url)
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "viewer-token")
    return await asyncio.to_thread(CliRunner().invoke, app, ["absorbed", *words])


async def test_the_command_prints_tables_and_json(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url):
        await remember(facade, *PAST, ended("x", Ending.ROUTED, alert="A\x1b[31mB"))
        told = await talk(url, monkeypatch, "--weeks", "4")
        assert told.exit_code == 0, told.output
        assert told.output.startswith("absorbed 50%: 3 of 6 incidents that needed anything")
        assert "\x1b" not in told.output
        assert re.search(r"^2026-W22\* +40% +2 +0 +1 +2 ", told.output, re.M), told.output
        assert "would absorb most next" in told.output
        assert "no runbook matches it" in told.output
        as_json = await talk(url, monkeypatch, "--product", "shop", "--format", "json")
        assert '"share": 0.6' in as_json.output
        unknown = await talk(url, monkeypatch, "--product", "nobodys")
        assert (unknown.exit_code, "no product nobodys" in unknown.output) == (1, True)


async def test_an_empty_past_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(FakeFacade(principals=everyone())) as (_, url):
        told = await talk(url, monkeypatch)
        assert told.exit_code == 0
        assert told.output.startswith("absorbed -: 0 of 0 incidents")
        assert "nobody was called" in told.output


async def test_the_page_has_the_picture_and_the_same_numbers_as_a_table() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        await remember(facade, *PAST)
        reply = await caller.get("/absorbed")
        assert reply.status == 200
        assert "Absorbed: 60 %" in reply.text
        assert EVIL not in reply.text
        assert "&lt;img src=x" in reply.text
        assert reply.text.count("<svg") == 1
        assert "<script" not in reply.text.partition("<main")[2]


# the picture


def week(number: int, *counts: int, is_partial: bool = False) -> Week:
    healed, settled, diagnosed, routed = counts
    return Week(
        week=f"2026-W{number:02d}",
        start=week_start(2900 + number),
        is_partial=is_partial,
        incidents=Counts(
            healed=healed, settled=settled, diagnosed=diagnosed, routed=routed, cleared=900
        ),
        alerts=Counts(),
        pages=0,
    )


def heights(svg: str, kind: str) -> list[float]:
    found = re.findall(rf'<rect class="{kind}"[^>]*height="([0-9.]+)"', svg)
    return [float(height) for height in found][1:]  # the first is in the legend


def drawn(weeks: Sequence[Week]) -> str:
    svg = draw(weeks)
    ElementTree.fromstring(svg)
    return svg


def test_bars_are_as_high_as_the_numbers() -> None:
    svg = drawn([week(1, 4, 2, 1, 1), week(2, 2, 0, 0, 0, is_partial=True)])
    assert heights(svg, "healed") == [2 * heights(svg, "settled")[0], heights(svg, "healed")[1]]
    assert heights(svg, "healed")[0] == 2 * heights(svg, "healed")[1]
    assert svg.count('class="partial"') == 1
    assert "W02*" in svg
    assert ">75%<" in svg


def test_a_picture_of_nothing_and_of_two_years_is_one_too() -> None:
    assert "<rect" in drawn([])
    assert heights(drawn([week(1, 0, 0, 0, 0)]), "healed") == []
    long = drawn([week(n % 52 + 1, n, 0, 0, 1) for n in range(104)])
    assert len(re.findall(r"W\d\d", long)) <= 14
