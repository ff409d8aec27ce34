from __future__ import annotations

import pytest

from agent.ports.change_words import is_elsewhere, short, text_of


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("", False),
        ("production", False),
        ("Prod EU", False),
        ("latest", False),
        ("devices", False),
        ("contest", False),
        ("STAGING", True),
        ("shop-dev", True),
        ("dev_2", True),
        ("non-prod", True),
        ("preprod", True),
        ("pre-production", True),
        ("pr-12/preview", True),
        ("a" * 100_000 + " staging", False),
    ],
)
def test_names_that_say_that_it_is_no_production(environment: str, expected: bool) -> None:
    assert is_elsewhere(environment) is expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.4.2", "1.4.2"),
        ("a" * 40, "a" * 12),
        ("main@sha1:" + "0123456789" * 4, "main@sha1:012345678901"),
        ("sha256:" + "f" * 64, "sha256:" + "f" * 12),
        ("f" * 41, "f" * 41),
    ],
)
def test_versions_are_as_short_as_people_write_them(version: str, expected: str) -> None:
    assert short(version) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), (3, "3"), (1.5, "1.5"), (True, ""), (None, ""), ([1], ""), (10**400, "")],
)
def test_only_words_and_numbers_are_text(value: object, expected: str) -> None:
    assert text_of(value) == expected
