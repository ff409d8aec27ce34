"""Load that costs less than what it drives: wrk for HTTP, bare sockets for the rest."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.bench.machine import cpu_seconds, pinned, prepared
from tests.support.running import program

SECONDS = 2
CONNECTIONS = 64
KNOWN = 200
"""Different alerts in a run that repeats them."""

# A body is a list of pieces around the number of the alert, joined anew for each request.
DISTINCT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local pieces = {PIECES}
local size, n = SIZE, START
request = function()
  local body = {}
  for i = 1, size do
    body[i] = pieces[1] .. n .. pieces[2] .. n .. pieces[3]
    n = n + 1
  end
  return wrk.format(nil, nil, nil, "[" .. table.concat(body, ",") .. "]")
end
"""

REPEATED = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local size, known, n, requests = SIZE, KNOWN, 0, {}
local pieces = {PIECES}
init = function(args)
  for start = 0, known - 1, size do
    local body = {}
    for i = 1, size do
      local k = start + i - 1
      body[i] = pieces[1] .. k .. pieces[2] .. k .. pieces[3]
    end
    requests[#requests + 1] = wrk.format(nil, nil, nil, "[" .. table.concat(body, ",") .. "]")
  end
end
request = function()
  n = n % #requests + 1
  return requests[n]
end
"""


def alert(number: int | str, *, service: int | None = None, **labels: str) -> dict[str, Any]:
    """One alert of about 600 bytes as Prometheus posts it."""
    ends = datetime.now(UTC) + timedelta(hours=2)
    return {
        "labels": {
            "alertname": f"A{number}",
            "severity": "critical",
            "service": f"svc-{number if service is None else service}",
            "namespace": "prod-7",
            "pod": "api-7d9f8c6b5-00017",
            "instance": "10.0.0.1:9090",
            "cluster": "eu-1",
            **labels,
        },
        "annotations": {
            "summary": "Error ratio above 5% for 10 minutes",
            "description": "Requests fail with 5xx at 7.31%; the budget burns 14x too fast",
        },
        "startsAt": "2026-01-01T00:00:00.000Z",
        "endsAt": ends.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "generatorURL": "http://prometheus.example/graph?g0.expr=rate",
    }


@dataclass(frozen=True)
class Shot:
    """What one run of wrk saw: alerts a second, alerts for each second of the subject's CPU, and
    the time to the answer."""

    alerts: float
    per_cpu_second: float
    p99_ms: float


async def shoot(
    url: str, pid: int, *, folder: Path, cpu: int, batch: int, repeated: bool, start: int
) -> Shot:
    """Posts for a moment from 64 kept connections. Fails on any answer that is not 2xx."""
    script = prepared(folder) / "load.lua"
    pieces = json.dumps(alert("NUMBER"), separators=(",", ":")).split("NUMBER")
    written = REPEATED if repeated else DISTINCT
    quoted = ", ".join(f"[==[{piece}]==]" for piece in pieces)
    for name, value in (("PIECES", quoted), ("SIZE", batch), ("START", start), ("KNOWN", KNOWN)):
        written = written.replace(name, str(value))
    script.write_text(written)
    argv = [program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency"]
    before = cpu_seconds(pid)
    process = await asyncio.create_subprocess_exec(
        *pinned(cpu, [*argv, "-s", str(script), url]), stdout=asyncio.subprocess.PIPE
    )
    out = (await process.communicate())[0].decode()
    spent = cpu_seconds(pid) - before
    assert "Non-2xx" not in out, out
    assert "Socket errors" not in out, out
    requests = int(_found(r"(\d+) requests in", out))
    rate = float(_found(r"Requests/sec:\s+([\d.]+)", out))
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    assert tail, out
    factor = {"us": 0.001, "ms": 1.0, "s": 1000.0}[tail[2]]
    return Shot(rate * batch, requests * batch / max(spent, 0.01), float(tail[1]) * factor)


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match, text
    return match[1]


class Sender:
    """One kept connection."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def post(self, alerts: list[dict[str, Any]]) -> None:
        body = json.dumps(alerts).encode()
        head = (
            "POST /api/v2/alerts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        assert b" 200 " in answer[:20], answer
        length = re.search(rb"content-length: (\d+)", answer)
        if length and int(length[1]):
            await self._reader.readexactly(int(length[1]))

    def close(self) -> None:
        self._writer.close()


class Hook(asyncio.Protocol):
    """Receives actions and webhooks; notes when it first saw each name."""

    seen: dict[str, float]

    def __init__(self, seen: dict[str, float]) -> None:
        self.seen = seen
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return
            body, self._buffer = rest[:size], rest[size:]
            for name in re.findall(rb"svc-\d+", body):
                self.seen.setdefault(name.decode(), now)
            self._transport.write(  # type: ignore[attr-defined]
                b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            )


# MQTT 3.1.1, as much of it as publishing and opening a session needs


def _length(number: int) -> bytes:
    out = bytearray()
    while True:
        number, low = divmod(number, 128)
        out.append(low | 128 if number else low)
        if not number:
            return bytes(out)


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _connect(name: str, *, clean: bool) -> bytes:
    body = _text("MQTT") + bytes([4, 2 if clean else 0]) + (60).to_bytes(2, "big") + _text(name)
    return b"\x10" + _length(len(body)) + body


def open_session(port: int, name: str, topic: str) -> None:
    """A session that is kept, with a subscription at QoS 1, and nobody there."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as broker:
        broker.sendall(_connect(name, clean=False))
        broker.recv(4)
        body = (1).to_bytes(2, "big") + _text(topic) + b"\x01"
        broker.sendall(b"\x82" + _length(len(body)) + body)
        broker.recv(5)
        broker.sendall(b"\xe0\x00")


def publish(port: int, topic: str, payloads: list[bytes]) -> None:
    """At QoS 1; returns when the broker has acknowledged all of them."""
    window, sent, acknowledged = 1000, 0, 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as broker:
        broker.sendall(_connect("bench-publisher", clean=True))
        broker.recv(4)
        while acknowledged < len(payloads):
            out = bytearray()
            while sent < len(payloads) and sent - acknowledged < window:
                body = _text(topic) + (sent % 65_000 + 1).to_bytes(2, "big") + payloads[sent]
                out += b"\x32" + _length(len(body)) + body
                sent += 1
            if out:
                broker.sendall(out)
            acknowledged += len(broker.recv(65_536)) // 4
        broker.sendall(b"\xe0\x00")
