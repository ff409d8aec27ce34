"""The demo: a small real company breaks in seven chapters, and Homeostat keeps it running.

Nothing in it is played. The daemon is the one people run, with the shipped runbooks and the rails
of the policy, only faster; the services really hang, fail and fall silent; what a chapter says it
saw is read from the HTTP API and from the pages people got.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.catalog.faults import FaultsError
from agent.catalog.settings import load_settings
from agent.interface.demo.chapters import CHAPTERS, Chapter
from agent.interface.demo.layout import Layout, lay_out, runbook_names
from agent.interface.demo.scene import Scene
from agent.interface.demo.telling import Alive, Ending, Json, Plain, Result, Teller, Title
from agent.interface.demo.world import World, world
from agent.model.errors import HomeostatError
from agent.runtime.clock import SystemClock
from agent.runtime.registry import shipped_runbooks_folder

FINE, FOUND_WRONG, WRONG_USAGE = 0, 1, 2
INTERRUPTED = 130
STORY_SECONDS = 195.0
"""What all chapters have together, so that all of it ends within 4 minutes whatever happens."""
LEARNED = "learned"
"""Stands for the runbook chapter 4 learns: without it nobody approves the proposal."""


@dataclass(frozen=True)
class Wish:
    stays: bool
    chapters: Sequence[Chapter]
    without_fault: frozenset[str]
    without_runbook: frozenset[str]


def main(
    *,
    once: bool,
    format: str,
    port: int | None,
    without_fault: list[str],
    without_runbook: list[str],
    chapters: str = "",
    keep: bool = False,
) -> int:
    """Tells the story; 0 where every chapter came true, else 1.

    `chapters` names or numbers some of them, separated by commas; empty means all. Without a
    terminal it ends by itself like with `once`. `keep` leaves the folder for a look.
    """
    try:
        wish = _wish(
            stays=not once and format != "json" and sys.stdout.isatty(),
            chapters=chapters,
            without_fault=without_fault,
            without_runbook=without_runbook,
        )
    except ValueError as error:
        print(f"homeostat: {error}", file=sys.stderr)
        return WRONG_USAGE
    teller = _teller(format)
    folder = Path(tempfile.mkdtemp(prefix="homeostat-demo-"))
    try:
        return _tell(wish, teller, folder, port)
    finally:
        teller.close()
        if keep:
            print(f"everything is left in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _tell(wish: Wish, teller: Teller, folder: Path, port: int | None) -> int:
    try:
        shipped = shipped_runbooks_folder()
        layout = lay_out(folder, port=port, runbooks=shipped, without=wish.without_runbook)
        return asyncio.run(_story(wish, teller, layout))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED
    except (HomeostatError, FaultsError, OSError) as error:
        teller.fails(str(error))
        return FOUND_WRONG


def _wish(
    *, stays: bool, chapters: str, without_fault: Sequence[str], without_runbook: Sequence[str]
) -> Wish:
    """Raises ValueError for a name that is none."""
    without_fault, without_runbook = _words(without_fault), _words(without_runbook)
    names = [chapter.name for chapter in CHAPTERS]
    known = {*runbook_names(shipped_runbooks_folder()), LEARNED}
    for name in without_fault:
        if name not in names:
            raise ValueError(f"no chapter {name!r} (one of {', '.join(names)})")
    for name in without_runbook:
        if name not in known:
            raise ValueError(f"no runbook {name!r} (one of {', '.join(sorted(known))})")
    wanted = _words([chapters])
    for word in wanted:
        if word not in names and not (word.isdecimal() and 1 <= int(word) <= len(names)):
            raise ValueError(f"no chapter {word!r} (1 to {len(names)}, or {', '.join(names)})")
    told = [
        c for n, c in enumerate(CHAPTERS, start=1) if not wanted or {c.name, str(n)} & {*wanted}
    ]
    return Wish(stays, told, frozenset(without_fault), frozenset(without_runbook))


def _words(listed: Sequence[str]) -> list[str]:
    """What was given one by one or separated by commas."""
    return [word.strip() for text in listed for word in text.split(",") if word.strip()]


def _teller(format: str) -> Teller:
    if format == "json":
        return Json()
    return Alive(SystemClock()) if sys.stdout.isatty() else Plain(sys.stdout)


def _head(layout: Layout) -> list[str]:
    """What is printed before anything happens: the rails, and where to look."""
    policy = load_settings(layout.settings, {}).policy
    return [
        "A small company breaks for real, and Homeostat keeps it running.",
        f"The same rails as everywhere, only faster: cooldown {policy.cooldown_seconds:g} s, "
        f"{policy.attempts_per_incident} plans an incident, {policy.attempts_per_day} failed runs "
        f"a day, page held {policy.page_hold_seconds:g} s, silent after "
        f"{policy.missed_heartbeats} missed heartbeats, promoted after "
        f"{policy.resolutions_needed} like resolutions.",
        f"Console: {layout.url}  token of erin: {layout.tokens['erin']}",
    ]


async def _story(wish: Wish, teller: Teller, layout: Layout) -> int:
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    clock = SystemClock()
    began = clock.monotonic()
    titles = [Title(chapter.name, chapter.title) for chapter in wish.chapters]
    teller.begins(titles, head=_head(layout))
    results: list[Result] = []
    async with world(layout, teller) as running:
        for chapter in wish.chapters:
            left = STORY_SECONDS - (clock.monotonic() - began)
            result = await _chapter(running, chapter, wish, left=left)
            results.append(result)
            teller.chapter_ends(result)
        first = running.first_heal_at
        ending = Ending(
            results=results,
            seconds=round(clock.monotonic() - began, 1),
            first_heal_seconds=None if first is None else round(first - began, 1),
            ledger=await running.get("/api/v1/ledger"),
        )
        teller.ends(ending)
        if wish.stays:
            print(f"The company goes on at {layout.url} until Ctrl-C.", flush=True)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
    return FINE if ending.came_true else FOUND_WRONG


async def _chapter(running: World, chapter: Chapter, wish: Wish, *, left: float) -> Result:
    title = Title(chapter.name, chapter.title)
    running.teller.chapter(title, broken=chapter.broken, expected=chapter.expected)
    began = running.clock.monotonic()
    scene = Scene(
        running,
        fault=chapter.name not in wish.without_fault,
        learned=LEARNED not in wish.without_runbook,
    )
    came_true = True
    try:
        async with asyncio.timeout(max(0.0, left)):
            await scene.begin()
            seen = await chapter.tell(scene)
    except TimeoutError:
        came_true, seen = False, f"the {STORY_SECONDS:.0f} s of the whole story were over"
    except HomeostatError as error:
        came_true, seen = False, str(error)
    try:
        await chapter.mend(running)
        await running.green()
    except HomeostatError as error:
        came_true, seen = False, f"{seen}; afterwards: {error}"
        await _sweep(running)
    paged = scene.paged()
    came_true = came_true and paged == scene.pages_expected
    told = ", ".join(f"{team} {_times(count)}" for team, count in sorted(paged.items()))
    return Result(
        name=chapter.name,
        title=chapter.title,
        expected=chapter.expected,
        seen=f"{seen}; paged: {told or 'nobody'}",
        came_true=came_true,
        seconds=round(running.clock.monotonic() - began, 1),
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


async def _sweep(running: World) -> None:
    """What still burns is closed by hand, so that the next chapter can begin."""
    with contextlib.suppress(HomeostatError):
        for incident in await running.incidents():
            if incident["state"] != "resolved":
                path = f"/api/v1/incidents/{incident['id']}/resolve"
                await running.post(path, {"cause": "closed by the story"}, who="dave")
