"""A real rule fires on a real metric of a really broken process; by three roads the alert reaches
the daemon, which heals it, proves it, and wakes nobody.

The roads: Prometheus posts to Homeostat itself; Prometheus to Alertmanager to the webhook; an
exporter of Prometheus' alerts publishes them by MQTT.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.mqtt_exporter import exporting
from tests.support.running import http_get, program
from tests.support.servers import Alertmanager, Prometheus, Server, rule
from tests.support.site import RUNBOOK, Homeostat, Site, site
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.integration]

Start = Callable[..., Awaitable[Any]]


def broken(expression: str) -> dict[str, Any]:
    said = {"summary": "the shop does not work"}
    return rule(
        "ShopBroken", expression, hold="1s", labels={"severity": "critical"}, annotations=said
    )


async def healed(made: Site, *, within: float = 30) -> dict[str, Any]:
    """The one incident, once it is over; asserts that it was healed, proven and kept quiet."""

    async def over() -> list[dict[str, Any]]:
        found = await made.daemon.incidents()
        told = [i for i in found if i["state"] == "escalated"]
        assert told == [], f"people were called:\n{made.daemon.output[-3000:]}"
        return [i for i in found if i["state"] == "resolved"]

    [incident] = await eventually(over, within=within, what="the incident is over", every=0.2)
    assert (incident["outcome"], incident["verdict"]) == ("healed", "held"), incident
    assert (incident["product"], incident["runbook"]) == ("shop", "shop-restart")
    assert [(s["use"], s["status"]) for s in incident["steps"]] == [("process.restart", "done")]
    assert [a["status"] for a in incident["alerts"]] == ["resolved"]
    assert incident["findings"]["work"]["verdict"] == "held"
    assert incident["findings"]["work"]["value"] > 1, "work goes on by its own metric"
    assert incident["pages"] == []
    assert not (made.folder / "var" / "pages.jsonl").exists()
    return incident


async def balanced(made: Site) -> dict[str, Any]:
    ledger = await made.daemon.ledger()
    assert ledger["balanced"] is True, ledger
    assert ledger["open"] == 0, ledger
    assert (ledger["absorbed"], ledger["routed"], ledger["quarantined"]) == (1, 0, 0), ledger
    return ledger


async def scraped(prom: Prometheus) -> None:
    await eventually(
        lambda: prom.query('rate(breakable_work_total{result="done"}[3s]) > 1'),
        within=15,
        what="the shop works",
    )


async def broken_and_healed(made: Site, prom: Prometheus, mode: str) -> dict[str, Any]:
    """Breaks the shop and follows the story to its end."""
    await scraped(prom)
    before = await made.shop_pid()
    await made.break_shop(mode)
    incident = await healed(made)
    await balanced(made)
    assert await made.shop_pid() != before, "it really is another process"
    assert await prom.firing() == []
    return incident


def test_the_runbook_is_short() -> None:
    assert len(RUNBOOK.splitlines()) <= 15


async def test_prometheus_lists_homeostat_as_its_only_alertmanager(
    prometheus: Start, tmp_path: Path
) -> None:
    async with site(tmp_path / "site") as made:
        prom = await prometheus(
            targets={"shop": made.shop},
            rules=[broken("up == 0")],
            alertmanagers=[made.daemon.url],
            resend_delay="1s",
        )
        await made.run(prometheus_url=prom.url)
        incident = await broken_and_healed(made, prom, "hang")
    [alert] = incident["alerts"]
    assert alert["identity"].startswith("prometheus/")
    assert (alert["labels"]["job"], incident["entity"]) == ("shop", "shop")


async def test_through_alertmanager_to_the_webhook(
    prometheus: Start, alertmanager: Start, tmp_path: Path
) -> None:
    async with site(tmp_path / "site") as made:
        between = await alertmanager(webhook=f"{made.daemon.url}/webhook/alertmanager")
        prom = await prometheus(
            targets={"shop": made.shop},
            rules=[broken("breakable_queue_depth > 20")],
            alertmanagers=[between.url],
            resend_delay="1s",
        )
        await made.run(
            prometheus_url=prom.url,
            sources=[{"use": "alertmanager.level", "with": {"url": between.url}}],
            level_check="3s",
        )
        incident = await broken_and_healed(made, prom, "errors")
        assert await between.alerts() == []
    [alert] = incident["alerts"]
    assert alert["identity"].startswith("alertmanager/")
    ends = [e for e in incident["timeline"] if e["kind"] == "alert_resolved"]
    assert len(ends) == 1, "told by webhook and by level check, it is one alert all the same"
    assert alert["inferred"] is False, "the webhook told the end"


async def test_by_mqtt(prometheus: Start, mosquitto: Start, tmp_path: Path) -> None:
    broker = await mosquitto()
    async with site(tmp_path / "site") as made:
        prom = await prometheus(targets={"shop": made.shop}, rules=[broken("up == 0")])
        await made.run(
            prometheus_url=prom.url,
            sources=[{"use": "mqtt", "with": {"host": "127.0.0.1", "port": broker.port}}],
        )
        async with exporting(prom, broker, "alerts/product/shop"):
            incident = await broken_and_healed(made, prom, "crash")
        ledger = await made.daemon.ledger()
    [alert] = incident["alerts"]
    assert alert["identity"].startswith("mqtt/")
    assert alert["labels"]["product"] == "shop", "from the topic"
    assert (ledger["received"], ledger["duplicate"]) == (2, 1), "one beginning, one end"


SENDER, PERSON, NOBODY = (f"{name}-0123456789abcdef" for name in ("sender", "person", "nobody"))
TOKENS = {
    "principals": [
        {"name": "monitoring", "roles": ["sender"], "token": SENDER},
        {"name": "ada", "roles": ["viewer", "responder"], "token": PERSON},
    ]
}


async def counted(server: Server, metric: str) -> float:
    """A counter of the server's own, summed over its labels."""
    _, body = await http_get(f"{server.url}/metrics")
    lines = [line for line in body.decode().splitlines() if line.startswith(metric)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


async def refused(prom: Prometheus, between: Alertmanager) -> bool:
    return (
        await counted(prom, "prometheus_notifications_errors_total") > 0
        and await counted(between, 'alertmanager_notifications_failed_total{integration="webhook')
        > 0
    )


async def names(daemon: Homeostat) -> set[str]:
    return {alert["name"] for i in await daemon.incidents() for alert in i["alerts"]}


async def test_senders_prove_who_they_are(
    prometheus: Start, alertmanager: Start, tmp_path: Path
) -> None:
    async with site(tmp_path / "site") as made:
        tokens = made.folder / "tokens.yaml"
        tokens.write_text(json.dumps(TOKENS))
        tokens.chmod(0o600)
        daemon, daemon.bearer = made.daemon, PERSON
        await made.run(tokens_file="tokens.yaml")
        unproven = await senders(prometheus, alertmanager, daemon, NOBODY)
        await senders(prometheus, alertmanager, daemon, SENDER)
        await eventually(lambda: refused(*unproven), within=20, what="two were refused")
        for token, status in ((None, 401), (NOBODY, 401), (PERSON, 403)):
            daemon.bearer = token
            assert (await daemon.ask("/api/v2/alerts", method="POST", body=[]))[0] == status
        daemon.bearer = PERSON
        await eventually(lambda: has_both(daemon, SENDER), within=20, what="two were taken")
        ledger = await daemon.ledger()
        assert ledger["received"] - ledger["duplicate"] == 2, "of the others nothing is kept"


async def senders(
    prometheus: Start, alertmanager: Start, daemon: Homeostat, token: str
) -> tuple[Prometheus, Alertmanager]:
    """One of each that has an alert for Homeostat, named after whether its token is right: what is
    called like a secret would be masked."""
    name = name_for(token)
    between = await alertmanager(webhook=f"{daemon.url}/webhook/alertmanager", bearer=token)
    await amtool("alert", "add", f"{name}-webhook", "product=shop", url=between.url)
    posting = await prometheus(
        targets={},
        rules=[rule(f"{name}-api", "vector(1)", labels={"product": "shop"})],
        alertmanagers=[daemon.url],
        bearer=token,
    )
    return posting, between


def name_for(token: str) -> str:
    return "taken" if token == SENDER else "refused"


async def has_both(daemon: Homeostat, token: str) -> bool:
    name = name_for(token)
    return await names(daemon) == {f"{name}-webhook", f"{name}-api"}


async def test_amtool_works_against_homeostat(tmp_path: Path) -> None:
    """Adds an alert, silences another before it comes, and looks at all of it."""
    async with site(tmp_path / "site") as made:
        await made.run()
        url = made.daemon.url
        await amtool("alert", "add", "Seen", "product=shop", "--annotation=summary=so so", url=url)
        assert "Seen" in await amtool("alert", "query", "product=shop", url=url)
        assert "Seen" not in await amtool("alert", "query", "product=other", url=url)

        adding = ("silence", "add", "alertname=Quiet", "--comment=planned", "--duration=1h")
        silence = (await amtool(*adding, url=url)).strip()
        assert silence in await amtool("silence", "query", url=url)
        await amtool("alert", "add", "Quiet", "product=shop", url=url)
        assert "Quiet" not in await amtool("alert", "query", url=url)
        assert "Quiet" in await amtool("alert", "query", "--silenced", url=url)
        ledger = await made.daemon.ledger()
        assert (ledger["received"], ledger["suppressed"]) == (2, 1)

        await amtool("silence", "expire", silence, url=url)
        assert silence not in await amtool("silence", "query", url=url)
        assert silence in await amtool("silence", "query", "--expired", url=url)
        await eventually(
            lambda: amtool_lists("Quiet", url), within=5, what="it burns still, and is heard now"
        )
        assert (await made.daemon.ledger())["balanced"] is True


async def amtool_lists(name: str, url: str) -> bool:
    return name in await amtool("alert", "query", url=url)


async def amtool(*arguments: str, url: str) -> str:
    """What Debian's amtool prints; asserts that it says it went well."""
    process = await asyncio.create_subprocess_exec(
        program("amtool"),
        f"--alertmanager.url={url}",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, warned = await process.communicate()
    assert process.returncode == 0, (arguments, warned.decode())
    return printed.decode()
