"""One commit on a branch of its own in somebody's git work tree, without touching that tree.

The files that are checked out, the index and the branch people are on stay as they are: the commit
is put together from objects, in an index of its own that is thrown away. Nothing of the repository
is run meanwhile: no hook, no filter, no file system monitor. Blocks: to be called in a thread.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from agent.runtime.commands import CommandFailed, Said, run

GIT_SECONDS = 30.0
QUIET = (
    "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0",
    "-c", "maintenance.auto=false", "-c", "commit.gpgSign=false", "-c", "protocol.allow=never",
    "-c", "core.splitIndex=false",
)  # fmt: skip
NO_TREE = "not a git repository"
OF_GIT = ("HEAD", "objects", "refs")
"""What a repository itself consists of, wherever it lies."""
NOT_THERE = ""
"""Old value of a branch that has to be new."""


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """A git work tree, and where in it the folder stands."""

    top: Path
    prefix: str
    """As in `ops/runbooks/`; empty at the top."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What is committed: one file, and the name of one it takes the place of."""

    name: str
    """Of the file, without a folder."""
    text: str
    replaces: str = ""
    message: str
    author: str
    at: float


def work_tree(folder: Path) -> Tree | None:
    """The work tree the folder is in; None where it is in none. Raises CommandFailed where that
    cannot be told, so that nobody's repository is written past git."""
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            break
        if all((place / name).exists() for name in OF_GIT):
            raise CommandFailed(f"{place} is a repository without files: name a folder of a clone")
    else:
        return None
    argv = ("git", *QUIET, "rev-parse", "--is-inside-work-tree", "--show-toplevel", "--show-prefix")
    said = run(argv, cwd=folder, env=environment(), seconds=GIT_SECONDS)
    if said.code != 0:
        if NO_TREE in said.error:
            return None
        raise CommandFailed(f"git: {' '.join(said.error.split())[-300:]}", code=said.code)
    lines = said.out.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    if len(lines) != 3:
        raise CommandFailed("git: the name of a folder on the way has a line break")
    is_inside, top, prefix = lines
    if is_inside != "true":
        return None
    return Tree(top=Path(top), prefix=prefix)


def environment() -> dict[str, str]:
    """Nothing of ours but where programs and the person's own configuration are."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


def check_tree(tree: Tree) -> None:
    """Raises CommandFailed where no commit could be made there now. Changes nothing."""
    git = _Git(tree, {}, None)
    git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", why="it has no commit yet")
    for name in ("objects", "refs"):
        place = tree.top / git("rev-parse", "--git-path", name)
        if not os.access(place, os.W_OK | os.X_OK):
            raise CommandFailed(f"git: {place} cannot be written")


def commit(tree: Tree, branch: str, change: Change, *, stop: threading.Event | None = None) -> str:
    """The id of the commit that the branch ends with, which has the file as wanted. A branch that
    is there already and was not merged gets one more commit; else it begins at HEAD. Done twice, it
    is the same commit. Raises CommandFailed."""
    with tempfile.TemporaryDirectory(prefix="homeostat-git-") as scratch:
        git = _Git(tree, {"GIT_INDEX_FILE": str(Path(scratch) / "index"), **_who(change)}, stop)
        git("check-ref-format", "--branch", branch)
        ref = f"refs/heads/{branch}"
        if target := git.maybe("symbolic-ref", "--quiet", ref):
            raise CommandFailed(f"the branch {branch} is only another name of {target}")
        head = git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", why="it has no commit yet")
        tip = git.maybe("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        parent = tip if tip and not git.holds("merge-base", "--is-ancestor", tip, head) else head
        made = _tree_with(git, parent, change)
        if made == git("rev-parse", f"{parent}^{{tree}}"):
            return parent
        _refuse_checked_out(git, ref)
        found = git("commit-tree", made, "-p", parent, "-F", "-", given=change.message.encode())
        git("update-ref", "--no-deref", "-m", "homeostat", ref, found, tip or NOT_THERE)
        return found


def _tree_with(git: _Git, parent: str, change: Change) -> str:
    """The parent's tree, with the file in it and without the one it replaces."""
    blob = git("hash-object", "-w", "--no-filters", "--stdin", given=change.text.encode())
    git("read-tree", parent)
    path = git.tree.prefix + change.name
    git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    if change.replaces:
        git("update-index", "--force-remove", "--", git.tree.prefix + change.replaces)
    return git("write-tree")


def _refuse_checked_out(git: _Git, ref: str) -> None:
    """The branch somebody is on must not move under their files."""
    listed = git("worktree", "list", "--porcelain").splitlines()
    if f"branch {ref}" in listed:
        name = ref.removeprefix("refs/heads/")
        raise CommandFailed(f"the branch {name} is checked out: switch to another one")


def _who(change: Change) -> dict[str, str]:
    """Dates from the decision and not from now: what is done again comes to the same commit."""
    when = f"{int(change.at)} +0000"
    return {
        "GIT_AUTHOR_NAME": _name(change.author),
        "GIT_AUTHOR_EMAIL": f"{_mailbox(change.author)}@homeostat.invalid",
        "GIT_AUTHOR_DATE": when,
        "GIT_COMMITTER_NAME": "Homeostat",
        "GIT_COMMITTER_EMAIL": "homeostat@homeostat.invalid",
        "GIT_COMMITTER_DATE": when,
    }


def _name(text: str) -> str:
    """git takes no name that is empty, or that holds what ends one."""
    plain = "".join(c for c in text if c.isprintable() and c not in "<>").strip(" .,:;'\"\\")
    return plain[:100] or "unknown"


def _mailbox(text: str) -> str:
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in text.lower()).strip("-")
    return plain[:60] or "unknown"


class _Git:
    def __init__(self, tree: Tree, extra: Mapping[str, str], stop: threading.Event | None) -> None:
        self.tree, self._stop = tree, stop
        self._env = {**environment(), **extra}

    def __call__(self, *words: str, given: bytes = b"", why: str = "") -> str:
        said = self._run(words, given)
        if said.code != 0:
            told = why or " ".join(said.error.split())[-300:] or f"it ended with {said.code}"
            raise CommandFailed(f"git {words[0]}: {told}", code=said.code)
        return said.out.decode("utf-8", "surrogateescape").strip()

    def maybe(self, *words: str) -> str:
        """The same, empty where it says no."""
        said = self._run(words)
        return said.out.decode("utf-8", "surrogateescape").strip() if said.code == 0 else ""

    def holds(self, *words: str) -> bool:
        return self._run(words).code == 0

    def _run(self, words: tuple[str, ...], given: bytes = b"") -> Said:
        return run(
            ("git", *QUIET, *words),
            cwd=self.tree.top,
            env=self._env,
            seconds=GIT_SECONDS,
            given=given,
            stop=self._stop,
        )
