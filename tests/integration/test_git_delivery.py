"""An approved runbook becomes a branch with one commit, and nobody's work tree notices."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from agent.catalog.draft import draft
from agent.catalog.learning_document import DeliverySettings
from agent.catalog.settings import load_settings
from agent.model.decision import Decision, Record
from agent.model.event import PromotionDecided
from agent.model.learning import Delivered, Promotion, PromotionState
from agent.runtime.daemon import Daemon
from agent.runtime.delivering import deliver, fault_of
from agent.store.memory import MemoryStore
from tests.support.kits import RealClock
from tests.support.learned_text import NAME, document, learned
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

AT = 1_750_000_000.0
BRANCH = f"homeostat/{NAME}"
CLEAN = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
}


def git(where: Path, *words: str) -> str:
    who = ("-c", "user.name=Zoe", "-c", "user.email=zoe@example.invalid")
    done = subprocess.run(
        ["git", *who, *words], cwd=where, env=CLEAN, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.rstrip("\n")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With a folder of runbooks, something staged, something changed and something unknown."""
    top = tmp_path / "ops"
    (top / "runbooks").mkdir(parents=True)
    git(top, "init", "--quiet", "--initial-branch", "main")
    (top / "README").write_text("ours\n")
    (top / "runbooks" / "mine.yaml").write_text("a: 1\n")
    git(top, "add", ".")
    git(top, "commit", "--quiet", "-m", "first")
    (top / "README").write_text("changed\n")
    (top / "runbooks" / "mine.yaml").write_text("a: 2\n")
    git(top, "add", "runbooks/mine.yaml")
    (top / "unknown").write_text("?\n")
    return top


def approved(**fields: object) -> Promotion:
    made = learned(state=PromotionState.APPROVED, lifecycle="assisted")
    told = {"decided_at": AT, "decided_by": "Carla Ruiz", "why": "three times the same", **fields}
    return msgspec.structs.replace(made, **told)


def settings(top: Path, **fields: object) -> DeliverySettings:
    return msgspec.structs.replace(DeliverySettings(folder=top / "runbooks"), **fields)


def deliver_to(top: Path, promotion: Promotion | None = None, **fields: object) -> Delivered:
    return deliver(promotion or approved(), settings(top, **fields), top.parent / "var", AT + 5)


def state_of(top: Path) -> tuple[str, ...]:
    """All that people see of their work tree."""
    return (
        git(top, "status", "--porcelain"),
        git(top, "rev-parse", "HEAD"),
        git(top, "symbolic-ref", "HEAD"),
        git(top, "diff", "--cached"),
        git(top, "diff"),
        (top / "README").read_text(),
    )


def test_it_is_one_commit_on_a_branch_of_its_own(repository: Path) -> None:
    before = state_of(repository)
    done = deliver_to(repository)
    assert (done.error, done.branch, done.pushed) == ("", BRANCH, False)
    assert state_of(repository) == before, "the work tree, the index and HEAD are as they were"
    assert git(repository, "rev-parse", BRANCH) == done.commit
    assert git(repository, "rev-parse", f"{BRANCH}~1") == git(repository, "rev-parse", "main")
    changed = git(repository, "diff", "--name-status", f"main..{BRANCH}")
    assert changed == f"A\trunbooks/{NAME}.yaml"
    shown = git(repository, "show", f"{BRANCH}:runbooks/{NAME}.yaml")
    assert f"{shown}\n" == draft(document())
    assert not (repository / "runbooks" / f"{NAME}.yaml").exists()
    assert git(repository, "fsck", "--strict") == ""


def test_the_commit_says_whose_word_it_is_on_and_what_for(repository: Path) -> None:
    deliver_to(repository)
    told = git(repository, "log", "-1", "--format=%an|%ae|%cn|%at|%B", BRANCH)
    author, mailbox, committer, at, message = told.split("|", 4)
    assert (author, committer, at) == ("Carla Ruiz", "Homeostat", str(int(AT)))
    assert mailbox == "carla-ruiz@homeostat.invalid"
    assert message.startswith(f"Runbook {NAME}, learned from 3 incidents\n\n")
    for part in ("i-000001, i-000002, i-000003", "ann, bob", "Carla Ruiz", "three times the same"):
        assert part in message


def test_done_twice_it_is_the_same_commit(repository: Path) -> None:
    """A crash between the commit and the record of it."""
    assert deliver_to(repository).commit == deliver_to(repository).commit


def test_a_later_version_is_one_more_commit_on_the_branch(repository: Path) -> None:
    first = deliver_to(repository)
    changed = document(lifecycle={"state": "active"})
    again = approved(document=changed, decided_at=AT + 100)
    second = deliver_to(repository, again)
    assert git(repository, "rev-parse", f"{BRANCH}~1") == first.commit
    assert second.commit == git(repository, "rev-parse", BRANCH)


def test_after_the_branch_was_merged_the_next_one_begins_at_head(repository: Path) -> None:
    deliver_to(repository)
    git(repository, "stash", "--quiet", "--include-untracked")
    git(repository, "merge", "--quiet", "--no-ff", "-m", "merged", BRANCH)
    merged = git(repository, "rev-parse", "HEAD")
    again = approved(document=document(lifecycle={"state": "active"}), decided_at=AT + 100)
    deliver_to(repository, again)
    assert git(repository, "rev-parse", f"{BRANCH}~1") == merged


def test_what_it_replaces_goes_in_the_same_commit(repository: Path) -> None:
    old = repository / "runbooks" / "learned-old.yaml"
    old.write_text("old: 1\n")
    git(repository, "add", str(old))
    git(repository, "commit", "--quiet", "-m", "old", "--", str(old))
    deliver_to(repository, approved(replaces="learned-old"))
    changed = git(repository, "diff", "--no-renames", "--name-status", f"main..{BRANCH}")
    assert changed.splitlines() == [f"A\trunbooks/{NAME}.yaml", "D\trunbooks/learned-old.yaml"]


def test_a_branch_somebody_is_on_does_not_move(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", BRANCH)
    before = state_of(repository)
    done = deliver_to(repository)
    assert "checked out" in done.error
    assert state_of(repository) == before


def test_nothing_of_the_repository_is_run(repository: Path) -> None:
    ran = repository.parent / "ran"
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("reference-transaction", "pre-commit", "post-index-change", "post-commit"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {ran}\n")
        (hooks / name).chmod(0o755)
    (repository / ".gitattributes").write_text("*.yaml filter=evil\n")
    git(repository, "config", "filter.evil.clean", f"touch {ran}")
    git(repository, "config", "core.fsmonitor", f"touch {ran}")
    assert deliver_to(repository).error == ""
    assert not ran.exists()


def test_a_repository_without_a_commit_is_told(repository: Path) -> None:
    top = repository.parent / "empty"
    (top / "runbooks").mkdir(parents=True)
    git(top, "init", "--quiet")
    assert "no commit yet" in deliver_to(top).error


# the commands that follow

SAYS = (
    "import sys, pathlib; pathlib.Path(sys.argv[1]).open('a').write(repr(sys.argv[2:]) + chr(10))"
)


def test_it_is_pushed_and_a_merge_is_asked_for(repository: Path, tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    git(tmp_path, "init", "--quiet", "--bare", str(remote))
    git(repository, "remote", "add", "origin", str(remote))
    heard = tmp_path / "heard"
    request = (sys.executable, "-c", SAYS, str(heard), "--head={branch}", "{name}", "{path}")
    done = deliver_to(
        repository, push=("git", "push", "--quiet", "origin", "{branch}"), request=request
    )
    assert (done.error, done.pushed) == ("", True)
    assert git(remote, "rev-parse", BRANCH) == done.commit
    path = repository / "runbooks" / f"{NAME}.yaml"
    assert heard.read_text() == f"{[f'--head={BRANCH}', NAME, str(path)]!r}\n"


def test_what_fails_is_told_and_only_the_rest_is_done_again(
    repository: Path, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"
    push = (sys.executable, "-c", SAYS, str(heard), "push")
    fails = (sys.executable, "-c", "import sys; sys.exit('no such forge')")
    first = deliver_to(repository, push=push, request=fails)
    assert first.pushed
    assert "no such forge" in first.error
    again = approved(delivered=first)
    second = deliver_to(
        repository, again, push=push, request=(sys.executable, "-c", SAYS, str(heard), "request")
    )
    assert (second.error, second.pushed) == ("", True)
    assert heard.read_text().splitlines() == ["['push']", "['request']"]


def test_a_shell_has_nothing_to_read(repository: Path, tmp_path: Path) -> None:
    """Words are words, whatever stands in them."""
    heard = tmp_path / "heard"
    words = ("$(touch x)", "; touch x", "{name} && touch x")
    done = deliver_to(repository, push=(sys.executable, "-c", SAYS, str(heard), *words))
    assert done.error == ""
    assert heard.read_text() == f"{['$(touch x)', '; touch x', f'{NAME} && touch x']!r}\n"


def test_a_command_sees_no_secret_of_ours(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "t0p-of-ours")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    heard = tmp_path / "heard"
    says = f"import os, pathlib; pathlib.Path({str(heard)!r}).write_text(repr(dict(os.environ)))"
    assert deliver_to(repository, push=(sys.executable, "-c", says)).error == ""
    assert "t0p-of-ours" not in heard.read_text()
    assert "/nowhere" not in heard.read_text()


# the whole way, through the daemon

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop}
spec: {type: service, owner: team-shop, homeostat: {tier: low}}
"""


async def test_from_the_proposal_to_the_branch(repository: Path, tmp_path: Path) -> None:
    """It is tried out, looks on, is approved by somebody else, and is used before and after people
    merge it."""
    (tmp_path / "catalog-info.yaml").write_text(CATALOG)
    (tmp_path / "homeostat.yaml").write_text(
        "products: [catalog-info.yaml]\nshipped_runbooks: false\nlevel_check: 1h\n"
        "learning: {folder: ops/runbooks}\n"
    )
    settings = load_settings(tmp_path / "homeostat.yaml", {})
    made = Daemon(settings, store=MemoryStore(), clock=RealClock())
    await made.start()
    try:
        proposal = learned(asks=(), decider="team-shop", needed=1)
        record = Record(kind="promotion", key=NAME, body=proposal)
        await made.lane.submit([Decision(records=(record,))])

        def loaded(state: str) -> bool:
            found = {r.name: r.lifecycle.value for r in made.view.runbooks.runbooks}
            return found.get(NAME) == state

        assert await eventually(lambda: loaded("shadow"), within=20, what="it looks on")
        for who, refused in (("ann", True), ("carla", False)):
            event = PromotionDecided(at=made.now(), subject=NAME, who=who, state="assisted")
            answer = await made.ask(event)
            assert bool(answer.refused) is refused, answer.text
        assert await eventually(lambda: loaded("assisted"), within=20, what="it is assisted")

        def delivered() -> Delivered | None:
            return made.view.promotions[NAME].delivered

        done = await eventually(delivered, within=20, what="the branch")
        assert done is not None
        assert (done.error, done.branch) == ("", BRANCH)
    finally:
        await made.stop()
    text = git(repository, "show", f"{BRANCH}:runbooks/{NAME}.yaml")
    assert "state: assisted" in text
    assert f"{text}\n" == (settings.data_dir / "promoted" / f"{NAME}.yaml").read_text()


def test_no_other_branch_moves_by_another_name(repository: Path) -> None:
    git(repository, "symbolic-ref", f"refs/heads/{BRANCH}", "refs/heads/main")
    before = git(repository, "rev-parse", "main")
    assert "only another name of refs/heads/main" in deliver_to(repository).error
    assert git(repository, "rev-parse", "main") == before


def test_a_folder_with_a_line_break_in_its_name_is_not_taken_for_another(tmp_path: Path) -> None:
    top = tmp_path / "a"
    folder = top / "b\nrunbooks"
    folder.mkdir(parents=True)
    git(top, "init", "--quiet")
    git(top, "commit", "--quiet", "--allow-empty", "-m", "first")
    done = deliver(approved(), DeliverySettings(folder=folder), tmp_path, AT + 1)
    assert "line break" in done.error
    assert git(top, "branch", "--list", BRANCH) == ""


def test_every_name_of_a_person_is_one_git_takes(repository: Path) -> None:
    done = deliver_to(repository, approved(decided_by="\\"))
    assert done.error == ""
    assert git(repository, "log", "-1", "--format=%an", BRANCH) == "unknown"


def test_a_proof_in_an_address_is_not_kept(repository: Path) -> None:
    """F-SEC-28: what a command says is kept in the journal, and shown."""
    script = "echo 'fatal: https://bob:hunter2@git.invalid/x: no' >&2; exit 1"
    done = deliver_to(repository, push=("sh", "-c", script))
    assert "https://git.invalid/x: no" in done.error
    assert "hunter2" not in done.error


@pytest.mark.parametrize(
    ("push", "told"),
    [((), ""), (("git", "push"), ""), (("no-such-program",), "no-such-program is no program")],
)
def test_whether_it_could_be_delivered_is_known_before(
    repository: Path, push: tuple[str, ...], told: str
) -> None:
    found = fault_of(settings(repository, push=push))
    assert found.startswith(told)
    assert bool(found) is bool(told)


def test_what_is_in_the_way_of_a_delivery_is_known_before(tmp_path: Path) -> None:
    assert fault_of(DeliverySettings()) == ""
    assert "does not exist" in fault_of(DeliverySettings(folder=tmp_path / "no"))
    assert fault_of(DeliverySettings(folder=tmp_path)) == ""
    pushed = DeliverySettings(folder=tmp_path, push=("git", "push"))
    assert "nothing is pushed" in fault_of(pushed)
    git(tmp_path, "init", "--quiet")
    assert "no commit yet" in fault_of(DeliverySettings(folder=tmp_path))
