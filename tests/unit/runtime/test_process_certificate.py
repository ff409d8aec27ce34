"""Certificates are read from real handshakes and real files, whoever signed them, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.errors import Permanent
from agent.runtime.process_certificate import read_der, read_file
from tests.support.breakable_certificate import certificate
from tests.support.running import free_port
from tests.support.servers import BREAKABLE
from tests.support.substrate import PYTHON, Substrate

DAY = 86_400.0


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Substrate]:
    substrate = Substrate(tmp_path)
    port = free_port()
    part = BREAKABLE.with_name("breakable_part.py")
    command = [*PYTHON, str(part), "tls", "--port", str(port), "--file", "server.pem"]
    substrate.add_block(
        "web",
        {"command": command, "cwd": str(tmp_path), "health_url": f"https://127.0.0.1:{port}/"},
    )
    yield substrate
    substrate.sweep()


async def test_served_and_renewed_on_disk(house: Substrate) -> None:
    file = certificate(house.folder / "server.pem", days=2)
    await house.processes.start("web", key="k")
    await house.ready("web")
    seen = await house.processes.certificates("web", file="server.pem")
    assert seen.served == seen.on_disk, seen.detail
    certificate(file, days=90)
    seen = await house.processes.certificates("web", file="server.pem")
    assert seen.served is not None
    assert seen.on_disk is not None
    assert seen.served.digest != seen.on_disk.digest
    assert 1.9 * DAY < seen.served.expires_in_seconds <= 2 * DAY
    assert 89.9 * DAY < seen.on_disk.expires_in_seconds <= 90 * DAY


async def test_what_cannot_be_read_is_unknown_with_its_reason(house: Substrate) -> None:
    seen = await house.processes.certificates("web", file="server.pem")
    assert (seen.served, seen.on_disk) == (None, None)
    assert "shows no certificate" in seen.detail
    assert "server.pem cannot be opened" in seen.detail


async def test_an_address_without_tls_shows_none(house: Substrate) -> None:
    house.add("web", health_url="http://127.0.0.1:1/")
    seen = await house.processes.certificates("web", file="x")
    assert "it is not https" in seen.detail
    house.add("web")
    seen = await house.processes.certificates("web", file="x")
    assert "declares no health address" in seen.detail


async def test_a_file_outside_is_not_read(house: Substrate) -> None:
    house.add("web", cwd=str(house.folder))
    (house.folder / "way-out").symlink_to("/etc/hostname")
    seen = await house.processes.certificates("web", file="way-out")
    assert "leads out of" in seen.detail


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no certificate",
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    ],
)
def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.pem"
    path.write_text(text)
    with pytest.raises(Permanent):
        read_file(path, now=0.0)


def der(*parts: tuple[int, bytes]) -> bytes:
    return b"".join(bytes([tag, len(body)]) + body for tag, body in parts)


def bare(*times: tuple[int, bytes], version: bool = True) -> bytes:
    """As little of a certificate as has an end."""
    nothing = [(0x02, b"\x01"), (0x30, b""), (0x30, b"")]
    first = [(0xA0, b"\x02\x01\x02")] if version else []
    body = der(*first, *nothing, (0x30, der(*times)))
    return der((0x30, der((0x30, body))))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ((0x17, b"700101000010Z"), 10.0),
        ((0x17, b"491231235959Z"), 2524607999.0),
        ((0x18, b"19700101000020Z"), 20.0),
    ],
)
@pytest.mark.parametrize("version", [True, False])
def test_both_ways_to_write_a_moment(
    moment: tuple[int, bytes], expected: float, version: bool
) -> None:
    body = bare((0x17, b"700101000000Z"), moment, version=version)
    assert read_der(body, where="x", now=0.0).expires_in_seconds == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x30",
        b"\x30\x80",
        b"\x30\x85\x01\x01\x01\x01\x01",
        b"\x30\x05\x30",
        bare((0x17, b"700101000000Z"), (0x02, b"700101000000Z")),
        bare((0x17, b"700101000000Z"), (0x17, b"never")),
        bare((0x17, b"700101000000Z")),
    ],
)
def test_what_is_cut_off_or_strange_is_no_certificate(body: bytes) -> None:
    with pytest.raises(Permanent, match="no certificate that can be read"):
        read_der(body, where="x", now=0.0)
