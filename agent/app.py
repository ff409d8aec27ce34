"""Composition root: one straight function in flow order, teardown in reverse.

Nothing here decides anything. Reading it from top to bottom is reading how the daemon is put
together; what is opened last is closed first, by name, in one stack.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import structlog

from agent.catalog.faults import FaultsError
from agent.catalog.settings import Settings, load_settings, settings_file
from agent.interface.server import serve
from agent.model.errors import HomeostatError
from agent.runtime.clock import SystemClock
from agent.runtime.daemon import Daemon
from agent.runtime.history import DATABASE
from agent.runtime.log_lines import configure_logs
from agent.runtime.redaction import Redaction
from agent.store.sqlite import SqliteStore

log = structlog.get_logger("app")

FINE, FOUND_WRONG, WRONG_USAGE = 0, 1, 2
THREAD_SWITCH_SECONDS = 0.0005
"""How long the loop may keep the thread that commits from going on, statement by statement; at
Python's 5 ms a commit under load waits longer for its turn than for the disk."""
GC_THRESHOLD = 20_000
"""New objects between two looks at the youngest ones; Python's own is 700."""
HURRY_SECONDS = 1.0


def run(config: Path | None = None) -> int:
    """The daemon in the foreground; returns the exit code."""
    try:
        settings = load_settings(settings_file(config, os.environ), os.environ)
    except FaultsError as error:
        print(error, file=sys.stderr)  # noqa: T201 - people read this before there is a log
        return WRONG_USAGE
    redaction = Redaction()
    text = settings.log.format == "text"
    configure_logs(level=settings.log.level, text=text, redact=redaction.text)
    try:
        return _loop(settings, redaction)
    except (HomeostatError, OSError) as error:
        print(redaction.text(f"homeostat: {error}"), file=sys.stderr)  # noqa: T201
        return FOUND_WRONG


def _loop(settings: Settings, redaction: Redaction) -> int:
    sys.setswitchinterval(THREAD_SWITCH_SECONDS)
    try:
        import uvloop  # an extra: a faster loop under load
    except ModuleNotFoundError:
        return asyncio.run(compose(settings, redaction))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(compose(settings, redaction))


async def compose(settings: Settings, redaction: Redaction) -> int:
    """Puts the daemon together, waits for a signal or a fault, and takes it apart in reverse."""
    stopping = asyncio.Event()
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        store = SqliteStore(settings.data_dir / DATABASE)
        daemon = Daemon(settings, store=store, clock=clock, redaction=redaction)
        daemon.files.settings_again = partial(load_settings, settings.file, os.environ)
        stack.push_async_callback(daemon.stop)
        await daemon.start()
        server = await serve(
            daemon,
            host=settings.host,
            port=settings.port,
            push_sources=daemon.registry.push_sources(),
        )
        stack.push_async_callback(server.stop)
        _on_signals(stopping, daemon)
        _settle_memory()
        log.info("listening", address=f"http://{settings.host}:{server.port}")
        ended = asyncio.create_task(daemon.failed())
        wanted = asyncio.create_task(stopping.wait())
        await asyncio.wait({ended, wanted}, return_when=asyncio.FIRST_COMPLETED)
        failed = ended.done()
        if failed:
            log.error("part_ended", part=ended.result())
        for task in (ended, wanted):
            task.cancel()
    return FOUND_WRONG if failed else FINE


def _settle_memory() -> None:
    """What was built at start stays for good: the collector need not look at it again and again.

    Later it looks less often than by default: nearly everything that a request leaves behind goes
    by reference counts, and a full collection would hold up what is under way.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 20)


def _on_signals(stopping: asyncio.Event, daemon: Daemon) -> None:
    loop = asyncio.get_running_loop()

    first: list[float] = []

    def stop() -> None:
        # Supervisors send a signal to the group and to the process: the same wish twice. Asked
        # again later, somebody is in a hurry. What is committed is safe.
        if first and loop.time() - first[0] > HURRY_SECONDS:
            os._exit(FOUND_WRONG)
        first.append(loop.time())
        stopping.set()

    loop.add_signal_handler(signal.SIGTERM, stop)
    loop.add_signal_handler(signal.SIGINT, stop)
    loop.add_signal_handler(signal.SIGHUP, daemon.request_reload)
