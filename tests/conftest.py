"""Fixtures with real servers, and the word on tests that cannot run on this machine.

A test whose server is missing *fails*, except under `make test`, which names the Debian packages
it could not install in TESTS_WITHOUT. Then the tests that need them are left out, and
the last lines of the run list every one of them: nothing is left out in silence.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support import receivers, servers

WITHOUT = frozenset(os.environ.get("TESTS_WITHOUT", "").split())
EDITOR = "yaml-language-server"
PACKAGE_OF_FIXTURE = {
    "prometheus": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "mosquitto": "mosquitto",
    "editor": EDITOR,
    "repository": "git",
}
LEFT_OUT = pytest.StashKey[dict[str, list[str]]]()

Start = Callable[..., Awaitable[Any]]


def packages_needed(item: pytest.Item) -> set[str]:
    """By its marker and its fixtures; an integration test that names no server needs them all."""
    needed = set()
    if item.get_closest_marker("browser"):
        needed |= {"chromium", "libatomic1"}
    named = {
        package
        for fixture, package in PACKAGE_OF_FIXTURE.items()
        if fixture in getattr(item, "fixturenames", ())
    }
    if item.get_closest_marker("integration") and not named:
        named = set(PACKAGE_OF_FIXTURE.values()) - {EDITOR, "git"}
    return needed | named


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept: list[pytest.Item] = []
    left_out: dict[str, list[str]] = {}
    for item in items:
        lacking = packages_needed(item) & WITHOUT
        if lacking:
            left_out.setdefault(" ".join(sorted(lacking)), []).append(item.nodeid)
        else:
            kept.append(item)
    config.stash[LEFT_OUT] = left_out
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    left_out = config.stash.get(LEFT_OUT, {})
    for packages, tests in left_out.items():
        terminalreporter.section(
            f"NOT RUN: {len(tests)} tests, Debian packages are missing: {packages}", red=True
        )
        for test in tests:
            terminalreporter.write_line(f"  not run: {test}", red=True)
        terminalreporter.write_line(f"  as root: apt-get install {packages}", red=True)


async def _starting(
    context: Callable[..., AbstractAsyncContextManager[Any]], *first: Any
) -> AsyncIterator[Start]:
    """A factory: each call starts one more, and all of them end with the test."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Any:
            return await stack.enter_async_context(context(*first, **settings))

        yield start


def _in_folder(
    context: Callable[..., AbstractAsyncContextManager[Any]], folder: Path
) -> Callable[..., AbstractAsyncContextManager[Any]]:
    """Gives every start a folder of its own: `folder-1`, `folder-2`, ..."""
    started = 0

    def start(**settings: Any) -> AbstractAsyncContextManager[Any]:
        nonlocal started
        started += 1
        return context(folder.with_name(f"{folder.name}-{started}"), **settings)

    return start


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[Start]:
    """`await prometheus(targets={"shop": "127.0.0.1:1"}, rules=[...])` → servers.Prometheus"""
    async for start in _starting(_in_folder(servers.prometheus, tmp_path / "prometheus")):
        yield start


@pytest.fixture
async def alertmanager(tmp_path: Path) -> AsyncIterator[Start]:
    """`await alertmanager(webhook=URL, bearer=TOKEN)` → servers.Alertmanager"""
    async for start in _starting(_in_folder(servers.alertmanager, tmp_path / "alertmanager")):
        yield start


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Start]:
    """`await mosquitto(persistence=True)` → servers.Mosquitto"""
    async for start in _starting(_in_folder(servers.mosquitto, tmp_path / "mosquitto")):
        yield start


@pytest.fixture
async def breakable(tmp_path: Path) -> AsyncIterator[Start]:
    """`await breakable(name="shop")` → servers.Breakable"""
    async for start in _starting(_in_folder(servers.breakable, tmp_path / "breakable")):
        yield start


@pytest.fixture
async def recorder() -> AsyncIterator[Start]:
    """`await recorder(bearer=TOKEN)` → receivers.Recorder"""
    async for start in _starting(partial(receivers.recorder)):
        yield start


@pytest.fixture
async def smtp() -> AsyncIterator[Start]:
    """`await smtp()` → receivers.Mailbox"""
    async for start in _starting(partial(receivers.smtp)):
        yield start
