"""All three layers on real servers, in one run: sub-agents that are killed, stopped, blocked, hung
and drifting; a product that is green and does not move; a metric that is removed; an objective that
burns; and beside it all what should never be sent. Each is an incident of the right kind with the
right owner, or a finding, and ends when it is mended.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.three_layers import (
    DONE,
    FAILED,
    MEMBERS,
    MISUSED,
    Company,
    company,
    promtool,
)
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.integration, pytest.mark.timeout(180)]

EXPECTED = {
    "AgentSilent": 3,
    "AgentHung": 1,
    "AgentDrifting": 1,
    "LeadershipMetricFlat": 1,
    "SloBurnFast": 1,
}
Mend = Callable[[], Awaitable[None]]


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Company]:
    async with company(tmp_path) as running:
        yield running


async def test_each_layer_becomes_an_incident_or_a_finding_of_whom_it_concerns(
    made: Company,
) -> None:
    """All at once, as nothing of it may be mistaken for anything else."""
    await eventually(lambda: all_is_well(made), within=40, what="everything is heard", every=0.3)
    assert await made.daemon.incidents() == []
    async with asyncio.TaskGroup() as stories:
        for story in (
            one_that_is_killed,
            one_that_is_stopped,
            one_that_is_blocked,
            one_that_hangs,
            one_that_drifts,
            one_that_is_green_and_does_not_move,
            a_metric_that_is_removed,
            an_objective_that_burns,
            what_should_never_be_sent,
        ):
            stories.create_task(story(made), name=story.__name__)
    incidents = await made.daemon.incidents()
    titles = Counter(i["title"].partition(":")[0] for i in incidents)
    titles.pop("SloBurnSlow", None)  # the same objective, over longer windows
    assert titles == EXPECTED
    acted = {step["use"] for incident in incidents for step in incident["steps"]}
    assert acted == {"agent.quarantine", "agent.release"}
    assert (await made.daemon.ledger())["balanced"] is True


async def all_is_well(made: Company) -> bool:
    members = {m["name"]: m for m in await made.daemon.get("/api/v1/members")}
    outcomes = {o["product"]: o for o in await made.daemon.get("/api/v1/outcomes")}
    [pay] = await made.daemon.get("/api/v1/slos")
    return (
        all(members[name]["state"] == "well" for name in MEMBERS)
        and all(outcomes[name]["verdict"] == "moving" for name in ("market", "billing"))
        and pay["budget_left"] == 1.0
    )


# machinery


async def one_that_is_killed(made: Company) -> None:
    killed = made.members["killed"]
    os.kill(killed.pid, signal.SIGKILL)
    await broken(made, "killed", "AgentSilent", mend=killed.start, says="its last will")


async def one_that_is_stopped(made: Company) -> None:
    stopped = made.members["stopped"]
    os.kill(stopped.pid, signal.SIGSTOP)

    async def mend() -> None:
        os.kill(stopped.pid, signal.SIGCONT)

    try:
        await broken(made, "stopped", "AgentSilent", mend=mend, says="its last will")
    finally:
        os.kill(stopped.pid, signal.SIGCONT)  # whoever stands cannot be ended


async def one_that_is_blocked(made: Company) -> None:
    blocked = made.members["blocked"]
    await blocked.tell("block")

    async def mend() -> None:
        await blocked.kill()
        await blocked.start()

    await broken(made, "blocked", "AgentSilent", mend=mend, says="its last will")


async def one_that_hangs(made: Company) -> None:
    hung = made.members["hung"]
    await hung.tell("hang")
    await broken(made, "hung", "AgentHung", mend=lambda: hung.tell("well"))
    seen = await made.daemon.get("/api/v1/members/hung")
    assert seen["state"] == "well"


async def one_that_drifts(made: Company) -> None:
    """Kept from acting before anybody looks at why, and released by its owner once it is mended."""
    drifting = made.members["drifting"]
    await eventually(lambda: is_learned(made), within=60, what="how it varies", every=0.3)
    await drifting.tell("errors")

    async def mend() -> None:
        seen = await made.daemon.get("/api/v1/members/drifting")
        assert (seen["mode"], seen["drift"][0]["drifting"]) == ("observe", True)
        found = await made.daemon.incident_of(entity="drifting")
        assert found["runbook"] == "agent-drifting"
        assert [step["use"] for step in found["steps"]] == ["agent.quarantine"]
        await drifting.tell("well")
        release = ("run", found["id"], "agent.release", "--with", "target=drifting")
        code, said = await made.homeostat("incidents", *release)
        assert code == 0, said

    await broken(made, "drifting", "AgentDrifting", mend=mend)


async def is_learned(made: Company) -> bool:
    seen = await made.daemon.get("/api/v1/members/drifting")
    return not seen["drift"][0]["learning"]


async def broken(made: Company, name: str, alert: str, *, mend: Mend, says: str = "") -> None:
    """It becomes this incident of its owner, who is told; and mended, the incident ends."""
    found = await made.daemon.until(90, entity=name, state="escalated")
    product, _ = MEMBERS[name]
    assert found["title"].startswith(alert), found["title"]
    assert says in found["title"]
    assert (found["layer"], found["product"]) == ("machinery", product)
    assert found["routed_to"] == f"team-{name}"
    await paged(made, f"team-{name}", found["id"])
    await mend()
    await made.daemon.until(40, id=found["id"], state="resolved")


async def paged(made: Company, team: str, incident: str) -> str:
    """What that team was told of it."""

    def look() -> list[str]:
        told = [p for p in made.daemon.pages if p["incident"] == incident]
        return [p["text"] for p in told if p["to"] == team]

    return str((await eventually(look, within=10, what=f"a page to {team}"))[0])


# outcome


async def one_that_is_green_and_does_not_move(made: Company) -> None:
    """Its builder hears what was released before, and nothing is done about it."""
    assert await made.daemon.post("/webhook/events", json.dumps(released("market-front"))) == 200
    made.exporters["market"].paces["orders_total"] = 0.0
    found = await made.daemon.until(40, product="market", state="escalated")
    assert found["title"].startswith("LeadershipMetricFlat")
    assert (found["layer"], found["routed_to"]) == ("outcome", "team-market")
    page = await paged(made, "team-market", found["id"])
    assert "release 1.4.2 of market-front" in page
    assert found["findings"]["first_suspect"]["ranked"]["1"]["entity"] == "market-front"
    made.exporters["market"].paces["orders_total"] = 5.0
    over = await made.daemon.until(40, id=found["id"], state="resolved")
    assert (over["steps"], over["plan"]) == ([], None)


def released(entity: str) -> dict[str, Any]:
    """A CDEvent."""
    kind = "dev.cdevents.service.deployed.0.2.0"
    content = {"environment": {"id": "prod"}, "artifactId": f"pkg:oci/{entity}@1.4.2"}
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "/ci",
        "type": kind,
        "data": {
            "context": {"version": "0.5.0", "id": "2", "type": kind},
            "subject": {"id": entity, "type": "service", "content": content},
        },
    }


# blind spots


async def a_metric_that_is_removed(made: Company) -> None:
    """The rule that reads it can never fire, and whether the product does its job is not known:
    neither is an incident, and neither is health."""
    code, said = await made.homeostat("blindspots", "--now", "--product", "billing")
    assert "invoices" not in said.lower(), said
    del made.exporters["billing"].paces["invoices_total"]
    both = ["metric_vanished/billing/invoices_total", "metric_vanished/test/InvoicesStall"]
    await eventually(lambda: are_found(made, *both), within=60, what="it is missed", every=1)
    code, said = await made.homeostat("blindspots", "--product", "billing")
    assert code == 1
    assert said.count("metric vanished: ") == 2, said
    assert said.count("owner team-billing") >= 2, said
    assert "sum(invoices_total)" in said
    made.exporters["billing"].paces["invoices_total"] = 5.0
    await eventually(lambda: are_gone(made, *both), within=60, what="it is back", every=1)
    assert [i for i in await made.daemon.incidents() if i["product"] == "billing"] == []


async def looked_for(made: Company) -> dict[str, dict[str, Any]]:
    status, _ = await made.daemon.ask("/api/v1/blindspots/survey", method="POST", body={})
    assert status == 200
    return await made.blind_spots("billing")


async def are_found(made: Company, *wanted: str) -> bool:
    return set(wanted) <= set(await looked_for(made))


async def are_gone(made: Company, *wanted: str) -> bool:
    return not set(wanted) & set(await looked_for(made))


# product


async def an_objective_that_burns(made: Company) -> None:
    """The rules are those that `homeostat slo rules` wrote, and real ones."""
    code, said = await promtool("check", "rules", str(made.rules), folder=made.rules.parent)
    assert (code, "SUCCESS" in said) == (0, True), said
    paces = made.exporters["shop"].paces
    paces[DONE], paces[FAILED] = 0.0, 10.0
    found = await made.daemon.until(60, product="shop", state="escalated")
    assert found["title"].startswith("SloBurnFast")
    assert (found["layer"], found["routed_to"]) == ("product", "team-shop")
    [alert] = found["alerts"]
    assert alert["labels"]["slo"] == "pay"
    assert alert["annotations"]["runbook_url"].startswith(made.daemon.url)
    await paged(made, "team-shop", found["id"])
    [_] = [page for page in made.daemon.pages if page["to"] == "team-shop"]
    paces[DONE], paces[FAILED] = 10.0, 0.0
    await made.daemon.until(60, id=found["id"], state="resolved")


# and what should not be sent


async def what_should_never_be_sent(made: Company) -> None:
    """None of it is an incident, each is told to whom it concerns, and nothing is lost."""
    now = time.time()
    good = {"boot": "one", "seq": 5, "work": 1, "sent_at": now, "mode": "act"}
    odd = {"boot": 7, "seq": "nine", "work": [], "last_success": {}, "version": 3, "mode": "rests"}
    before = (await made.daemon.ledger())["quarantined"]
    await made.say(f"heartbeats/{MISUSED}", good)
    for body, finding in (
        (odd, "seq"),
        ({**good, "seq": 6, "work": 2, "sent_at": now - 3600}, "1 h behind"),
        ({**good, "seq": 2, "work": 3}, "goes back"),
    ):
        await made.say(f"heartbeats/{MISUSED}", body)
        await faulty(made, MISUSED, finding)
    await made.say(f"telemetry/{MISUSED}", {"tasks": "many", "errors": -1})
    await faulty(made, f"{MISUSED}/telemetry", "tasks")
    await made.say(f"heartbeats/{MISUSED}", {"agent": "killed", "alive": True})
    await made.say(f"heartbeats/{MISUSED}", b"\xff is no beat")
    await made.say("heartbeats/nobody", good)

    async def is_told() -> bool:
        ledger = await made.daemon.ledger()
        spots = await made.blind_spots()
        return ledger["quarantined"] == before + 2 and "member_unknown/nobody" in spots

    await eventually(is_told, within=10, what="what was forged, what is no beat, and a stranger")
    incidents = await made.daemon.incidents()
    assert [i for i in incidents if i["entity"] in (MISUSED, "nobody")] == []


async def faulty(made: Company, subject: str, finding: str) -> None:
    async def look() -> bool:
        spot = (await made.blind_spots()).get(f"signal_faulty/{subject}")
        return spot is not None and finding in spot["text"] and bool(spot["remedy"])

    await eventually(look, within=10, what=f"{subject}: {finding}")
