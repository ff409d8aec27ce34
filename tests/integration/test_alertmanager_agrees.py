"""The same alerts, rules and texts to a real Alertmanager and to us: what it says, we say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest

from agent.catalog.matchers import BadMatcher, parse_matcher
from agent.catalog.policy import PolicyDocument, compile_policy
from agent.interface.http.alertmanager_api import labels_agree
from agent.model.alert import Alert
from agent.model.policy import Policy
from tests.support.caller import calling
from tests.support.cases import World, alert
from tests.support.running import http_get
from tests.support.servers import Alertmanager

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

Start = Callable[..., Awaitable[Alertmanager]]
Labels = frozenset[tuple[str, str]]

NOWHERE = "http://127.0.0.1:9/"
RULES: list[dict[str, Any]] = [
    {
        "source_matchers": ["severity=critical"],
        "target_matchers": ['severity=~"warning|info"'],
        "equal": ["cluster"],
    },
    {
        "source_matchers": ['alertname="Down"', "cluster!=b"],
        "target_matchers": ["alertname!=Down"],
        "equal": ["cluster", "region"],
    },
    {
        # Both sides agree with every info of a pod: none of them inhibits its like.
        "source_matchers": ["pod!="],
        "target_matchers": ["pod!=", "severity=info"],
        "equal": ["pod"],
    },
]
ALERTS = [
    alert(
        name,
        "shop-worker",
        labels={
            **{"severity": severity},
            **({"cluster": cluster} if cluster else {}),
            **({"region": "x"} if number % 3 else {}),
            **({"pod": f"p{number % 2}"} if number % 5 == 0 else {}),
        },
    )
    for number, (name, severity, cluster) in enumerate(
        product(("Down", "Slow", "Odd"), ("critical", "warning", "info"), ("a", "b", "c", ""))
    )
    # One critical alert only, or everything would be inhibited.
    if severity != "critical" or (name, cluster) == ("Slow", "a")
]


def labels_of(what: Alert) -> Labels:
    return frozenset(what.labels.items())


async def sent(manager: Alertmanager, alerts: Iterable[Alert]) -> None:
    body = [{"labels": dict(one.labels)} for one in alerts]
    async with calling(manager.url) as caller:
        reply = await caller.post("/api/v2/alerts", json=body)
    assert reply.status == 200, reply.text


async def inhibited_by(manager: Alertmanager) -> set[Labels]:
    return {
        frozenset(a["labels"].items())
        for a in await manager.json("/api/v2/alerts")
        if a["status"]["inhibitedBy"]
    }


async def groups_of(manager: Alertmanager) -> set[frozenset[Labels]]:
    return {
        frozenset(frozenset(a["labels"].items()) for a in group["alerts"])
        for group in await manager.json("/api/v2/alerts/groups")
    }


async def agree(theirs: Callable[[], Awaitable[object]], ours: object) -> None:
    """Alertmanager works through what it was sent beside its answer."""
    for _ in range(50):
        if await theirs() == ours:
            return
        await asyncio.sleep(0.1)
    assert ours == await theirs()


def policy(**keys: Any) -> Policy:
    return compile_policy(PolicyDocument.model_validate_json(json.dumps(keys)))


async def test_the_same_alerts_are_inhibited(alertmanager: Start) -> None:
    manager = await alertmanager(webhook=NOWHERE, inhibit_rules=RULES)
    await sent(manager, ALERTS)
    # Each alert an incident of its own, sources first: what people were told is not taken back.
    world = World(policy=policy(inhibit_rules=RULES, group_by=["..."]))
    rank = ["critical", "warning", "info"]
    for one in sorted(ALERTS, key=lambda a: (rank.index(a.labels["severity"]), a.name != "Down")):
        world.fire(one)
    ours = {
        frozenset(state.labels.items())
        for incident in world.incidents
        if incident.inhibited_by is not None
        for state in incident.alerts.values()
    }
    assert 0 < len(ours) < len(ALERTS)
    await agree(lambda: inhibited_by(manager), ours)


@pytest.mark.parametrize("group_by", [["cluster"], ["cluster", "region", "nobody"], ["..."]])
async def test_the_same_alerts_are_one_group(alertmanager: Start, group_by: list[str]) -> None:
    # We tell alert names and entities apart in any case.
    wanted = ["..."] if "..." in group_by else ["alertname", "entity", *group_by]
    manager = await alertmanager(webhook=NOWHERE, group_by=wanted)
    await sent(manager, ALERTS)
    world = World(policy=policy(group_by=group_by))
    for one in ALERTS:
        world.fire(one)
    ours = {
        frozenset(frozenset(state.labels.items()) for state in incident.alerts.values())
        for incident in world.incidents
    }
    assert 1 < len(ours) <= len(ALERTS)
    await agree(lambda: groups_of(manager), ours)


TEXTS = [
    'alertname="Down"', "alertname=Down", " alertname = Down ", 'alertname!="Down"',
    'alertname=~"D.*|Odd"', "alertname=~D.*", "alertname!~D.*", 'pod=""', "pod!=", "pod=~.+",
    'cluster=~"a|"', "cluster!~a|b", r'note="say \"hi\""', r'note=~"say.*\\."', r"note=~'x'",
    r'note="line\nbreak"', r'note="back\\slash"', r'note="C:\temp"', 'note="a=b,c"', "note=a=b,c",
    # what cannot be read
    "", "alertname", "=Down", 'alertname="Down', 'alertname=Down"', 'alertname="Do"wn"',
    "alert name=Down", "alertname=~[", "alertname=~(", "alertname==Down",
]  # fmt: skip
NOTES = ['say "hi"', "say that.", "line\nbreak", "back\\slash", "C:\\temp", "a=b,c", "'x'"]


async def theirs_of(manager: Alertmanager, text: str) -> set[Labels] | None:
    status, body = await http_get(f"{manager.url}/api/v2/alerts?filter={quote(text)}")
    if status == 400:
        return None
    return {frozenset(a["labels"].items()) for a in json.loads(body)}


def ours_of(alerts: Iterable[Mapping[str, str]], text: str) -> set[Labels] | None:
    try:
        matcher = parse_matcher(text)
    except BadMatcher:
        return None
    return {frozenset(labels.items()) for labels in alerts if labels_agree([matcher], labels)}


async def test_the_same_texts_match_the_same_alerts(alertmanager: Start) -> None:
    noted = [alert("Noted", labels={"note": note}) for note in NOTES]
    everything = [*ALERTS, *noted]
    manager = await alertmanager(webhook=NOWHERE)
    await sent(manager, everything)
    known = [a.labels for a in everything]
    different = {
        text: (theirs, ours)
        for text in TEXTS
        if (theirs := await theirs_of(manager, text)) != (ours := ours_of(known, text))
    }
    assert different == {}
