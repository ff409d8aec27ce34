"""A consumer process for tests: the MQTT source over a ledger that is one file.

    python -m tests.support.mqtt_consumer PORT FILE CRASH

CRASH is `before` (the commit of the first batch), `after` (it, before the acknowledgement) or
`never`. The crash is a kill -9 of itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.model.alert import Alert, Alive, Signal
from plugins.sources.mqtt import Mqtt, listen
from tests.support.source_kit import collecting


async def consume(port: int, file: Path, crash: str) -> None:
    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    async def commit(signals: Sequence[Signal]) -> None:
        if all(isinstance(one, Alive) for one in signals):
            return  # of the connection itself: nothing that could be lost
        if crash == "before":
            die()
        with file.open("a") as ledger:
            ledger.writelines(f"{alert.name}\n" for alert in signals if isinstance(alert, Alert))
            ledger.flush()
            os.fsync(ledger.fileno())
        if crash == "after":
            die()

    async with collecting() as emitted:
        emitted.kit.emit_signals = commit  # type: ignore[attr-defined]
        await listen.run(emitted.kit, Mqtt(host="127.0.0.1", port=port, client_id="consumer"))


if __name__ == "__main__":
    asyncio.run(consume(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
