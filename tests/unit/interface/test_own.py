"""The agent itself as people meet it: API and command line."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest
from typer.testing import CliRunner, Result

from agent.interface.cli.main import app
from agent.model.event import OwnReviewed
from agent.model.own import OwnDay, OwnExample, OwnState, OwnTerms, Slip
from agent.model.reason import Reason
from tests.support.caller import calling
from tests.support.facade import NOW, FakeFacade, everyone, running

DAY = 86_400.0
TERMS = OwnTerms(
    owner="team-agents", version="1.2", digest="abc", started_at=NOW - 60, review_by=NOW + DAY
)
WELL = OwnState(
    at=NOW,
    terms=TERMS,
    days=(OwnDay(day=int(NOW // DAY), decisions=900, late=3, late_minutes=2, verdicts=4, wrong=1),),
    examples=(
        OwnExample(slip=Slip.LATE, at=NOW - 9, subject="i-1", text="on disk after 3.0 s"),
        OwnExample(slip=Slip.WRONG, at=NOW - 8, subject="i-2", text="it came back", product="shop"),
    ),
)
LOST = (OwnDay(day=int(NOW // DAY), decisions=9, lost=5),)
STOPPED = msgspec.structs.replace(
    WELL, days=LOST, advising_since=NOW - 30, why=Reason.OWN_BUDGET_SPENT
)


def facade_of(state: OwnState | None, **fields: object) -> FakeFacade:
    facade = FakeFacade(**fields)  # type: ignore[arg-type]
    facade.view.own = {"own": state} if state is not None else {}
    return facade


async def told(state: OwnState | None) -> tuple[int, dict[str, object]]:
    async with running(facade_of(state)) as (_, url), calling(url) as caller:
        reply = await caller.get("/api/v1/self")
        return reply.status, reply.json()


async def test_it_says_who_answers_for_it_and_what_is_left() -> None:
    status, said = await told(WELL)
    assert status == 200
    assert (said["name"], said["owner"], said["version"]) == ("homeostat", "team-agents", "1.2")
    assert (said["config_digest"], said["mode"], said["banner"]) == ("abc", "acts", "")
    budget = said["budget"]
    assert isinstance(budget, dict)
    assert (budget["spent_minutes"], budget["minutes"]) == (6, 43.2)
    assert (budget["late_decisions"], budget["wrong_verdicts"], budget["lost_alerts"]) == (3, 1, 0)
    examples = said["examples"]
    assert isinstance(examples, dict)
    assert [e["subject"] for e in examples["wrong"]] == ["i-2"]


async def test_it_says_that_it_only_advises_and_what_brings_it_back() -> None:
    _, said = await told(STOPPED)
    assert (said["mode"], said["reason"]) == ("advises_only", "own_budget_spent")
    assert "5 lost alerts" in str(said["banner"])
    assert "self review" in str(said["back"])


async def test_a_review_date_that_came_while_nobody_looked_is_told_at_once() -> None:
    due = msgspec.structs.replace(TERMS, review_by=NOW)
    _, said = await told(msgspec.structs.replace(WELL, terms=due))
    assert (said["mode"], said["reason"]) == ("advises_only", "own_review_overdue")
    assert "review_by" in str(said["back"])


async def test_a_record_that_cannot_be_read_is_told_as_such() -> None:
    broken = msgspec.structs.replace(TERMS, objective=1.0)
    status, said = await told(msgspec.structs.replace(WELL, terms=broken))
    assert (status, said["mode"], said["reason"]) == (200, "advises_only", "unreadable")


async def test_before_it_is_measured_it_says_to_ask_again() -> None:
    status, said = await told(None)
    assert (status, said["remedy"]) == (503, "ask again in a second")


@pytest.mark.parametrize(
    ("token", "status"),
    [("viewer", 403), ("responder", 403), ("approver", 403), ("pay-platform", 403),
     ("platform", 200)],
)  # fmt: skip
async def test_only_the_platform_reviews_it_and_says_why(token: str, status: int) -> None:
    facade = facade_of(STOPPED, principals=everyone())
    headers = {"authorization": f"Bearer {token}-token"}
    async with running(facade) as (_, url), calling(url) as caller:
        empty = await caller.post("/api/v1/self/review", json={"why": " "}, headers=headers)
        assert empty.status == (400 if status == 200 else 403)
        reply = await caller.post("/api/v1/self/review", json={"why": "seen"}, headers=headers)
        assert reply.status == status
    wanted = [OwnReviewed(at=NOW, who="the-platform", why="seen")] if status == 200 else []
    assert facade.asked == wanted


# The command line.


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


async def test_the_command_line_says_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOMEOSTAT_TOKEN", raising=False)
    facade = facade_of(STOPPED)
    async with running(facade) as (_, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        said = await asyncio.to_thread(call, "self")
        assert said.exit_code == 0
        for words in (
            "owner     team-agents",
            "IT ONLY ADVISES",
            "5 alerts lost",
            "late decisions",
        ):
            assert words in said.output
        plain = await asyncio.to_thread(call, "self", "--format", "json")
        assert json.loads(plain.output)["mode"] == "advises_only"
        assert (await asyncio.to_thread(call, "self", "review")).exit_code == 2
        done = await asyncio.to_thread(call, "self", "review", "--why", "seen")
        assert done.exit_code == 0
    assert facade.asked == [OwnReviewed(at=NOW, who="local", why="seen")]
