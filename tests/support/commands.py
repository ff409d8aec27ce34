"""The command line as a person calls it, beside a running daemon."""

from __future__ import annotations

import asyncio

from typer.testing import CliRunner, Result

from agent.interface.cli.main import app


async def talk(*words: str, typed: str | None = None) -> Result:
    """In a thread, so that the daemon of the test can answer. HOMEOSTAT_URL says where it is."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(words), input=typed)
