from __future__ import annotations

import pytest

from agent.catalog.matchers import BadMatcher, match_all, parse_matcher, parse_matchers
from agent.model.records import SilenceMatcher

# What Alertmanager's own parser (pkg/labels/parse_test.go, 0.25) makes of these texts.
READ = [
    ('foo="bar"', ("foo", "=", "bar")),
    ("foo=bar", ("foo", "=", "bar")),
    ("foo = bar ", ("foo", "=", "bar")),
    ('foo!="bar"', ("foo", "!=", "bar")),
    ('foo=~"bar|baz"', ("foo", "=~", "bar|baz")),
    ("foo=~bar.*", ("foo", "=~", "bar.*")),
    ("foo!~bar", ("foo", "!~", "bar")),
    ('foo=""', ("foo", "=", "")),
    ("foo=", ("foo", "=", "")),
    ('foo="ba,r"', ("foo", "=", "ba,r")),
    (r'foo="ba\"r"', ("foo", "=", 'ba"r')),
    (r'foo="ba\nr"', ("foo", "=", "ba\nr")),
    (r'foo=~"ba\\.r"', ("foo", "=~", r"ba\.r")),
    (r'foo="ba\.r"', ("foo", "=", r"ba\.r")),
    ("foo=ba=r", ("foo", "=", "ba=r")),
    ("foo=bär", ("foo", "=", "bär")),
    ('"foo bar"=baz', ("foo bar", "=", "baz")),
    ('"foö"!="x"', ("foö", "!=", "x")),
    ("topology.kubernetes.io/zone=a", ("topology.kubernetes.io/zone", "=", "a")),
]
REFUSED = [
    "",
    "foo",
    "=bar",
    'foo="bar',
    'foo=bar"',
    'foo="b"ar"',
    r'foo="bar\"',
    "foo bar=baz",
    "foo=~(a+)+",
    "foo=~[",
    "foo=~" + "x" * 300,
]


def operator(matcher: SilenceMatcher) -> str:
    if matcher.is_regex:
        return "=~" if matcher.is_equal else "!~"
    return "=" if matcher.is_equal else "!="


@pytest.mark.parametrize(("text", "told"), READ)
def test_a_matcher_is_read_as_alertmanager_reads_it(text: str, told: tuple[str, str, str]) -> None:
    found = parse_matcher(text)
    assert (found.name, operator(found), found.value) == told


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_matcher_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(BadMatcher) as caught:
        parse_matchers(text)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{foo="bar"}', ["foo"]),
        ('{ foo="b,a", baz!~q, }', ["foo", "baz"]),
        ("a=1,b=2 , c=3", ["a", "b", "c"]),
    ],
)
def test_several_stand_in_one_text(text: str, names: list[str]) -> None:
    assert [m.name for m in parse_matchers(text)] == names


@pytest.mark.parametrize("text", ['{foo="bar"', 'foo="bar"}', "{}", " , "])
def test_braces_and_commas_alone_are_none(text: str) -> None:
    with pytest.raises(BadMatcher):
        parse_matchers(text)


def test_matchers_that_agree_with_no_labels_at_all_are_known() -> None:
    assert match_all(parse_matchers('env!="prod", name=~".*"'))
    assert not match_all(parse_matchers('env!="prod", name=x'))
