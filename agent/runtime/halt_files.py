"""The kill switch as files: for people who reach the machine but not the daemon, and for platforms
that mount a configuration.

`HALT` in the data folder halts by being there, whatever it holds; its text is the reason. The files
of the setting `halt_files` (a mounted key of a ConfigMap, say) are the other way round: each has to
be there and to say `off`. Whatever cannot be looked at counts as on: the disk that lost the switch
is no reason to go on acting.

A look is a few system calls on purpose, and blocks: it is taken right before every act, and nothing
may begin between the look and the act. What is no ordinary file is not opened, so that a pipe
cannot hold it up.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from agent.catalog.settings import Settings
from agent.core.cleaning import clean_text
from agent.core.halting import LONGEST_WHY, Place, Says, seen_on
from agent.core.view import View
from agent.model.errors import HomeostatError
from agent.model.event import HaltAsked
from agent.ports.clock import Clock

log = structlog.get_logger("halt")

NAME = "HALT"
OFF = frozenset({"off", "run"})
LOOK_SECONDS = 0.5
MOST_BYTES = 4096

Tell = Callable[[HaltAsked], Awaitable[object]]


class HaltFiles:
    def __init__(self, settings: Settings, *, view: View, clock: Clock, tell: Tell) -> None:
        self._data_dir, self._others = settings.data_dir, settings.halt_files
        self._view, self._clock, self._tell = view, clock, tell

    def places(self) -> tuple[Place, ...]:
        return places(self._data_dir, self._others)

    def look(self) -> Place | None:
        """The first file that says on, or cannot be read; None where all of them say off."""
        return next((place for place in self.places() if place.is_on), None)

    async def run(self) -> None:
        """Looks twice a second, so that a file is known everywhere within a second."""
        while True:
            await self.see()
            await self._clock.sleep(LOOK_SECONDS)

    async def see(self) -> None:
        """One look. Where a file says on, that is kept: it stays on when the file goes away."""
        if self._view.halt is not None:
            return
        place = self.look()
        if place is None:
            return
        try:
            await self._tell(seen_on(place, at=self._clock.now()))
        except HomeostatError as error:
            # The next look tells it again; until then the look before each act holds all of them.
            log.warning("halt_not_stored", place=place.path, error=str(error)[:300])
        else:
            log.warning("halted", place=place.path, why=place.why)


def places(data_dir: Path, others: Sequence[Path]) -> tuple[Place, ...]:
    """Every file that can set the kill switch, and what it says now."""
    return (_own(data_dir), *(_said_off(path) for path in others))


def _own(data_dir: Path) -> Place:
    path = data_dir / NAME
    try:
        os.lstat(path)
    except FileNotFoundError:
        return _empty_folder(path)
    except (OSError, ValueError) as error:
        return _unreadable(path, error)
    try:
        text = _text(path)
    except (OSError, ValueError):
        text = ""
    why = clean_text(text.strip(), longest=LONGEST_WHY)[0] or "the file is there"
    return Place(path=str(path), says=Says.ON, why=why)


def _empty_folder(path: Path) -> Place:
    """No file says off only where one could be: a folder that is gone took the switch along."""
    try:
        if stat.S_ISDIR(os.stat(path.parent).st_mode):
            return Place(path=str(path), says=Says.OFF)
    except (OSError, ValueError) as error:
        return _unreadable(path, error)
    return Place(path=str(path), says=Says.UNREADABLE, why=f"{path.parent} is no folder")


def _said_off(path: Path) -> Place:
    try:
        text = _text(path).strip()
    except (OSError, ValueError) as error:
        return _unreadable(path, error)
    if text.lower() in OFF:
        return Place(path=str(path), says=Says.OFF)
    why = f"it says {text[:LONGEST_WHY]!r}, and not off" if text else "it is empty"
    return Place(path=str(path), says=Says.ON, why=why)


def _unreadable(path: Path, error: Exception) -> Place:
    why = f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return Place(path=str(path), says=Says.UNREADABLE, why=why)


def _text(path: Path) -> str:
    """The beginning of an ordinary file. Raises OSError or ValueError."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise ValueError("it is no ordinary file")
        return os.read(opened, MOST_BYTES).decode("utf-8", "replace")
    finally:
        os.close(opened)
