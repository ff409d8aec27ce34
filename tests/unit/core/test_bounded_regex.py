"""Regular expressions of others: ordinary ones work, and none keeps the process busy."""

from __future__ import annotations

import pytest

from agent.core.bounded_regex import (
    LONGEST_SUBJECT,
    MOST_STEPS,
    SHORTEST_SUBJECT,
    Unbounded,
    bounded,
    ways_of,
)

ORDINARY = [
    ("prod|stage", "stage", "prod2"),
    ("web-.*", "web-1", "db-web-1"),
    (".*-prod-.*", "eu-prod-web", "eu-stage-web"),
    (".*-prod-.*-eu-.*", "a-prod-b-eu-c", "a-prod-b-us-c"),
    ("(?:prod|stage)-[0-9]+", "prod-12", "prod-x"),
    (r"10\.0\.\d{1,3}\.\d+:9100", "10.0.12.7:9100", "10.1.2.3:9100"),
    ("(web|db)-(eu|us)(-[a-z]{2,8})?", "web-eu-blue", "web-eu-Blue"),
    ("[]a]*[^]b]+?", "a]]x", "a]b"),
    ("", "", "x"),
    ("{}", "{}", "x"),
    ("a{,2}", "aa", "aaa"),
]
ENDLESS = [
    ".*.*.*.*.*.*x", "(a+)+$", "(a|aa)+$", "((a|aa))*", "(.*)*x", "(?:a+)+", "(a*b*)*c", "(a?)*b",
    "a?" * 20 + "a" * 20, "(a|aa)" * 20 + "b", "(a?){18}b", "(a{0,30}){3}b", ".{0,900}" * 3 + "b",
    "(.*.*){2}x", "(a{1,9}){1,9}b", "a{5000}", "a{1,99999}",
]  # fmt: skip
NOT_READ = [r"(a)\1", "(?=a)b", "(?i)a", "(?P<n>a)", "a*+", "a**", "a{2}{3}", "(", ")", "[a", "a\\",
            "a{3,2}", "(" * 50 + ")" * 50, "a" * 300, "*a"]  # fmt: skip


@pytest.mark.parametrize(("pattern", "fits", "differs"), ORDINARY)
def test_what_people_write_works(pattern: str, fits: str, differs: str) -> None:
    found = bounded(pattern)
    assert found is not None
    assert found.is_all_of(fits) is True
    assert found.is_all_of(differs) is False


@pytest.mark.parametrize("pattern", [*ENDLESS, *NOT_READ])
def test_what_could_go_back_without_end_is_not_used(pattern: str) -> None:
    """F-SEC-16"""
    assert bounded(pattern) is None


@pytest.mark.parametrize("pattern", [".*x", ".*.*x", ".*.*.*x", "(.*a){3}b", ".{1,100}.{1,100}b"])
def test_the_more_a_pattern_goes_back_the_shorter_the_texts_it_is_tried_on(pattern: str) -> None:
    found = bounded(pattern)
    assert found is not None
    assert SHORTEST_SUBJECT <= found.longest <= LONGEST_SUBJECT
    assert ways_of(pattern).steps(found.longest) <= MOST_STEPS
    assert found.is_all_of("a" * found.longest) is False
    assert found.is_all_of("a" * (found.longest + 1)) is None


@pytest.mark.parametrize(
    ("pattern", "steps"),
    [("abc", 1), ("a|b|c", 3), ("a?", 2), ("a{2,5}", 4), ("a*", 11), ("a*b*", 66), ("(a|b){2}", 4)],
)
def test_the_ways_are_counted(pattern: str, steps: int) -> None:
    assert ways_of(pattern).steps(10) == steps


def test_what_has_no_bound_says_so() -> None:
    with pytest.raises(Unbounded):
        ways_of("(a*)*")
