"""F-SEC-07: nothing an alert says sends the agent where it should not go.

The resolver is a stub that says what an attacker's name server would; the sockets are real, on
loopback, which stands for everything that is inside.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.addresses import Allowed, origin_of
from agent.catalog.runbooks import load_text
from agent.catalog.settings import load_settings
from agent.model.errors import Permanent, Temporary
from agent.model.product import Entity, EntityKind, Registry
from agent.runtime import egress
from agent.runtime.daemon import Daemon
from agent.runtime.egress import Reach, WrittenAddresses, reach
from agent.runtime.http_client import AiohttpHttp
from agent.runtime.kit import Kits
from agent.store.memory import MemoryStore
from tests.support.kits import RealClock, ToldProcesses
from tests.support.loopback import Loopback, serving, status
from tests.support.shipped import shipped


class NameServer:
    """Answers each question with the next of its answers, and the last of them for ever."""

    def __init__(self, names: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.names = {name: list(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[Any]:
        self.asked.append(host)
        answers = self.names.get(host)
        if not answers:
            raise OSError(-2, "Name or service not known")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in answer
        ]

    async def close(self) -> None: ...


@asynccontextmanager
async def client(
    names: Mapping[str, Sequence[Sequence[str]]] | None = None,
    *,
    written: egress.Written | None = lambda host, port: False,
) -> AsyncIterator[tuple[AiohttpHttp, NameServer]]:
    server = NameServer(names or {})
    http = AiohttpHttp(RealClock(), written=written, resolver=server)
    try:
        yield http, server
    finally:
        await http.close()


def port_of(server: Loopback) -> int:
    return int(server.url.rsplit(":", 1)[1])


@pytest.mark.parametrize(
    ("address", "leads"),
    [
        ("169.254.169.254", Reach.NEVER),
        ("0.0.0.0", Reach.NEVER),
        ("0.1.2.3", Reach.NEVER),
        ("224.0.0.1", Reach.NEVER),
        ("255.255.255.255", Reach.NEVER),
        ("100.100.100.200", Reach.NEVER),
        ("fe80::1", Reach.NEVER),
        ("fe80::1%eth0", Reach.NEVER),
        ("ff02::1", Reach.NEVER),
        ("::", Reach.NEVER),
        ("fd00:ec2::254", Reach.NEVER),
        ("::ffff:169.254.169.254", Reach.NEVER),
        ("::169.254.169.254", Reach.NEVER),
        ("64:ff9b::a9fe:a9fe", Reach.NEVER),
        ("2002:a9fe:a9fe::", Reach.NEVER),
        ("64:ff9b:1::a9fe:a9fe", Reach.NEVER),
        ("64:ff9b:1:a9fe:a9:fe00::", Reach.NEVER),
        ("64:ff9b:1:abcd:a9:fea9:fe00:0", Reach.NEVER),
        ("64:ff9b:1::", Reach.NEVER),
        ("::ffff:0:169.254.169.254", Reach.NEVER),
        ("2001:db8::1", Reach.NEVER),
        ("100::1", Reach.NEVER),
        ("no address", Reach.NEVER),
        ("127.0.0.1", Reach.INSIDE),
        ("127.255.0.1", Reach.INSIDE),
        ("::1", Reach.INSIDE),
        ("::ffff:127.0.0.1", Reach.INSIDE),
        ("64:ff9b::7f00:1", Reach.INSIDE),
        ("64:ff9b:1::10.1.2.3", Reach.INSIDE),
        ("64:ff9b:1:abcd::10.1.2.3", Reach.INSIDE),
        ("::ffff:0:127.0.0.1", Reach.INSIDE),
        ("10.1.2.3", Reach.INSIDE),
        ("172.31.0.1", Reach.INSIDE),
        ("192.168.0.1", Reach.INSIDE),
        ("100.64.0.1", Reach.INSIDE),
        ("fd12::1", Reach.INSIDE),
        ("172.32.0.1", Reach.OUTSIDE),
        ("1.1.1.1", Reach.OUTSIDE),
        ("2606:4700::1", Reach.OUTSIDE),
        ("::ffff:1.1.1.1", Reach.OUTSIDE),
        ("::ffff:0:1.1.1.1", Reach.OUTSIDE),
        ("64:ff9b:1::1.1.1.1", Reach.OUTSIDE),
        ("64:ff9b:1:abcd::1.1.1.1", Reach.OUTSIDE),
    ],
)
def test_where_an_address_leads(address: str, leads: Reach) -> None:
    """F-SEC-07"""
    assert reach(address) is leads


LOOPBACK_WRITTEN = [
    "http://127.0.0.1:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://①②⑦.0.0.1:{port}/",
    "http://public.test@127.0.0.1:{port}/",
    "http://public.test:pw@127.0.0.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://inside.test:{port}/",
    "http://public.test\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@public.test/",
]


@pytest.mark.parametrize("url", LOOPBACK_WRITTEN)
async def test_an_address_from_an_alert_does_not_lead_inside_however_it_is_written(
    url: str,
) -> None:
    """F-SEC-07: decimal, octal, hexadecimal, IPv4 in IPv6, user names, names that lead inside."""
    named = ("localhost", "localhost.", "inside.test", "127.0.0.1.", "0x7f000001", "0177.0.0.1")
    names = {name: [["127.0.0.1"]] for name in (*named, "2130706433", "127.1", "0")}
    async with serving(status(200)) as server, client(names) as (http, _):
        with pytest.raises((Permanent, Temporary)):
            await http.get(url.format(port=port_of(server)), timeout_seconds=3)
        assert server.received == []


async def test_the_same_server_is_asked_where_people_wrote_its_address() -> None:
    async with serving(status(200)) as server:
        written = {("127.0.0.1", port_of(server)), ("inside.test", port_of(server))}
        names = {"inside.test": [["127.0.0.1"]]}
        async with client(names, written=lambda *origin: origin in written) as (http, _):
            assert (await http.get(server.url, timeout_seconds=3)).status == 200
            named = f"http://Inside.test:{port_of(server)}/"
            assert (await http.get(named, timeout_seconds=3)).status == 200
            with pytest.raises(Permanent, match="allowed_hosts"):
                await http.get("http://127.0.0.1:1/", timeout_seconds=3)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "http://METADATA/",
        "http://[fe80::1]/",
        "http://[fd00:ec2::254]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://224.0.0.1/",
        "http://linklocal.test/",
    ],
)
async def test_metadata_and_link_local_are_never_asked_whoever_wrote_them(url: str) -> None:
    """F-SEC-07"""
    names = {"linklocal.test": [["169.254.169.254"]], "metadata": [["10.0.0.1"]]}
    async with client(names, written=None) as (http, _):
        with pytest.raises(Permanent, match="never asked"):
            await http.get(url, timeout_seconds=3)


async def test_a_name_that_leads_elsewhere_the_second_time_is_not_resolved_a_second_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F-SEC-07, DNS rebinding: what is checked is what is connected to."""
    async with serving(status(200)) as server:
        port = port_of(server)
        names = {"rebind.test": [["127.0.0.1"], ["169.254.169.254"]]}
        async with client(names, written=None) as (http, asked):
            assert (await http.get(f"http://rebind.test:{port}/", timeout_seconds=3)).status == 200
            assert asked.asked == ["rebind.test"]
            assert len(server.received) == 1
        # 127.0.0.2, where nothing listens, stands for the outside
        monkeypatch.setattr(egress, "INSIDE", (ipaddress.ip_network("127.0.0.1/32"),))
        names = {"rebind.test": [["127.0.0.2"], ["127.0.0.1"]]}
        async with client(names) as (http, asked):
            with pytest.raises(Temporary, match="refuses the connection"):
                await http.get(f"http://rebind.test:{port}/", timeout_seconds=3)
            assert asked.asked == ["rebind.test"]
            assert len(server.received) == 1, "the first answer was tried, and no other"


async def test_of_several_answers_only_those_are_tried_that_may_be() -> None:
    async with serving(status(200)) as server:
        names = {"mixed.test": [["169.254.169.254", "127.0.0.1"]]}
        async with client(names, written=None) as (http, _):
            url = f"http://mixed.test:{port_of(server)}/"
            assert (await http.get(url, timeout_seconds=3)).status == 200


async def test_a_connection_made_for_a_written_address_is_not_lent_to_another() -> None:
    async with serving(status(200)) as server:
        port, names = port_of(server), {"shop.test": [["127.0.0.1"]]}
        allowed = [True]
        async with client(names, written=lambda *_: allowed[0]) as (http, _):
            assert (await http.get(f"http://shop.test:{port}/", timeout_seconds=3)).status == 200
            allowed[0] = False
            with pytest.raises(Permanent):
                await http.get(f"http://shop.test:{port}/", timeout_seconds=3)
        assert len(server.received) == 1


def test_the_socket_is_the_last_look() -> None:
    make = egress.guarded_socket(may_be_inside=False)
    for address in ("127.0.0.1", "169.254.169.254", "::1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with pytest.raises(egress.Barred):
            make((family, socket.SOCK_STREAM, 6, "", (address, 80)))
    make((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 80))).close()


async def test_a_resolver_that_lies_to_the_guard_is_stopped_at_the_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(egress, "check_address", lambda *_, **__: None)
    async with serving(status(200)) as server:
        async with client({"a.test": [["127.0.0.1"]]}) as (http, _):
            with pytest.raises(Permanent, match="where it may not"):
                await http.get(f"http://a.test:{port_of(server)}/", timeout_seconds=3)
        assert server.received == []


async def test_a_redirect_leads_nowhere() -> None:
    """F-SEC-07"""
    away = status(302, headers={"Location": "http://169.254.169.254/"})
    async with serving(away) as server, client(written=None) as (http, _):
        assert (await http.get(server.url, timeout_seconds=3)).status == 302


async def test_reading_and_acting_are_guarded_and_telling_is_not() -> None:
    async with serving(status(200)) as server:
        kits = Kits(
            clock=RealClock(),
            processes=ToldProcesses(),  # type: ignore[arg-type]
            products=Registry,
            written=lambda host, port: False,
        )
        try:
            for kit in (
                kits.read(deadline_seconds=5),
                kits.act(key="k", deadline_seconds=5),
            ):
                with pytest.raises(Permanent, match="nobody wrote"):
                    await kit.http.get(server.url, timeout_seconds=3)
                with pytest.raises(Permanent, match="nobody wrote"):
                    await kit.promql.query("up", url=server.url, timeout_seconds=3)
            notify = kits.notify(secrets={}, deadline_seconds=5)
            assert (await notify.http.get(server.url, timeout_seconds=3)).status == 200
        finally:
            await kits.close()


def test_what_counts_as_written_follows_the_catalog() -> None:
    shop = Entity(
        name="shop",
        kind=EntityKind.SERVICE,
        product="p",
        owner="team",
        health_url="http://Shop.svc:8000/healthy",
    )
    registries = [Registry()]
    written = WrittenAddresses(
        settings=("http://127.0.0.1:9090", {"urls": ["https://am.test/x"], "n": 3}, None),
        registry=lambda: registries[-1],
        runbooks=tuple,
        allowed=(Allowed(text="*.pay.svc"), Allowed(text="10.2.0.0/16")),
    )
    assert written("127.0.0.1", 9090)
    assert not written("127.0.0.1", 8420), "another port is another address"
    assert written("am.test", 443)
    assert not written("shop.svc", 8000)
    registries.append(Registry(entities={"shop": shop}))
    assert written("shop.svc", 8000)
    assert [written(host, 1) for host in ("a.pay.svc", "10.2.3.4")] == [True, True]
    assert not any(written(host, 1) for host in ("pay.svc", "xpay.svc", "10.3.0.1"))


@pytest.mark.parametrize("text", ["ftp://h/", "h", "http://", "http://[::1", "http://h:99999/", ""])
def test_what_is_no_address_is_no_origin(text: str) -> None:
    assert origin_of(text) is None


async def test_many_at_once_share_one_resolution_that_is_refused() -> None:
    async with client({"inside.test": [["10.0.0.1"]]}) as (http, _):
        asks = (http.get("http://inside.test/", timeout_seconds=3) for _ in range(5))
        found = await asyncio.gather(*asks, return_exceptions=True)
    assert [type(error) for error in found] == [Permanent] * 5


LOOKS = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: looks, owner: team, layer: product, tier: low}
match: {alert: [Down]}
diagnose:
  - {id: literal, use: http.get, with: {url: "http://10.0.0.7:8000/state"}}
  - {id: computed, use: http.get, with: {url: "=alert.annotations.url"}}
plans:
  again:
    steps: [{id: restart, use: process.restart}]
    verify:
      observe: [{id: proof, use: http.responds, with: {url: "http://10.0.0.8/"}}]
      success: proof.verdict == "held"
      within: 2m
"""


def test_an_address_that_stands_in_a_runbook_was_written_by_people() -> None:
    """F-SEC-07: and one that it computes from an alert was not, whatever the alert says."""
    books = (load_text(LOOKS, path="looks.yaml", plugins=shipped().plugins),)
    written = WrittenAddresses(settings=(), registry=Registry, runbooks=lambda: books)
    assert written("10.0.0.7", 8000)
    assert written("10.0.0.8", 80)
    assert len(written._now()) == 2


@pytest.mark.parametrize(
    ("settings", "answers"),
    [("", False), ("prometheus_url: {url}\n", True), ("allowed_hosts: [127.0.0.0/8]\n", True)],
    ids=["nothing", "prometheus_url", "allowed_hosts"],
)
async def test_the_daemon_lends_clients_that_know_what_its_settings_say(
    settings: str, answers: bool, tmp_path: Path
) -> None:
    """F-SEC-07"""
    async with serving(status(200)) as server:
        file = tmp_path / "homeostat.yaml"
        file.write_text(settings.format(url=server.url))
        daemon = Daemon(load_settings(file, {}), store=MemoryStore(), clock=RealClock())
        try:
            ask = daemon.kits.read(deadline_seconds=5).http.get(server.url, timeout_seconds=3)
            if answers:
                assert (await ask).status == 200
            else:
                with pytest.raises(Permanent, match="allowed_hosts"):
                    await ask
        finally:
            await daemon.kits.close()
            daemon.telemetry.close()
