"""When files have changed, and when they may be read."""

from __future__ import annotations

import os
from pathlib import Path

from agent.runtime.signature import SETTLED_SECONDS, Settled, signature_of


def test_what_is_not_yaml_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a")
    (tmp_path / "notes.txt").write_text("b")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.yml").write_text("c")
    found = [Path(entry[0]).name for entry in signature_of([tmp_path])]
    assert sorted(found) == ["a.yaml", "c.yml"]


def test_a_file_named_by_itself_counts_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a")
    assert len(signature_of([tmp_path / "tokens", tmp_path / "missing"])) == 1


def test_a_change_of_content_with_the_same_length_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a")
    before = signature_of([tmp_path])
    file.write_text("b")
    os.utime(file, ns=(1, 1))
    assert signature_of([tmp_path]) != before


def test_the_swap_of_a_link_above_the_files_is_seen(tmp_path: Path) -> None:
    """As Kubernetes replaces what it mounts from a ConfigMap."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text("a")
        os.utime(tmp_path / name / "a.yaml", ns=(1, 1))
    link = tmp_path / "data"
    link.symlink_to("one")
    before = signature_of([link])
    link.unlink()
    link.symlink_to("two")
    assert signature_of([link]) != before


OLD = (("a", 1, 1, 1),)
NEW = (("a", 1, 2, 2),)
NEWER = (("a", 1, 3, 3),)


def test_files_are_due_once_they_have_stood_still_for_a_second() -> None:
    settled = Settled(OLD)
    assert not settled.is_due(OLD, at=0.0)
    assert not settled.is_due(NEW, at=10.0)
    assert not settled.is_due(NEWER, at=10.0 + SETTLED_SECONDS)
    assert not settled.is_due(NEWER, at=10.5 + SETTLED_SECONDS)
    assert settled.is_due(NEWER, at=10.0 + 2 * SETTLED_SECONDS)


def test_what_was_read_is_not_due_again_even_where_it_was_refused() -> None:
    settled = Settled(OLD)
    settled.is_due(NEW, at=0.0)
    settled.taken(NEW)
    assert not settled.is_due(NEW, at=100.0)


def test_a_change_that_was_taken_back_is_not_due() -> None:
    settled = Settled(OLD)
    settled.is_due(NEW, at=0.0)
    settled.is_due(OLD, at=1.0)
    assert not settled.is_due(OLD, at=100.0)
