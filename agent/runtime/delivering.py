"""An approved runbook written where people keep theirs: a file in the configured folder, and where
that is in a git work tree a branch with one commit, which a configured command pushes and another
one turns into a request to merge.

Nothing of it is needed for the runbook to be used: it lies in the data folder and is read from
there until a runbook of its name is found in another one. So a failure holds up nobody; it stands
in the record, and the writing is tried again, ever more rarely.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from agent.catalog.draft import draft
from agent.catalog.faults import FaultsError
from agent.catalog.learning_document import DeliverySettings, filled
from agent.catalog.strict_yaml import read_one
from agent.core.cleaning import clean_text
from agent.model.errors import HomeostatError, StoreUnavailable
from agent.model.event import PromotionDelivered
from agent.model.learning import Delivered, Promotion, PromotionState
from agent.model.runbook import Lifecycle
from agent.ports.clock import Clock
from agent.runtime.commands import checked
from agent.runtime.git_branch import Change, Tree, check_tree, commit, work_tree

log = structlog.get_logger("delivering")

COMMAND_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 3600.0
MOST_TRIES = 10
LONGEST_ERROR = 500
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
OF_A_REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_WORK_TREE",
    }
)
"""Variables that would lead git somewhere else than where it is called."""


CHANGES = ("state", "review_by")
"""What an approval changes in a runbook."""
_PROOF_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@]+@")


class NotDelivered(HomeostatError):
    """The folder cannot be used, or something stands in the way of the file."""


def is_due(promotion: Promotion) -> bool:
    """Whether it is approved and not, or not wholly, written as it was approved last."""
    if promotion.state is not PromotionState.APPROVED or is_over(promotion):
        return False
    done = promotion.delivered
    return done is None or bool(done.error) or done.at < (promotion.decided_at or 0.0)


def is_over(promotion: Promotion) -> bool:
    """Whether it was rejected after all, or another one has its remedies."""
    is_rejected = promotion.state is PromotionState.REJECTED
    return is_rejected or promotion.lifecycle == Lifecycle.RETIRED.value


def withdraw(promotion: Promotion, settings: DeliverySettings) -> bool:
    """Takes away the file that was written, where it is as it was written. What came by a branch
    was taken over by people and is theirs. Raises NotDelivered or OSError."""
    done = promotion.delivered
    if settings.folder is None or done is None or done.branch:
        return False
    path = _place(_folder(settings.folder), promotion.name)
    if str(path) != done.path or not path.is_file():
        return False
    if path.read_bytes() != draft(promotion.document).encode():
        return False
    path.unlink()
    return True


def deliver(
    promotion: Promotion,
    settings: DeliverySettings,
    data_dir: Path,
    at: float,
    *,
    stop: threading.Event | None = None,
) -> Delivered:
    """Writes it; what went wrong is in the answer. What was done before is not done again. Blocks,
    for minutes where a command does."""
    own = data_dir / "promoted" / f"{promotion.name}.yaml"
    done = Delivered(path=str(own), at=at)
    before = promotion.delivered
    if before is not None and before.at >= (promotion.decided_at or 0.0):
        done = msgspec.structs.replace(done, pushed=before.pushed)
    if settings.folder is None:
        return done
    try:
        folder = _folder(settings.folder)
        path = _place(folder, promotion.name)
        done = msgspec.structs.replace(done, path=str(path))
        tree = work_tree(folder)
        if tree is None:
            _write(folder, path, draft(promotion.document))
            return done
        return _as_branch(promotion, settings, tree, done, stop)
    except (HomeostatError, OSError, TypeError, ValueError) as error:
        return _failed(done, error)  # also a text nobody expected there: it must end nothing


def fault_of(settings: DeliverySettings) -> str:
    """Why an approved runbook could not be delivered now; empty where it could. Changes nothing."""
    if settings.folder is None:
        return ""
    programs = [words[0] for words in (settings.push, settings.request) if words]
    try:
        folder = _folder(settings.folder)
        tree = work_tree(folder)
        if tree is not None:
            check_tree(tree)
    except (HomeostatError, OSError) as error:
        return str(error)
    if tree is None:
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"{folder} cannot be written"
        return f"{folder} is in no git work tree: nothing is pushed" if programs else ""
    lost = [name for name in programs if not _is_program(name, tree)]
    return f"{lost[0]} is no program that can be run here" if lost else ""


def _is_program(name: str, tree: Tree) -> bool:
    """Looked for as it will be: a name in PATH, a path from the top of the work tree."""
    return shutil.which(str(tree.top / name) if "/" in name else name) is not None


def _as_branch(
    promotion: Promotion,
    settings: DeliverySettings,
    tree: Tree,
    done: Delivered,
    stop: threading.Event | None,
) -> Delivered:
    branch = settings.branch.replace("{name}", promotion.name)
    replaced = promotion.replaces
    change = Change(
        name=f"{promotion.name}.yaml",
        text=draft(promotion.document),
        replaces=f"{replaced}.yaml" if replaced and NAME.fullmatch(replaced) else "",
        message=message_of(promotion),
        author=promotion.decided_by or "unknown",
        at=promotion.decided_at or promotion.proposed_at,
    )
    found = commit(tree, branch, change, stop=stop)
    done = msgspec.structs.replace(done, branch=branch, commit=found)
    try:
        if settings.push and not done.pushed:
            _command(settings.push, promotion, done, tree, stop)
            done = msgspec.structs.replace(done, pushed=True)
        if settings.request:
            _command(settings.request, promotion, done, tree, stop)
    except HomeostatError as error:
        return _failed(done, error)
    return done


def _command(
    words: tuple[str, ...],
    promotion: Promotion,
    done: Delivered,
    tree: Tree,
    stop: threading.Event | None,
) -> None:
    argv = filled(words, branch=done.branch, name=promotion.name, path=done.path)
    checked(argv, cwd=tree.top, env=_environment(), seconds=COMMAND_SECONDS, stop=stop)


def _environment() -> dict[str, str]:
    """What a command may need to prove itself elsewhere, and nothing that is ours."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HOMEOSTAT_") and name not in OF_A_REPOSITORY
    } | {"GIT_TERMINAL_PROMPT": "0"}


def _failed(done: Delivered, error: Exception) -> Delivered:
    said = _PROOF_IN_ADDRESS.sub("", str(error))  # it is kept, and shown to people
    text = clean_text(said, longest=LONGEST_ERROR)[0]
    return msgspec.structs.replace(done, error=text or type(error).__name__)


def _folder(named: Path) -> Path:
    """The real folder. A link in its place could lead anywhere by tomorrow."""
    if named.is_symlink():
        raise NotDelivered(f"{named} is a link: name the folder itself as learning.folder")
    if not named.is_dir():
        what = "is no folder" if named.exists() else "does not exist"
        raise NotDelivered(f"{named} {what}: make it, or correct learning.folder")
    return named.resolve()


def _place(folder: Path, name: str) -> Path:
    if NAME.fullmatch(name) is None:
        raise NotDelivered(f"{name!r} is no name of a runbook")
    path = folder / f"{name}.yaml"
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return path
    if not stat.S_ISREG(found.st_mode):
        raise NotDelivered(f"{path} is no ordinary file: take it away")
    return path


def _write(folder: Path, path: Path, text: str) -> None:
    """All of it or nothing; the name of the new file is hidden from whoever reads runbooks."""
    there = path.read_bytes() if path.is_file() else None
    if there == text.encode():
        return
    if there is not None and not _is_ours(there, text):
        raise NotDelivered(f"{path} was written or changed by somebody: take it away, or keep it")
    fresh = folder / f".{path.name}.new"
    fresh.unlink(missing_ok=True)
    opened = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with open(opened, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def _is_ours(there: bytes, text: str) -> bool:
    """Whether it is what was written here before: the same but for what it may do, which a person's
    word changes. What anybody else wrote, or edited since, is theirs."""
    try:
        before = read_one(there.decode(), file="there").data
        now = read_one(text, file="now").data
        return draft(before).encode() == there and _without_state(before) == _without_state(now)
    except (FaultsError, TypeError, ValueError, AttributeError):
        return False


def _without_state(document: Mapping[str, Any]) -> dict[str, Any]:
    lifecycle = {k: v for k, v in document.get("lifecycle", {}).items() if k not in CHANGES}
    return {**document, "lifecycle": lifecycle}


def message_of(promotion: Promotion) -> str:
    """The commit's message: what it is made of, what speaks for it, and on whose word."""
    tried = promotion.backtest
    lines = [
        f"Runbook {promotion.name}, learned from {len(promotion.incidents)} incidents",
        "",
        f"For: {promotion.alertname}"
        + (f" of {promotion.product}" if promotion.product is not None else ""),
        f"State: {promotion.lifecycle}",
        f"Incidents: {', '.join(promotion.incidents)}",
        f"Resolved by: {', '.join(promotion.resolvers)}",
    ]
    if promotion.separated_by:
        lines.append(f"Told from others by: {promotion.separated_by}")
    if promotion.contrast:
        lines.append(f"Leaves alone: {', '.join(promotion.contrast)}")
    if tried is not None:
        lines.append(
            f"Back-test: {tried.incidents} incidents, {tried.matched} matched, {tried.would_act} "
            f"acted on, {tried.agreed} as people did, {tried.harm_count} otherwise"
        )
    if promotion.replaces:
        lines.append(f"Replaces: {promotion.replaces}")
    approved = [*promotion.approvals, promotion.decided_by or "unknown"]
    lines.append(f"Approved by: {', '.join(dict.fromkeys(approved))}")
    if promotion.why:
        lines.append(f"Because: {promotion.why}")
    return "\n".join(clean_text(line, longest=500)[0] for line in lines) + "\n"


Submit = Callable[[PromotionDelivered], Awaitable[object]]


class Delivering:
    """Writes what was approved, one after the other, and again where that failed."""

    def __init__(
        self,
        *,
        promotions: Mapping[str, Promotion],
        settings: Callable[[], DeliverySettings],
        data_dir: Path,
        submit: Submit,
        clock: Clock,
    ) -> None:
        self._promotions, self._settings = promotions, settings
        self._data_dir, self._submit, self._clock = data_dir, submit, clock
        self._tries: dict[str, _Tries] = {}
        """Of what is due, by name."""
        self._over: set[str] = set()
        """Names of those whose files may have to go."""

    def note(self, promotion: Promotion) -> None:
        """It changed: there may be something to write."""
        if is_over(promotion) and promotion.delivered is not None:
            self._over.add(promotion.name)
        if not is_due(promotion):
            self._tries.pop(promotion.name, None)
            return
        known = self._tries.get(promotion.name)
        if known is None or known.approved_at != promotion.decided_at:
            self._tries[promotion.name] = _Tries(approved_at=promotion.decided_at)

    async def pass_by(self, stop: threading.Event) -> float | None:
        """Writes everything whose time has come. Returns after how many seconds more has."""
        while self._over:
            await self._withdraw(self._over.pop())
        for name, tries in list(self._tries.items()):
            promotion = self._promotions.get(name)
            if promotion is None or not is_due(promotion):
                self._tries.pop(name, None)
            elif tries.made < MOST_TRIES and self._clock.monotonic() >= tries.next:
                await self._deliver(promotion, tries, stop)
        waiting = [tries.next for tries in self._tries.values() if tries.made < MOST_TRIES]
        return max(0.0, min(waiting) - self._clock.monotonic()) if waiting else None

    async def _withdraw(self, name: str) -> None:
        promotion = self._promotions.get(name)
        if promotion is None or not is_over(promotion):
            return
        try:
            if await asyncio.to_thread(withdraw, promotion, self._settings()):
                log.info("withdrawn", promotion=name)
        except (HomeostatError, OSError) as error:
            log.warning("not_withdrawn", promotion=name, error=str(error)[:300])

    async def _deliver(self, promotion: Promotion, tries: _Tries, stop: threading.Event) -> None:
        name, at = promotion.name, self._clock.now()
        done = await asyncio.to_thread(
            deliver, promotion, self._settings(), self._data_dir, at, stop=stop
        )
        pause = min(FIRST_PAUSE_SECONDS * 2**tries.made, LONGEST_PAUSE_SECONDS)
        tries.made, tries.next = tries.made + 1, self._clock.monotonic() + pause
        if done.error:
            log.warning("not_delivered", promotion=name, error=done.error, tries=tries.made)
        else:
            log.info("delivered", promotion=name, path=done.path, branch=done.branch)
        if _is_same_failure(promotion.delivered, done):
            return
        try:
            await self._submit(PromotionDelivered(at=done.at, subject=name, delivered=done))
        except StoreUnavailable as error:
            log.warning("delivery_not_stored", promotion=name, error=str(error)[:300])


class _Tries(msgspec.Struct, kw_only=True):
    approved_at: float | None
    made: int = 0
    next: float = 0.0
    """By the monotonic clock."""


def _is_same_failure(before: Delivered | None, done: Delivered) -> bool:
    """The journal needs it once."""
    if before is None or not done.error:
        return False
    return before == msgspec.structs.replace(done, at=before.at)
