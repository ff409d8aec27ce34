"""A storm of 5,000 distinct alerts over ten products, into the real daemon over HTTP.

What is held against the limits is what the pagers' stand-in rang and what the target of the acts
wrote down; the daemon's own counters are asked for nothing but the balance of its ledger.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from agent.model.policy import Rails
from tests.support import poked as recording_target
from tests.support.daemon import Daemon, daemon, group, member
from tests.support.poked import Poke, Target, most_at_once, most_by
from tests.support.recording import Recording, recording
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(170)]

PRODUCTS, SERVICES, ALERTS = 10, 20, 5_000
GROUP = 250
"""Alerts of one webhook."""
SHARE = int(Rails().share_per_hour * SERVICES)
POLICY = {"page_hold": "3s", "evaluation_interval": "1s", "rails": {"dwell": "0s"}}
RINGS_SECONDS = 10
"""Long enough for a page that should not come: the hold, and the first rung's fallbacks."""


def product(number: int) -> str:
    return f"product-{number:02}"


def service(number: int, of: int) -> str:
    return f"{product(of)}-service-{number:02}"


def catalog() -> str:
    documents = []
    for of in range(PRODUCTS):
        head = {"apiVersion": "backstage.io/v1alpha1", "kind": "System"}
        spec = {"owner": f"team-{of:02}", "homeostat": {"tier": "low"}}
        documents.append({**head, "metadata": {"name": product(of)}, "spec": spec})
        for number in range(SERVICES):
            part = {"type": "service", "owner": f"team-{of:02}", "system": product(of)}
            named = {"name": service(number, of)}
            documents.append({**head, "kind": "Component", "metadata": named, "spec": part})
    return "\n---\n".join(map(json.dumps, documents)) + "\n"


def team_key(team: str) -> str:
    return f"{team.replace('-', ''):0<32}"


def channels(made: Daemon, pagers: Recording) -> dict[str, object]:
    found = {}
    for team in ("platform", *(f"team-{of:02}" for of in range(PRODUCTS))):
        file = made.folder / f"{team}.key"
        file.write_text(team_key(team))
        file.chmod(0o600)
        secrets = {"routing_key": {"file": str(file)}}
        url = {"url": pagers.pagerduty.url}
        found[team] = [{"use": "pagerduty", "with": url, "secrets": secrets}]
    return found


def alert(number: int) -> dict[str, object]:
    """Every second one is of a kind the runbook knows; each is an alert of its own."""
    of, which = number % PRODUCTS, (number // PRODUCTS) % SERVICES
    name = "WantsPoke" if number % 2 else "NobodyKnows"
    labels = {"service": service(which, of), "instance": str(number), "severity": "critical"}
    return dict(member(name, starts_at=Daemon.began, **labels))


async def pour(made: Daemon) -> None:
    """All alerts, in groups, a few at a time; what is told to come back comes back."""
    waiting = asyncio.Semaphore(4)

    async def send(numbers: range) -> None:
        body = json.dumps(group(*(alert(n) for n in numbers)))
        async with waiting:
            for _ in range(30):
                status = await made.post("/webhook/alertmanager", body)
                if status == 200:
                    return
                assert status == 503, status
                await asyncio.sleep(0.5)
        raise AssertionError("never taken")

    await asyncio.gather(*(send(range(at, at + GROUP)) for at in range(0, ALERTS, GROUP)))


def rings(pagers: Recording) -> Counter[str]:
    return Counter(ring["routing_key"] for ring in pagers.pagerduty.rings)


def product_of(poke: Poke) -> str:
    return poke.name.partition("-service-")[0]


def check_limits(pokes: list[Poke]) -> None:
    """Against the defaults of the policy, from what the target wrote down."""
    limits = Rails()
    assert most_by(pokes, lambda p: p.name) <= 1
    assert most_by(pokes, product_of) <= limits.per_product
    assert most_at_once(pokes) <= limits.per_fleet
    began = sorted(p.began for p in pokes)
    for at in began:
        within = [b for b in began if at <= b < at + 60]
        assert len(within) <= limits.rate_burst + limits.rate_per_minute
    targets = defaultdict(set)
    for poke in pokes:
        targets[product_of(poke)].add(poke.name)
    assert all(len(names) <= max(1, SHARE) for names in targets.values()), targets


async def before_the_storm(made: Daemon, target: Target) -> None:
    """Four services of one product want to be poked: so many as the share of an hour allows are."""
    for number in range(4):
        labels = {"service": service(number, 0), "instance": f"early-{number}"}
        assert await made.fire("WantsPoke", **labels, severity="critical") == 200
    try:
        await eventually(lambda: len(target.pokes) >= SHARE, within=15, what="some are poked")
    except AssertionError as error:
        found = [(i["reason"], i["reason_text"], i["timeline"]) for i in await made.incidents()]
        raise AssertionError(f"{found}\n{made.output[-2000:]}") from error
    await asyncio.sleep(3)
    assert len(target.pokes) == SHARE
    check_limits(target.pokes)


async def test_a_storm_rings_once_a_product_and_once_for_platform_and_no_limit_is_passed(
    tmp_path: Path,
) -> None:
    """F-STORM-01"""
    async with recording() as pagers, recording_target.poked() as target:
        runbook = recording_target.RUNBOOK.replace("URL", target.url)
        async with daemon(
            tmp_path / "d",
            products=catalog(),
            runbooks={"poke": runbook},
            plugins={"actions/poke": recording_target.PLUGIN},
            policy=POLICY,
        ) as made:
            made.configure(plugins=["plugins"], policy=POLICY, notify=channels(made, pagers))
            await made.start()
            await before_the_storm(made, target)
            acted, before = len(target.pokes), rings(pagers)
            await pour(made)
            await asyncio.sleep(RINGS_SECONDS)
            counted = rings(pagers) - before
            check_limits(target.pokes)
            assert len(target.pokes) == acted, "nothing is done in a storm"
            assert max(counted.values()) == 1, counted
            assert sum(counted.values()) <= PRODUCTS + 1, counted
            assert counted[team_key("platform")] == 1, counted
            ledger = await made.ledger()
            assert ledger["balanced"] is True, ledger
            assert ledger["received"] - ledger["duplicate"] == ALERTS + 4, ledger
            assert ledger["quarantined"] == 0, ledger
