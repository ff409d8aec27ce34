"""Globs: two wildcards, everything else literal, and no name that makes them slow."""

from __future__ import annotations

import pytest

from agent.core.globs import fits, is_glob, literals


@pytest.mark.parametrize(
    ("glob", "name", "does"),
    [
        ("*CrashLoop*", "KubePodCrashLooping", True),
        ("*CrashLoop*", "CrashLoop", True),
        ("*CrashLoop*", "KubePodCrash", False),
        ("Kube?od", "KubePod", True),
        ("Kube?od", "Kubeod", False),
        ("*", "", True),
        ("**a**", "bab", True),
        ("a*b*c", "abc", True),
        ("a*b*c", "acb", False),
        ("*a", "aba", True),
        ("Disk[12]*", "Disk[12]Full", True),
        ("Disk[12]*", "Disk1Full", False),
        ("a.c", "abc", False),
        ("*x", "line\nx", True),
        ("kube*", "KubePod", False),
    ],
)
def test_what_a_glob_fits(glob: str, name: str, does: bool) -> None:
    assert fits(glob, name) is does


def test_a_glob_is_known_by_its_wildcards() -> None:
    assert [is_glob(t) for t in ("KubePod", "Kube*", "Kube?od", "Disk[1]")] == [
        False, True, True, False,
    ]  # fmt: skip


def test_only_its_own_letters_count() -> None:
    assert literals("*Crash?Loop*") == len("CrashLoop")


def test_a_name_made_to_be_slow_is_not() -> None:
    """Twenty stars against a thousand letters would take longer than the universe by trying."""
    assert not fits("*a" * 20 + "*b", "a" * 1024)
