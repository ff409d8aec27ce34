"""Real child processes for tests of the embedded substrate, and a broom for what they leave."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agent.model.product import Entity, EntityKind
from agent.ports.kit import Http
from agent.runtime.process_table import ProcessTable
from agent.runtime.processes import Processes
from tests.support.kits import RealClock

PYTHON = [sys.executable, "-S", "-E", "-u"]

IDLE = "import sys, time\nprint('ready', *sys.argv[1:])\ntime.sleep(600)\n"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('ready')\ntime.sleep(600)\n"
)
PARENT = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])\n"
    "print('ready', child.pid)\ntime.sleep(600)\n"
)
WEB = """
import socket, sys
listener = socket.create_server(('127.0.0.1', int(sys.argv[1])), reuse_port=False)
print('ready')
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    if sys.argv[2] == 'silent':
        kept = connection
        continue
    connection.sendall(b'HTTP/1.1 %s x\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok'
                       % sys.argv[2].encode())
    connection.close()
"""


class Substrate:
    """Entities in a temporary folder and the `Processes` over them."""

    def __init__(self, folder: Path, http: Http | None = None) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.http = http
        self.entities: dict[str, Entity] = {}
        self.processes = self.another()

    def another(self) -> Processes:
        """As a second daemon on the same folder, or the next one after a crash."""
        return Processes(lambda: self.entities, self.state, RealClock(), self.http)

    def add(self, name: str, script: str = IDLE, *arguments: str, **block: Any) -> Entity:
        program = self.folder / f"{name}.py"
        program.write_text(script)
        block = {"command": [*PYTHON, str(program), *arguments], "stop_grace": "2s", **block}
        return self.add_block(name, block)

    def add_block(self, name: str, block: Mapping[str, Any] | None) -> Entity:
        entity = Entity(
            name=name, kind=EntityKind.SERVICE, product="shop", owner="team-shop", process=block
        )
        self.entities[name] = entity
        return entity

    async def ready(self, name: str, text: str = "ready") -> tuple[str, ...]:
        """Waits until the log says so."""
        return await until(
            lambda: self.processes.recent_log(name, lines=50),
            lambda lines: any(text in line for line in lines),
        )

    def sweep(self) -> None:
        table = ProcessTable()
        for ref, _ in table.find(f"{self.state.resolve()}#"):
            while not table.is_gone(ref):
                table.send(ref, signal.SIGKILL)  # again: what it forked meanwhile was not there
                time.sleep(0.005)


async def until(
    look: Callable[[], Any], good: Callable[[Any], bool], *, within_seconds: float = 10.0
) -> Any:
    deadline = time.monotonic() + within_seconds
    while True:
        seen = await look()
        if good(seen):
            return seen
        assert time.monotonic() < deadline, f"still {seen!r}"
        await asyncio.sleep(0.01)
