"""What differs between two templates, without secrets and without end."""

from __future__ import annotations

from typing import Any

import pytest

from agent.ports.cluster_difference import changed_paths, difference, masked

ENV = "spec.containers[app].env[{}].value"


def pods(*env: dict[str, Any], image: str = "shop:1", **more: Any) -> dict[str, Any]:
    container = {"name": "app", "image": image, "env": list(env), **more}
    return {"spec": {"containers": [container]}}


def test_lines_name_the_field_and_both_values_and_images_come_first() -> None:
    before = pods({"name": "A", "value": "1"}, {"name": "GONE", "value": "x"})
    after = pods({"name": "NEW", "value": "y"}, {"name": "A", "value": "2"}, image="shop:2")
    assert difference(before, after) == (
        "spec.containers[app].image: shop:1 -> shop:2",
        "spec.containers[app].env[A].value: 1 -> 2",
        "spec.containers[app].env[GONE].name: removed GONE",
        "spec.containers[app].env[GONE].value: removed x",
        "spec.containers[app].env[NEW].name: added NEW",
        "spec.containers[app].env[NEW].value: added y",
    )
    assert difference(before, before) == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (ENV.format("DB_PASSWORD"), "hunter2"),
        (ENV.format("API_KEY"), "abc"),
        (ENV.format("SENTRY_DSN"), "https://x"),
        (ENV.format("SESSION"), "abc"),
        ("spec.containers[app].env[X].valueFrom.token", "abc"),
    ],
)
def test_what_is_called_a_secret_is_one(path: str, value: str) -> None:
    assert masked(path, value) == "***"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgres://shop:s3cr3t@db:5432/shop", "postgres://shop:***@db:5432/shop"),
        ("run --password=s3cr3t --level=debug", "run --password=*** --level=debug"),
        ("run --db-token s3cr3t -v", "run --db-token *** -v"),
        ("AKIA1234567890ABCDEFGHIJ", "***"),
        ("Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "Bearer ***"),
        ("sha256:" + "0a" * 32, "sha256:" + "0a" * 32),
        (
            "checkout-db-2-primary.eu-west-1.example.org",
            "checkout-db-2-primary.eu-west-1.example.org",
        ),
        ("debug", "debug"),
        ("a\x1b[31m\nb", "a[31m b"),
        ("x y " * 100, "x y " * 19 + "x..."),
    ],
)
def test_what_looks_like_a_secret_is_one(value: str, shown: str) -> None:
    assert masked(ENV.format("X"), value)[:100] == shown[:100]


def test_a_secret_that_changed_is_told_and_not_shown() -> None:
    before = pods({"name": "TOKEN", "value": "old-one"})
    after = pods({"name": "TOKEN", "value": "new-one"})
    assert difference(before, after) == ("spec.containers[app].env[TOKEN].value: changed (***)",)


def test_the_argument_after_the_option_of_a_secret_is_one() -> None:
    before = pods(args=["--level", "info", "--password", "hunter2"])
    after = pods(args=["--level", "debug", "--password", "hunter3"])
    assert difference(before, after) == (
        "spec.containers[app].args[1]: info -> debug",
        "spec.containers[app].args[3 --password]: changed (***)",
    )


def test_names_of_secrets_are_shown() -> None:
    reference = "spec.volumes[tls].secret.secretName"
    assert masked(reference, "web-tls-2") == "web-tls-2"
    assert masked("spec.automountServiceAccountToken", "false") == "false"


def test_many_differences_are_counted() -> None:
    found = difference({}, {str(n): n for n in range(100)})
    assert len(found) == 20
    assert found[-1] == "... and 81 more"


def test_what_is_deep_huge_or_not_text_is_no_error() -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"a": [deep]}
    assert len(difference({}, {"deep": deep})) == 1
    assert difference({"a": None}, {"a": float("nan"), "b": True})[-1] == "b: added true"
    assert len(difference({}, {"huge": "y" * 1_000_000})[0]) <= 240
    assert difference([], {1: {2: 3}}) == ("1.2: added 3",)


def test_paths_of_what_is_new_are_those_of_its_writers() -> None:
    assert changed_paths(pods(), pods(image="shop:2")) == {"spec.containers[app].image"}
