"""Which addresses the agent may be made to ask.

An alert is text from anybody, and a question by HTTP may take its address from one. Whoever can
send an alert must not be able to send the agent to the metadata service of a cloud, to its own API,
or to what listens on loopback. So addresses are of three kinds, by where they lead:

- never asked, whoever wrote them: link-local (there the metadata services live), multicast,
  unspecified, reserved, and the metadata services elsewhere;
- inside (loopback, private networks): asked where people wrote the address into the settings, the
  catalog or a runbook, or allowed its host, and not where it was computed from an alert;
- outside: asked.

What counts is the address that is connected to, however it was written: names are resolved once,
and IPv4 in IPv6 is looked through.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

import structlog

from agent.catalog.addresses import Allowed, origin_of
from agent.catalog.settings import Settings
from agent.core.view import View
from agent.model.errors import Permanent
from agent.model.product import Registry
from agent.model.runbook import Call, Runbook, Verify

log = structlog.get_logger("egress")

IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Written = Callable[[str, int], bool]
"""Whether people wrote this host (lower case, no final dot) and port themselves."""


class Reach(Enum):
    NEVER = "never"
    INSIDE = "inside"
    OUTSIDE = "outside"


NEVER = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "100.100.100.200/32",
        "192.0.0.192/32", "168.63.129.16/32", "::/128", "fe80::/10", "ff00::/8",
        "fd00:ec2::254/128", "fd20:ce::254/128",
        "2001:db8::/32", "100::/64",
    )
)  # fmt: skip
INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
        "192.0.0.0/24", "198.18.0.0/15", "::1/128", "fc00::/7", "fec0::/10",
    )
)  # fmt: skip
METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data"}
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_TRANSLATED = ipaddress.ip_network("::ffff:0:0:0/96")
_NOWHERE = ipaddress.ip_network("0.0.0.0/8")


class Barred(OSError):
    """A connection that was about to lead where it may not."""


class Resolver(Protocol):
    """As aiohttp's resolvers."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[Any]: ...

    async def close(self) -> None: ...


def reach(address: str) -> Reach:
    """Where an address leads. Text that is no address leads nowhere it may."""
    try:
        ip: IP = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Reach.NEVER
    if isinstance(ip, ipaddress.IPv6Address):
        if ip in _NAT64_LOCAL:
            return _strictest(_local_inner(int(ip)))
        inner = _inner(ip)
        if inner is not None:
            return reach(str(inner))
    if any(ip in network for network in NEVER if network.version == ip.version):
        return Reach.NEVER
    if any(ip in network for network in INSIDE if network.version == ip.version):
        return Reach.INSIDE
    return Reach.OUTSIDE


def _inner(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that stands in this one: mapped, translated, compatible, 6to4,
    Teredo, NAT64."""
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    if ip in _NAT64 or ip in _TRANSLATED or (int(ip) >> 32 == 0 and int(ip) > 1):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def _local_inner(bits: int) -> Iterator[ipaddress.IPv4Address]:
    """What may be meant by an address of the NAT64 prefix for local use (RFC 8215). How long the
    prefix within it is, only the network knows, so all of its places are read (RFC 6052: 48, 56,
    64 and 96 bits, with bits 64 to 71 left out)."""
    whole = (bits >> 64 << 56 | bits & (1 << 56) - 1) & (1 << 120) - 1  # without those eight bits
    yield ipaddress.IPv4Address(bits & 0xFFFFFFFF)
    for length in (48, 56, 64):
        yield ipaddress.IPv4Address(whole >> (120 - length - 32) & 0xFFFFFFFF)


def _strictest(meant: Iterable[ipaddress.IPv4Address]) -> Reach:
    """A place that holds only the zeros between two parts is not what was meant."""
    found = {reach(str(ip)) for ip in meant if ip not in _NOWHERE}
    if not found or Reach.NEVER in found:
        return Reach.NEVER
    return Reach.INSIDE if Reach.INSIDE in found else Reach.OUTSIDE


def check_name(host: str, *, place: str) -> None:
    """Raises Permanent for a host that is barred by its name, or by the address it is."""
    plain = host.lower().rstrip(".")
    if plain in METADATA_NAMES:
        raise Permanent(f"{place} is a metadata service, which is never asked")


def check_address(address: str, *, may_be_inside: bool, place: str) -> None:
    """Raises Permanent for an address that may not be connected to."""
    found = reach(address)
    if found is Reach.NEVER:
        raise Permanent(f"{place} leads to an address that is never asked (such as link-local)")
    if found is Reach.INSIDE and not may_be_inside:
        raise Permanent(
            f"{place} leads inside, and nobody wrote this address into the settings or the "
            "catalog; allow its host by `allowed_hosts` if alerts may name it"
        )


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class GuardedResolver:
    """Resolves once, and gives only what may be connected to: there is no second resolution that
    could say something else."""

    def __init__(self, resolver: Resolver, *, may_be_inside: bool) -> None:
        self._resolver, self._may_be_inside = resolver, may_be_inside

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[Any]:
        found = await self._resolver.resolve(host, port, family)
        refused: Permanent | None = None
        fine = []
        for each in found:
            try:
                check_address(each["host"], may_be_inside=self._may_be_inside, place=host)
                fine.append(each)
            except Permanent as error:
                refused = error
        if refused is not None and not fine:
            log.warning("egress_refused", host=host[:200])
            raise refused
        return fine

    async def close(self) -> None:
        await self._resolver.close()


def guarded_socket(
    may_be_inside: bool,
) -> Callable[[tuple[Any, Any, int, str, tuple[Any, ...]]], socket.socket]:
    """Makes the sockets of a client: the last look, at the very address that is connected to."""

    def make(info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, address = info
        found = reach(str(address[0]))
        if found is Reach.NEVER or (found is Reach.INSIDE and not may_be_inside):
            raise Barred(f"{address[0]} may not be connected to")
        return socket.socket(family, kind, protocol)

    return make


class WrittenAddresses:
    """What people wrote, as it is now: health addresses of the catalog, Prometheus and sources of
    the settings, addresses that stand in runbooks as they are, and allowed hosts."""

    def __init__(
        self,
        *,
        settings: Iterable[Any],
        registry: Callable[[], Registry],
        runbooks: Callable[[], Sequence[Runbook]],
        allowed: Sequence[Allowed] = (),
    ) -> None:
        self._settings = frozenset(_origins(settings))
        self._registry, self._runbooks, self._allowed = registry, runbooks, allowed
        self._seen: tuple[Registry, Sequence[Runbook]] | None = None
        self._found: frozenset[tuple[str, int]] = frozenset()

    def __call__(self, host: str, port: int) -> bool:
        return (host, port) in self._now() or any(each.holds(host) for each in self._allowed)

    def _now(self) -> frozenset[tuple[str, int]]:
        registry, runbooks = self._registry(), self._runbooks()
        if self._seen is None or self._seen[0] is not registry or self._seen[1] is not runbooks:
            health = (entity.health_url for entity in registry.entities.values())
            params = (call.params for runbook in runbooks for call in _calls(runbook))
            self._found = self._settings | frozenset(_origins((*health, *params)))
            self._seen = (registry, runbooks)
        return self._found


def written_by_people(settings: Settings, view: View) -> WrittenAddresses:
    return WrittenAddresses(
        settings=(settings.prometheus_url, [use.params for use in settings.sources]),
        registry=lambda: view.registry,
        runbooks=lambda: view.runbooks.runbooks,
        allowed=settings.allowed_hosts,
    )


def _calls(runbook: Runbook) -> Iterator[Call]:
    yield from runbook.diagnose
    for plan in runbook.plans:
        yield from (*plan.steps, *plan.rollback)
        looks: tuple[Verify | None, ...] = (plan.verify, plan.rollback_verify)
        for look in looks:
            if look is not None:
                yield from look.observe


def _origins(values: Iterable[Any]) -> Iterator[tuple[str, int]]:
    """Host and port of every address in there, at any depth. What is computed is no text here."""
    for value in values:
        if isinstance(value, str):
            origin = origin_of(value)
            if origin is not None:
                yield origin
        elif isinstance(value, Mapping):
            yield from _origins(value.values())
        elif isinstance(value, list | tuple):
            yield from _origins(value)
