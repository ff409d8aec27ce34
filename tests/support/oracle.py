"""A site-local plugin folder whose acts are witnessed: each real act is one line in a file, synced
before the act returns, so that no kill -9 can make it forgotten or look done when it was not.

The line is the effect *and* the evidence for the probe, written by one call: there is no moment in
which one of them is true without the other.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ACTIONS = '''\
"""Acts that are witnessed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pydantic import Field

from agent.model.effect import Effect, Probed, Reversal
from agent.ports.plugin import Params, action


class Witnessed(Params):
    target: str = Field(description="whom it is done to")
    file: str = Field(description="where it is written down")
    before: float = Field(default=0.0, description="seconds from its begin to the act")
    after: float = Field(default=0.0, description="seconds from the act to its answer")


def write(file, line):
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line.encode() + b"\\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def act(kit, params):
    line = params.target + " " + kit.key
    write(params.file + ".begun", line)
    await asyncio.sleep(params.before)
    write(params.file, line)
    await asyncio.sleep(params.after)
    return {"key": kit.key}


@action(
    name="oracle.probed",
    params=Witnessed,
    effect=Effect.PROBED,
    reversal=Reversal.NOTHING,
    summary="Acts, can be asked",
)
async def probed(kit, params):
    return await act(kit, params)


@probed.probe
async def happened(kit, params, key):
    path = Path(params.file)
    lines = path.read_text().splitlines() if path.exists() else []
    return Probed.HAPPENED if params.target + " " + key in lines else Probed.NOT_HAPPENED


@action(
    name="oracle.again",
    params=Witnessed,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NOTHING,
    summary="Acts, repeatable",
)
async def again(kit, params):
    return await act(kit, params)


@action(
    name="oracle.opaque",
    params=Witnessed,
    effect=Effect.OPAQUE,
    reversal=Reversal.NOTHING,
    summary="Acts, nobody knows",
)
async def opaque(kit, params):
    return await act(kit, params)
'''

DIAGNOSTICS = '''\
"""What the witness saw."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic import Field

from agent.ports.plugin import Params, Result, diagnostic


class Looked(Result):
    acts: int = Field(description="how many there were")


class Look(Params):
    target: str = Field(description="whom it was done to")
    file: str = Field(description="where it is written down")
    takes: float = Field(default=0.0, description="seconds until it answers")


@diagnostic(name="oracle.look", params=Look, result=Looked, summary="Counts the acts")
async def look(kit, params):
    await asyncio.sleep(params.takes)
    path = Path(params.file)
    lines = path.read_text().splitlines() if path.exists() else []
    return Looked(acts=sum(line.split()[0] == params.target for line in lines))
'''


PLUGINS = {"actions/oracle": ACTIONS, "diagnostics/oracle_look": DIAGNOSTICS}
"""As `daemon(plugins=...)` takes them."""


class Oracle:
    """What really happened, and what was only begun: lines of target and idempotency key."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def acts(self) -> Counter[str]:
        """How often each act really happened."""
        return Counter(_lines(self.file))

    def begun(self) -> Counter[str]:
        return Counter(_lines(self.file.with_name(self.file.name + ".begun")))


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
