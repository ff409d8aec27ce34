"""What is read from files: everything wrong is told, and learned runbooks agree with the store."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from agent.catalog.draft import draft
from agent.catalog.on_call import Staff
from agent.catalog.people import Principals
from agent.catalog.settings import Settings, load_settings
from agent.core.reaching import LAST_RESORT
from agent.model.learning import Ask, PromotionState
from agent.model.principal import Principal, Role
from agent.runtime.reading import Reading, approvers_of, channels_of, read, write_promoted
from tests.support.cases import REGISTRY
from tests.support.daemon import catalog, component
from tests.support.learned import promotion
from tests.support.runbook_plugins import PLUGINS, SMALL

WEB = catalog([component("web")])


def site(folder: Path, settings: str = "", *, products: str = WEB, **runbooks: str) -> Settings:
    (folder / "runbooks").mkdir()
    for name, text in runbooks.items():
        (folder / "runbooks" / f"{name}.yaml").write_text(text)
    (folder / "catalog-info.yaml").write_text(products)
    (folder / "homeostat.yaml").write_text(
        f"runbooks: [runbooks]\nproducts: [catalog-info.yaml]\nshipped_runbooks: false\n{settings}"
    )
    return load_settings(folder / "homeostat.yaml", {})


def names(reading: Reading) -> list[str]:
    return [r.name for r in reading.runbooks.runbooks]


def test_all_of_it_is_good(tmp_path: Path) -> None:
    settings = site(tmp_path, a=SMALL)
    reading = read(settings, PLUGINS)
    assert (reading.is_good, names(reading), list(reading.registry.products)) == (
        True,
        ["web-hung"],
        ["web"],
    )


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "tokens.yaml").write_text("- 7\n")
    settings = site(
        tmp_path, "tokens_file: tokens.yaml\n", products="kind: Nonsense\n", a="a: [", b=SMALL
    )
    reading = read(settings, PLUGINS)
    assert not reading.is_good
    told = {Path(f.file).name for f in reading.faults}
    assert {"a.yaml", "catalog-info.yaml", "tokens.yaml"} <= told
    assert names(reading) == ["web-hung"]
    assert reading.principals is None


def test_the_files_of_learned_runbooks_are_made_to_agree_with_the_store(tmp_path: Path) -> None:
    settings = site(tmp_path)
    folder = settings.data_dir / "promoted"
    first = read(settings, PLUGINS, promotions=[promotion("one"), promotion("two")])
    assert names(first) == ["one", "two"]
    (folder / "one.yaml").write_text("edited: by hand\n")
    (folder / "stranger.yaml").write_text("put: there\n")
    rejected = promotion("two", PromotionState.REJECTED)
    again = read(settings, PLUGINS, promotions=[promotion("one"), rejected])
    assert (names(again), again.is_good) == (["one"], True)
    assert [p.name for p in folder.iterdir()] == ["one.yaml"]
    assert (folder / "one.yaml").read_text() == draft(promotion("one").document)
    assert names(read(settings, PLUGINS, promotions=[])) == []


def test_whoever_does_not_know_the_store_leaves_them_alone(tmp_path: Path) -> None:
    """The first reading of a start comes before the store is opened, and a second daemon is refused
    only by the store."""
    settings = site(tmp_path)
    read(settings, PLUGINS, promotions=[promotion("one")])
    assert names(read(settings, PLUGINS)) == ["one"]
    assert (settings.data_dir / "promoted" / "one.yaml").is_file()


def test_a_file_that_agrees_is_not_written_again(tmp_path: Path) -> None:
    write_promoted(tmp_path / "promoted", [promotion("one")])
    path = tmp_path / "promoted" / "one.yaml"
    os.utime(path, (1, 1))
    write_promoted(tmp_path / "promoted", [promotion("one")])
    assert path.stat().st_mtime == 1


def test_a_file_that_nobody_can_read_is_written_again(tmp_path: Path) -> None:
    write_promoted(tmp_path, [promotion("one")])
    (tmp_path / "one.yaml").write_bytes(b"\xff\xfe")
    write_promoted(tmp_path, [promotion("one")])
    assert (tmp_path / "one.yaml").read_text().startswith("apiVersion")


def test_nothing_learned_makes_no_folder(tmp_path: Path) -> None:
    write_promoted(tmp_path / "promoted", [])
    assert not (tmp_path / "promoted").exists()


@pytest.mark.parametrize(
    ("state", "is_there"),
    [
        (PromotionState.TRYING, False),
        (PromotionState.REFUSED, False),
        (PromotionState.REJECTED, False),
        (PromotionState.PROPOSED, True),
        (PromotionState.APPROVED, True),
    ],
)
def test_only_what_looks_on_or_was_approved_becomes_a_file(
    tmp_path: Path, state: PromotionState, is_there: bool
) -> None:
    write_promoted(tmp_path, [promotion("one", state)])
    assert (tmp_path / "one.yaml").is_file() is is_there


def test_of_what_is_retired_there_is_no_file(tmp_path: Path) -> None:
    """Another one that was approved has its remedies: they would tie."""
    write_promoted(tmp_path, [msgspec.structs.replace(promotion("one"), lifecycle="retired")])
    assert list(tmp_path.iterdir()) == []


def test_while_a_question_is_open_there_is_no_file(tmp_path: Path) -> None:
    asked = Ask(step="step-1", param="replicas", seen=(2, 3))
    open_one = msgspec.structs.replace(promotion("one"), asks=(asked,))
    write_promoted(tmp_path, [open_one])
    assert list(tmp_path.iterdir()) == []
    said = msgspec.structs.replace(asked, answer=2, answered_by="carla")
    write_promoted(tmp_path, [msgspec.structs.replace(open_one, asks=(said,))])
    assert (tmp_path / "one.yaml").is_file()


@pytest.mark.parametrize(
    ("old", "new", "left"),
    [
        (PromotionState.APPROVED, PromotionState.APPROVED, {"new.yaml"}),
        (PromotionState.PROPOSED, PromotionState.PROPOSED, {"new.yaml"}),
        (PromotionState.APPROVED, PromotionState.PROPOSED, {"old.yaml", "new.yaml"}),
        (PromotionState.APPROVED, PromotionState.TRYING, {"old.yaml"}),
    ],
)
def test_what_is_replaced_goes_once_the_new_one_may_do_as_much(
    tmp_path: Path, old: PromotionState, new: PromotionState, left: set[str]
) -> None:
    other = msgspec.structs.replace(promotion("new", new), replaces="old")
    write_promoted(tmp_path, [promotion("old", old), other])
    assert {p.name for p in tmp_path.iterdir()} == left


def test_once_people_have_it_in_a_folder_of_theirs_ours_steps_aside(tmp_path: Path) -> None:
    """The branch was merged: it is theirs to change from now on."""
    settings = site(tmp_path)
    mine = settings.data_dir / "promoted" / "one.yaml"
    assert names(read(settings, PLUGINS, promotions=[promotion("one")])) == ["one"]
    theirs = tmp_path / "runbooks" / "one.yaml"
    theirs.write_text(mine.read_text())
    unaware = read(settings, PLUGINS)
    assert (names(unaware), unaware.is_good) == (["one"], True), "check, with the daemon away"
    for cached in (False, True):
        reading = read(settings, PLUGINS, promotions=[promotion("one")], cache=cached)
        assert (names(reading), reading.is_good) == (["one"], True)
        assert reading.runbooks.runbooks[0].path == str(theirs)
        assert not mine.exists()
    theirs.unlink()
    again = read(settings, PLUGINS, promotions=[promotion("one")], cache=True)
    assert (names(again), mine.is_file()) == (["one"], True)


def test_who_may_approve_is_known_by_product() -> None:
    def who(name: str, role: Role, *products: str) -> Principal:
        return Principal(name=name, roles=frozenset({role}), products=frozenset(products))

    people = {
        p.name: p
        for p in (
            who("ann", Role.APPROVER),
            who("bob", Role.APPROVER, "pay"),
            who("root", Role.ADMIN),
            who("carla", Role.RESPONDER),
            who("paul", Role.PLATFORM),
        )
    }
    principals = Principals(slack_users=people)
    assert approvers_of(principals, REGISTRY) == {
        "shop": frozenset({"ann", "root"}),
        "pay": frozenset({"ann", "bob", "root"}),
        "": frozenset({"ann", "root"}),
    }
    assert approvers_of(None, REGISTRY) is None


def test_learned_runbooks_that_cannot_be_written_are_a_fault(tmp_path: Path) -> None:
    settings = site(tmp_path)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "promoted").write_text("a file where the folder belongs")
    reading = read(settings, PLUGINS, promotions=[promotion("one")])
    assert not reading.is_good
    assert [f.code for f in reading.faults] == ["HS410"]


def test_the_text_an_incident_is_pinned_to_is_known_beside_the_new_one(tmp_path: Path) -> None:
    settings = site(tmp_path, a=SMALL)
    [old] = read(settings, PLUGINS).runbooks.runbooks
    (tmp_path / "runbooks" / "a.yaml").write_text(SMALL.replace("within: 2m", "within: 3m"))
    reading = read(settings, PLUGINS, pinned={old.digest: old.text, "broken": "a: ["})
    [new] = reading.runbooks.runbooks
    assert new.digest != old.digest
    assert reading.index.by_digest(old.digest) is not None
    assert reading.index.by_digest("broken") is None
    found = reading.index.candidates({"alertname": "ServiceNotAnswering"})
    assert [r.digest for r in found] == [new.digest], "only the new one matches"


def test_there_is_always_a_channel_that_needs_nothing(tmp_path: Path) -> None:
    settings = site(tmp_path, "notify:\n  team-pay: [{use: webhook, with: {url: http://x}}]\n")
    view, behind = channels_of(settings, Staff())
    assert [c.use for c in view["default"]] == ["terminal", "file"]
    assert [c.use for c in view[LAST_RESORT]] == [LAST_RESORT]
    assert [c.use for c in view["team-pay"]] == ["webhook"]
    assert {c.id for channels in view.values() for c in channels} == set(behind)
