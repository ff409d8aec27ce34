"""What exactly is to be approved: in JSON, on the terminal, in the console."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.interface.cli.incidents import as_text
from agent.interface.http.incident_json import incident_json
from agent.model.incident import Approval, Asked, AskedStep, Incident, State
from tests.support.caller import calling
from tests.support.facade import NOW, FakeFacade, burning, everyone, running

STEPS = (
    AskedStep(id="a", use="scale", params={"target": "web", "replicas": 3}, target="web"),
    AskedStep(id="b", use="wipe", unknown="path: =x is <unknown>"),
)
ASKED = Asked(digest="d1", plan="fix", at=NOW - 30, risk="critical", steps=STEPS, approvals=2)


def waiting(**fields: Any) -> Incident:
    told = {"state": State.AWAITING_APPROVAL, "plan": "fix", "asked": ASKED, "risk": "critical"}
    return burning("i-1", **{**told, **fields})


def test_as_json_it_is_all_there() -> None:
    given = Approval(digest="d1", plan="fix", steps={}, by="olga", at=NOW)
    told = incident_json(waiting(approval=given, approved_by="olga", caused_by="i-0", chain=2))
    assert (told["risk"], told["caused_by"], told["chain"], told["is_flapping"]) == (
        "critical",
        "i-0",
        2,
        False,
    )
    approval = told["approval"]
    assert (approval["plan"], approval["digest"], approval["people_needed"]) == ("fix", "d1", 2)
    assert approval["good_for_seconds"] == 900.0
    first, second = approval["steps"]
    assert first == {
        "id": "a",
        "use": "scale",
        "target": "web",
        "with": {"target": "web", "replicas": 3},
        "unknown": None,
    }
    assert second["unknown"] == "path: =x is <unknown>"
    (one,) = approval["given"]
    assert (one["by"], one["at"][11:19], one["until"][11:19]) == ("olga", "20:26:40", "20:41:40")
    assert "scale on web with replicas 3" in approval["in_words"]


def test_where_nobody_was_asked_there_is_nothing() -> None:
    assert incident_json(burning("i-1"))["approval"] is None


def test_on_the_terminal_every_step_has_its_line() -> None:
    given = Approval(digest="d1", plan="fix", steps={}, by="olga", at=NOW)
    text = as_text(incident_json(waiting(approval=given), journal=[]))
    assert "to approve: plan fix, risk critical, 2 people, good for 15 min once given" in text
    assert '  scale on web: {"target": "web", "replicas": 3}' in text
    assert "  wipe on None: path: =x is <unknown>; not covered by an approval" in text
    assert "  approved by olga, until 2026-05-28T20:41:40" in text
    done = as_text(incident_json(waiting(state=State.ACTING), journal=[]))
    assert "asked for: plan fix" in done


async def test_the_console_shows_every_parameter_in_full() -> None:
    long = "x" * 3000 + "<end>"
    params = {"text": long, "share": 0.123456789, "list": ["a & b", 2]}
    steps = (AskedStep(id="a", use="scale", params=params, target="web"),)
    asked = msgspec.structs.replace(ASKED, steps=steps)
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url, token="approver-token") as caller:
        await facade.add(waiting(asked=asked))
        page = (await caller.get("/incidents/i-1")).text
    assert "x&lt;end&gt;</dd>" in page
    assert "<dd>0.123456789</dd>" in page
    assert r'<dd>["a \u0026 b", 2]</dd>' in page


async def test_the_console_shows_it_before_the_button() -> None:
    facade = FakeFacade(principals=everyone())
    async with running(facade) as (_, url), calling(url, token="approver-token") as caller:
        await facade.add(waiting())
        page = (await caller.get("/incidents/i-1")).text
    assert "To approve: plan fix, risk critical, 2 people" in page
    assert page.index("<dt>replicas</dt><dd>3</dd>") < page.index("/incidents/i-1/approve")
    assert "path: =x is &lt;unknown&gt;" in page
