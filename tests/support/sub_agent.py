"""A real sub-agent as a process: it beats, works, counts what it does, and obeys its control topic.

    python -m tests.support.sub_agent --port 1883 --name indexer [--every 0.5] [--http PORT]

Its last will says that it is dead. Each heartbeat carries boot, sequence, work counter, last
success, version, configuration hash and mode; its running totals go to `telemetry/NAME`. In mode
`observe` it goes on beating and does no work. It runs the version and configuration it is told to.
How it breaks is told by a message on `sub-agent/NAME`:

    hang     it beats and does no work any more · block   its event loop stands still for a minute
    errors   half of its work fails · slow   each task takes ten times as long · tokens   ten times
    as many · wrong   it answers its probe wrongly · back   its sequence begins anew · well   all of
    it is over

With `--http` it answers `GET /answer` with `{"answer": 42}`, which is what a probe may ask.

    async with sub_agent(folder, broker.port, name="indexer") as member:
        await member.tell("hang")
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiomqtt
from aiohttp import web

from tests.support.running import Running
from tests.support.servers import make

ROOT = Path(__file__).parents[2]
BREAKS = ("hang", "block", "errors", "slow", "tokens", "wrong", "back", "well")
BLOCK_SECONDS = 60.0
TASK_SECONDS = 0.2
TASK_TOKENS = 1200.0


@dataclass
class Member:
    """What it is and does."""

    name: str
    version: str
    config_hash: str
    boot: str = field(default_factory=lambda: f"{os.getpid()}-{time.time_ns()}")
    mode: str = "act"
    seq: int = 0
    last_success: float | None = None
    faults: set[str] = field(default_factory=set)
    totals: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("tasks", "errors", "seconds", "tokens"), 0.0)
    )

    def obey(self, body: bytes) -> None:
        """An empty word takes an earlier one back."""
        word = json.loads(body) if body else {}
        self.mode = word.get("mode", "act")
        self.version = word.get("version") or self.version
        self.config_hash = word.get("config_hash") or self.config_hash

    def break_it(self, how: str) -> None:
        if how == "block":
            time.sleep(BLOCK_SECONDS)
        elif how == "back":
            self.seq = 0
        elif how == "well":
            self.faults.clear()
        else:
            self.faults.add(how)

    def work(self, tasks: int) -> None:
        if self.mode == "observe" or "hang" in self.faults:
            return
        slow, costly = ("slow" in self.faults), ("tokens" in self.faults)
        self.totals["tasks"] += tasks
        self.totals["errors"] += tasks / 2 if "errors" in self.faults else 0
        self.totals["seconds"] += tasks * TASK_SECONDS * (10 if slow else 1)
        self.totals["tokens"] += tasks * TASK_TOKENS * (10 if costly else 1)
        self.last_success = time.time()

    def beat(self) -> dict[str, Any]:
        self.seq += 1
        return {
            "boot": self.boot,
            "seq": self.seq,
            "work": self.totals["tasks"],
            "last_success": self.last_success,
            "sent_at": time.time(),
            "version": self.version,
            "config_hash": self.config_hash,
            "mode": self.mode,
        }


async def live(member: Member, options: argparse.Namespace) -> None:
    root, name = options.root, member.name
    last = json.dumps({"alive": False, "boot": member.boot}).encode()
    will = aiomqtt.Will(f"{root}heartbeats/{name}", last, qos=1, retain=True)
    async with aiomqtt.Client(
        "127.0.0.1",
        options.port,
        identifier=name,
        username=options.user,
        password=options.password,
        keepalive=options.keepalive,
        will=will,
    ) as client:
        await client.subscribe([(f"{root}control/{name}", 1), (f"{root}sub-agent/{name}", 1)])
        listening = asyncio.create_task(listen(member, client, root))
        try:
            while True:
                member.work(options.tasks)
                for topic, body in (("heartbeats", member.beat()), ("telemetry", member.totals)):
                    told = json.dumps(body).encode()
                    kept = topic == "heartbeats"
                    await client.publish(f"{root}{topic}/{name}", told, qos=1, retain=kept)
                await asyncio.sleep(options.every)
        finally:
            listening.cancel()


async def listen(member: Member, client: aiomqtt.Client, root: str) -> None:
    async for message in client.messages:
        body = message.payload if isinstance(message.payload, bytes) else b""
        if str(message.topic) == f"{root}control/{member.name}":
            member.obey(body)
        elif body:
            member.break_it(body.decode())


async def answer(member: Member, port: int) -> None:
    async def say(_: web.Request) -> web.Response:
        return web.json_response({"answer": 41 if "wrong" in member.faults else 42})

    app = web.Application()
    app.router.add_get("/answer", say)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()


async def main(options: argparse.Namespace) -> None:
    member = Member(options.name, options.version, options.config_hash)
    if options.http:
        await answer(member, options.http)
    print("lives", flush=True)
    while True:
        with suppress(aiomqtt.MqttError):
            await live(member, options)
        await asyncio.sleep(0.3)


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--root", default="homeostat/")
    parser.add_argument("--every", type=float, default=0.5)
    parser.add_argument("--tasks", type=int, default=1)
    parser.add_argument("--keepalive", type=int, default=2)
    parser.add_argument("--version", default="1.0")
    parser.add_argument("--config-hash", default="")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--http", type=int, default=0)
    return parser.parse_args(arguments)


class SubAgent(Running):
    """It as a process; `start` after `kill` is a new life of it."""

    name: str
    port: int

    async def tell(self, how: str, *, root: str = "homeostat/") -> None:
        """How it is to break, or that it is `well`."""
        assert how in BREAKS, how
        async with aiomqtt.Client("127.0.0.1", self.port) as client:
            await client.publish(f"{root}sub-agent/{self.name}", how.encode(), qos=1)


def command(port: int, name: str, *options: str) -> list[str]:
    """Also for a `process` block of the catalog."""
    module = ("-m", "tests.support.sub_agent")
    return [sys.executable, *module, "--port", str(port), "--name", name, *options]


@asynccontextmanager
async def sub_agent(
    folder: Path, port: int, *options: str, name: str = "indexer"
) -> AsyncIterator[SubAgent]:
    """Running, and connected to the broker at `port`."""
    make(folder)

    async def lives() -> bool:
        return "lives" in made.output

    made = SubAgent(
        command(port, name, *options), folder=folder, ready=lives, env={"PYTHONPATH": str(ROOT)}
    )
    made.name, made.port = name, port
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


if __name__ == "__main__":
    asyncio.run(main(options_of(sys.argv[1:])))
